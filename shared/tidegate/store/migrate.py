"""Migrations: bring a database to the newest schema."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migration_config(url: str) -> Config:
    """Return Alembic's configuration for the database at *url*."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Bring the database at *url* to the newest schema; harmless when it is there."""
    command.upgrade(migration_config(url), "head")
