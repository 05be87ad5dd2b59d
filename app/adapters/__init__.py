"""Adapters for external systems. They implement the ports, and never import each other."""
