"""The databases. The schema is written once; each database has its own adapter."""
