"""HTTP itself: bodies, negotiation, addresses, connections."""
