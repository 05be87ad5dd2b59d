"""What the service does: one act a file, its ports beside it, the commit visible."""
