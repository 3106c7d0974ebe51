"""Migrations: bring a database to the newest schema, or tell whether it is there."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tidegate.store.database import connect

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


def is_current(url: str) -> bool:
    """Tell whether the database at *url* has the newest schema."""
    head = ScriptDirectory.from_config(migration_config(url)).get_current_head()
    engine = connect(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() == head
    finally:
        engine.dispose()
