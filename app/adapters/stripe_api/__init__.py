"""Stripe's API, of which a few things are read. Stripe's own terms of HTTP stay in here."""
