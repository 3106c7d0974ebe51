"""Which schema the code needs, and whether a database has one that it can work with."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tidegate.clock import monotonic

HEAD: Final = "0014"
"""The newest migration; a test holds it to Alembic's own idea, which is costly to ask for."""
FIRST_FLOOR: Final = "0009"
"""The oldest code that any schema can be for: migrations up to here changed what others used."""
_ASK_EVERY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why this code cannot work with the schema that a database has."""

    reason: str
    """One sentence that says what to do."""
    may_pass: bool
    """A migration, or time, mends it."""


def misfit(engine: Engine) -> Misfit | None:
    """Return what is wrong with the schema of a database; None if this code works with it.

    It does with its own, and with each newer one whose migrations left room for it.

    Raises:
        sqlalchemy.exc.OperationalError: The database cannot be reached.
    """
    with engine.execution_options(tidegate_reads=True).connect() as connection:
        found = _version(connection)
        if found == HEAD:
            return None
        if found < HEAD:
            has = f"schema {found}" if found else "no tables yet"
            return Misfit(
                f"The database has {has}, and this version needs schema {HEAD}; run "
                "`tidegate migrate` of this version.",
                may_pass=True,
            )
        floor = _floor(connection)
    if floor <= HEAD:
        return None
    return Misfit(
        f"The database has schema {found}, which needs code of schema {floor} or newer, and this "
        f"version is of {HEAD}; install the version that migrated it.",
        may_pass=False,
    )


def misfit_in_time(engine: Engine, *, within: float, say: Callable[[str], object]) -> Misfit | None:
    """Return what `misfit` says when it does not pass *within* so many seconds.

    A process that starts beside the migration waits for it, and for a database that starts too;
    *say* is told once what is waited for.
    """
    until = monotonic() + within
    said = ""
    while (found := _misfit_or_silence(engine)) and found.may_pass and monotonic() < until:
        if found.reason != said:
            say(found.reason)
            said = found.reason
        Event().wait(_ASK_EVERY)
    return found


def _misfit_or_silence(engine: Engine) -> Misfit | None:
    try:
        return misfit(engine)
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or error).strip()
        return Misfit(f"The database does not answer: {why}", may_pass=True)


def _version(connection: Connection) -> str:
    """Return the number of the last migration, which is nothing where there was none."""
    try:
        found = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    except DBAPIError:
        # No such table: prove that it is the table that is missing and not the database.
        connection.rollback()
        connection.execute(text("SELECT 1"))
        return ""
    return max(found, default="")


def _floor(connection: Connection) -> str:
    floors = connection.scalars(text("SELECT oldest_code FROM schema_floor")).all()
    return max(floors, default=FIRST_FLOOR)
