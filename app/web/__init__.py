"""HTTP: reads requests strictly, calls a use case, and builds the answer."""
