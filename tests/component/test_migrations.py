"""The migrations lead to the tables that the code expects, and back."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from tidegate.store.database import connect
from tidegate.store.migrate import migration_config, upgrade
from tidegate.store.schema import HEAD, is_current
from tidegate.store.tables import Row

BOOKKEEPING = "alembic_version"


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def tables_of(url: str) -> set[str]:
    with connected(url) as connection:
        return set(inspect(connection).get_table_names()) - {BOOKKEEPING}


def is_at_head(url: str) -> bool:
    engine = connect(url)
    try:
        return is_current(engine)
    finally:
        engine.dispose()


def differences_to_models(url: str) -> list[Any]:
    with connected(url) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, Row.metadata)


def test_head_has_what_the_models_say(database_url: str):
    assert tables_of(database_url) == set(Row.metadata.tables)
    assert differences_to_models(database_url) == []


def test_a_column_that_no_migration_makes_is_noticed(database_url: str):
    with connected(database_url) as connection:
        connection.exec_driver_sql("ALTER TABLE tokens DROP COLUMN role")
        connection.commit()

    differences = differences_to_models(database_url)

    assert [(kind, table) for kind, _, table, _ in differences] == [("add_column", "tokens")]


def test_upgrading_what_is_at_head_changes_nothing(database_url: str):
    upgrade(database_url)

    assert differences_to_models(database_url) == []


def test_a_database_is_current_only_at_head(empty_database_url: str):
    before = is_at_head(empty_database_url)
    upgrade(empty_database_url)

    assert not before
    assert is_at_head(empty_database_url)


def test_the_code_knows_the_newest_migration():
    config = migration_config("sqlite://")

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_going_back_leaves_nothing_and_the_way_up_stays_open(database_url: str):
    command.downgrade(migration_config(database_url), "base")
    left = tables_of(database_url)
    upgrade(database_url)

    assert left == set()
    assert differences_to_models(database_url) == []


def test_each_step_can_be_taken_back_and_again(empty_database_url: str):
    config = migration_config(empty_database_url)
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]

    for revision in reversed(steps):
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)

    assert differences_to_models(empty_database_url) == []


def test_processes_that_start_together_migrate_once(empty_database_url: str):
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=upgrade, args=(empty_database_url,)) for _ in range(3)]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert is_at_head(empty_database_url)
