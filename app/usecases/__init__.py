"""The use cases, one per file, each with an explicit commit, and the ports that they need."""
