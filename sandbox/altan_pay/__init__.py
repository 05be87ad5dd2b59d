"""Simulates Altan Pay and its failures."""
