"""Alembic's environment: one connection, one transaction for all steps."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import text

from tidegate.store.database import connect
from tidegate.store.tables import Row, UtcDateTime

_LOCK = 7_401_253


def in_plain_words(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Have migrations written without types of ours, which may change after them."""
    return (
        "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False
    )


def run() -> None:
    """Run the migrations, one process at a time."""
    engine = connect(context.config.attributes["url"])
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        context.configure(
            connection=connection,
            target_metadata=Row.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=in_plain_words,
            transaction_per_migration=False,
        )
        context.run_migrations()
    engine.dispose()


run()
