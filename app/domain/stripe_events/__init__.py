"""Reads what Stripe's events prove about payments."""
