"""What tokens, access keys and GitHub tokens have in common as rows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tidegate.domain.errors import AlreadyExists
from tidegate.store.access_tables import AccessKeyRow, GitHubTokenRow, TokenRow

TOUCHED_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when one was last used: what many use at once must not be a hot row."""
Revocable = TokenRow | AccessKeyRow
R = TypeVar("R", TokenRow, AccessKeyRow, GitHubTokenRow)


def add(session: Session, row: R, *, otherwise: AlreadyExists) -> None:
    """Keep *row*.

    Raises:
        AlreadyExists: There is one of that name, which *otherwise* says.
    """
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise otherwise from None


def page(
    session: Session, table: type[R], *where: ColumnElement[bool], limit: int, after: str | None
) -> Iterator[R]:
    """Yield rows by name, those behind *after*."""
    query = select(table).where(*where).order_by(table.name).limit(limit)
    if after is not None:
        query = query.where(table.name > after)
    yield from session.scalars(query)


def revoke(
    session: Session, table: type[Revocable], which: ColumnElement[bool], *, at: datetime
) -> None:
    """End one; one that has ended stays as it is."""
    session.execute(
        update(table)
        .where(which, table.revoked_at.is_(None))
        .values(revoked_at=at)
        .execution_options(synchronize_session="fetch")
    )


def touch(session: Session, table: type[R], *which: ColumnElement[bool], at: datetime) -> None:
    """Note that one was used, at most once a minute."""
    used = table.last_used_at
    session.execute(
        update(table)
        .where(*which, or_(used.is_(None), used < at - TOUCHED_EVERY))
        .values(last_used_at=at)
        .execution_options(synchronize_session=False)
    )
