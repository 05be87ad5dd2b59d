"""Carts, the catalog, return URLs and idempotency keys."""
