"""Connections to SQLite or PostgreSQL, set up so that many writers get on with each other."""

from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

POOL_TIMEOUT: Final = 120
"""Seconds for which a thread waits for a connection: hundreds may want one in the same moment."""


def connect(url: str, *, pool_size: int = 10) -> Engine:
    """Return an engine for *url*; nothing is opened before its first use.

    SQLite writes ahead and a writing transaction begins with BEGIN IMMEDIATE: a read that turns
    into a write in the middle would fail at once, whatever the busy time-out.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _connect_sqlite(url)
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=5,
        pool_timeout=POOL_TIMEOUT,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "options": "-c timezone=UTC"},
    )


def _connect_sqlite(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=POOL_TIMEOUT,
        connect_args={"timeout": 30, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "busy_timeout=30000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        reads = connection.get_execution_options().get("tidegate_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def may_pass(error: Exception) -> bool:
    """Tell whether *error* is of a database that is away or busy, and may pass."""
    cut_off = isinstance(error, DBAPIError) and error.connection_invalidated
    return cut_off or isinstance(error, OperationalError | InterfaceError | PoolTimeout)
