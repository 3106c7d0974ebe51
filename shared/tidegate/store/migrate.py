"""Migrations: bring a database to the newest schema."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config

from tidegate.domain.region import DEFAULT_REGION

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migration_config(url: str, *, region: str = DEFAULT_REGION) -> Config:
    """Return Alembic's configuration for the database at *url*.

    *region* is that of what was made before there were regions.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = url
    config.attributes["region"] = region
    return config


def upgrade(url: str, *, region: str = DEFAULT_REGION) -> None:
    """Bring the database at *url* to the newest schema; harmless when it is there."""
    command.upgrade(migration_config(url, region=region), "head")
