"""A payment's facts, which its events prove, and the status that follows from them."""
