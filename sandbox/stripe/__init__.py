"""Simulates Stripe: its payment page, its objects and its webhooks."""
