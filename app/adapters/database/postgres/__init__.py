"""PostgreSQL, shared by several replicas."""
