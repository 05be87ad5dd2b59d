"""Plays Altan Pay, with its failures."""
