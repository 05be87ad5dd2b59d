"""Existing alternatives on PostgreSQL, set up as their own documentation describes."""
