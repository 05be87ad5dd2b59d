"""What a shop's page asks for: carts, the catalogue, return addresses, idempotency keys."""
