"""HTTP: reads requests strictly, calls a use case, and says what came of it."""
