"""Folds events into payments, without I/O: it returns queries, and gets their answers."""
