"""Altan Pay, which creates Stripe's hosted payment pages. Altan's own terms stay in here."""
