"""Migrations: bring a database to the newest schema."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tidegate.domain.region import DEFAULT_REGION
from tidegate.store.database import connect
from tidegate.store.schema import FIRST_FLOOR, Misfit, misfit

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class SchemaTooNew(Exception):
    """The database was migrated by a version that left no room for this one."""

    def __init__(self, found: Misfit) -> None:
        super().__init__(found.reason)


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
    """Bring the database at *url* to the newest schema; harmless when it is there.

    A newer one that this code works with is left as it is.

    Raises:
        SchemaTooNew: It is newer, and this code does not work with it.
    """
    engine = connect(url)
    try:
        found = misfit(engine)
    finally:
        engine.dispose()
    if found is not None and not found.may_pass:
        raise SchemaTooNew(found)
    if found is not None:
        command.upgrade(migration_config(url, region=region), "head")


def oldest_code(scripts: ScriptDirectory, revision: str) -> str:
    """Return the oldest schema whose code works with that of *revision*.

    A migration that takes something away says by `oldest_code` what code no longer wants it.
    """
    applied = scripts.iterate_revisions(revision, "base")
    told = (getattr(script.module, "oldest_code", FIRST_FLOOR) for script in applied)
    return max(told, default=FIRST_FLOOR)
