"""Carts, the catalogue, return URLs and idempotency keys."""
