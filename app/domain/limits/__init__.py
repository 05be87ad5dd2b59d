"""Rate limits, and the circuit breaker for Altan Pay."""
