"""Plays a small shop."""
