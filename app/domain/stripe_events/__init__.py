"""Reads Stripe's events: what each one proves about a payment."""
