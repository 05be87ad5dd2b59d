"""The durable memory. The schema is written once; each database has its own adapter."""
