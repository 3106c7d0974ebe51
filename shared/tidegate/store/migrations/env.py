"""Alembic's environment: one connection, one transaction for all steps."""

from typing import Any, Final, Literal

from alembic import context
from sqlalchemy import Connection, delete, event, insert, inspect, text

from tidegate.store import (  # noqa: F401 - have tables
    access_tables,
    course_tables,
    instance_tables,
    notice_tables,
    ssm_tables,
)
from tidegate.store.database import connect
from tidegate.store.migrate import oldest_code
from tidegate.store.row import UtcDateTime
from tidegate.store.tables import ApplicationRow, SchemaFloorRow

_LOCK: Final = 7_401_253


def in_plain_words(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Have migrations written without types of ours, which may change after them."""
    return (
        "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False
    )


def run() -> None:
    """Run the migrations, one process at a time."""
    engine = connect(context.config.attributes["url"])
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _leave_references)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        context.configure(
            connection=connection,
            target_metadata=ApplicationRow.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=in_plain_words,
            transaction_per_migration=False,
        )
        context.run_migrations()
        _note_floor(connection)
        if connection.dialect.name == "sqlite":
            _check_references(connection)
    engine.dispose()


def _note_floor(connection: Connection) -> None:
    """Write down how old code may be for what the database has now: that code cannot know."""
    if not inspect(connection).has_table(SchemaFloorRow.__tablename__):
        return
    (revision,) = context.get_context().get_current_heads()
    floor = oldest_code(context.script, revision)
    connection.execute(delete(SchemaFloorRow))
    connection.execute(insert(SchemaFloorRow).values(oldest_code=floor))


def _leave_references(connection: Any, _record: Any) -> None:
    # SQLite alters a table by making it anew; dropping the old one would delete what refers to it.
    connection.execute("PRAGMA foreign_keys=OFF")


def _check_references(connection: Connection) -> None:
    if broken := connection.execute(text("PRAGMA foreign_key_check")).all():
        raise RuntimeError(f"The migration would leave {len(broken)} rows that refer to nothing.")


run()
