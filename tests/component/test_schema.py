"""Code works with its own schema and with newer ones that have room for it, and with no other."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from tidegate.store.database import connect
from tidegate.store.migrate import SchemaTooNew, migration_config, oldest_code, upgrade
from tidegate.store.schema import FIRST_FLOOR, HEAD, misfit, misfit_in_time

NEWER = f"{int(HEAD) + 2:04}"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def brought_to(engine: Engine, version: str, *, floor: str) -> None:
    """What a newer version's migrations leave behind."""
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))
        connection.execute(text(f"UPDATE schema_floor SET oldest_code = '{floor}'"))


def version_of(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def test_a_migrated_database_says_how_old_code_may_be(engine: Engine):
    scripts = ScriptDirectory.from_config(migration_config("sqlite://"))

    with engine.connect() as connection:
        floors = connection.scalars(text("SELECT oldest_code FROM schema_floor")).all()

    assert floors == [oldest_code(scripts, HEAD)]


def test_a_migration_that_takes_away_raises_the_floor_and_later_ones_keep_it():
    told = {"0010": None, "0011": "0010", "0012": None}
    modules = [SimpleNamespace(oldest_code=old) if old else object() for old in told.values()]
    scripts: Any = SimpleNamespace(
        iterate_revisions=lambda upper, _: [SimpleNamespace(module=m) for m in modules[:upper]]
    )

    assert [oldest_code(scripts, number) for number in (1, 2, 3)] == [FIRST_FLOOR, "0010", "0010"]  # type: ignore[arg-type]


def test_a_newer_schema_with_room_for_this_code_is_worked_with_and_left_alone(
    engine: Engine, database_url: str
):
    brought_to(engine, NEWER, floor=HEAD)

    upgrade(database_url)

    assert misfit(engine) is None
    assert version_of(engine) == NEWER


def test_a_newer_schema_without_room_is_refused_at_once(engine: Engine, database_url: str):
    brought_to(engine, NEWER, floor=NEWER)

    found = misfit_in_time(engine, within=60, say=print)

    assert found is not None
    assert found.reason == (
        f"The database has schema {NEWER}, which needs code of schema {NEWER} or newer, and this "
        f"version is of {HEAD}; install the version that migrated it."
    )
    with pytest.raises(SchemaTooNew, match="install the version that migrated it"):
        upgrade(database_url)
    assert version_of(engine) == NEWER


def test_an_older_schema_is_waited_for_and_then_said(engine: Engine):
    brought_to(engine, "0009", floor="0009")
    said: list[str] = []

    found = misfit_in_time(engine, within=0.6, say=said.append)

    assert found is not None
    assert said == [found.reason]
    assert "has schema 0009, and this version needs schema" in found.reason
    assert "tidegate migrate" in found.reason


def test_a_database_without_tables_is_no_misfit_for_a_migration(empty_database_url: str):
    engine = connect(empty_database_url)
    before = misfit(engine)
    engine.dispose()

    upgrade(empty_database_url)
    after = misfit(engine)
    engine.dispose()

    assert before is not None
    assert "no tables yet" in before.reason
    assert after is None
