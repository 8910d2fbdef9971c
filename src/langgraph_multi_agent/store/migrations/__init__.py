"""Alembic migrations: expand first, contract a release later. The sum of them is the schema."""
