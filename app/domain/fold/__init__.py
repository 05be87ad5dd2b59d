"""Folds events into payments. Pure: it says what it wants to know, and is told."""
