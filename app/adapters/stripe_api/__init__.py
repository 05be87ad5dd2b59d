"""Reads from Stripe's API. Its HTTP details stay in here."""
