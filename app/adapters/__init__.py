"""One adapter for each outside thing. They know the ports, never each other."""
