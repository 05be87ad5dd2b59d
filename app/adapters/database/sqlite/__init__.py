"""SQLite, embedded: one process, one writer."""
