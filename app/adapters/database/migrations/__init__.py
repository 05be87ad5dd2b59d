"""Alembic's migrations, part of the package, so that the service updates its own schema."""
