"""What the operator sees: logs, metrics, and the watch that is kept on every request."""
