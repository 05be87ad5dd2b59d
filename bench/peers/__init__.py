"""What people run today for the same job, set up as their own documents say, on PostgreSQL."""
