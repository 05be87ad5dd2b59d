"""Alembic's migrations, shipped inside the package: the service updates its own schema."""
