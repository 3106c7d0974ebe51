"""Pages: a cursor is the key of the last entry, so that insertions move nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from tidegate_api.cursors import BadCursor, moment_of, read_cursor, write_cursor
from tidegate_api.rest.shapes import Page

Entry = TypeVar("Entry")
Shape = TypeVar("Shape")


def page_of(
    entries: Sequence[Entry],
    limit: int,
    *,
    key: Callable[[Entry], Sequence[str]],
    shape: Callable[[Entry], Shape],
) -> Page[Shape]:
    """Return the first *limit* of *entries*, which are one more where there are more."""
    shown = entries[:limit]
    cursor = write_cursor(key(shown[-1])) if len(entries) > limit else None
    return Page(items=[shape(entry) for entry in shown], next_cursor=cursor)


def read_name(cursor: str | None) -> str | None:
    """Return the name that a cursor stands behind.

    Raises:
        BadCursor: It is none.
    """
    return None if cursor is None else read_cursor(cursor, 1)[0]


def read_number(cursor: str | None) -> int | None:
    """Return the number that a cursor stands behind.

    Raises:
        BadCursor: It is none.
    """
    if cursor is None:
        return None
    (number,) = read_cursor(cursor, 1)
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise BadCursor
    return int(number)


def read_moment(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the moment and id that a cursor stands behind.

    Raises:
        BadCursor: It is none.
    """
    if cursor is None:
        return None
    moment, id_ = read_cursor(cursor, 2)
    return moment_of(moment), id_
