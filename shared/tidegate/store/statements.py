"""Statements that several parts of the store need, and some that are built only once.

Those that run for every report of every host: to build them costs more than they do.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Row as ResultRow
from sqlalchemy import Table, Update, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tidegate.store.row import Row


def change(
    session: Session,
    table: type[Row],
    *,
    where: Mapping[str, object],
    values: Mapping[str, object],
    returning: str,
) -> ResultRow[Any] | None:
    """Write *values* to the one row of *table* whose columns equal *where*, if there is one.

    Return the column *returning* of it, or None. What the session has loaded is not refreshed.
    """
    statement = _update(table, tuple(where), tuple(values), returning)
    parameters = {f"is_{name}": value for name, value in where.items()}
    parameters |= {f"to_{name}": value for name, value in values.items()}
    return session.execute(statement, parameters).one_or_none()


@cache
def _update(
    table: type[Row], where: tuple[str, ...], values: tuple[str, ...], returning: str
) -> Update:
    plain = plain_table(table)
    return (
        update(plain)
        .where(*(plain.c[name] == bindparam(f"is_{name}") for name in where))
        .values({name: bindparam(f"to_{name}") for name in values})
        .returning(plain.c[returning])
    )


def insert_unless_there(
    session: Session, table: type[Row], **values: object
) -> postgresql.Insert | sqlite.Insert:
    """Return the statement that adds a row, and does nothing where its key is taken.

    Without *values* it adds rows that are told when it is executed.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(values) if values else insert(plain_table(table))
    return statement.on_conflict_do_nothing()


def plain_table(table: type[Row]) -> Table:
    """Return the table of a class: statements on it pass by the ORM, which has nothing to add."""
    plain = table.__table__
    if not isinstance(plain, Table):
        raise TypeError(table)
    return plain
