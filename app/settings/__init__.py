"""Reads, validates and explains the settings."""
