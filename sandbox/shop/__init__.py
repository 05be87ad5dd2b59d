"""A small demo shop."""
