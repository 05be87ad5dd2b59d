"""Altan Pay, which makes Stripe's hosted payment pages. Altan's own words stay in here."""
