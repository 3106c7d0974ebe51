"""Alembic's migrations, numbered in their order."""
