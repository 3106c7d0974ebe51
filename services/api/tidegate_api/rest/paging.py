"""Pages: a cursor is the key of the last entry, so that insertions move nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from tidegate.domain.errors import Invalid
from tidegate_api.rest.shapes import Page

Entry = TypeVar("Entry")
Shape = TypeVar("Shape")


class BadCursor(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "This cursor is none that this list gave; leave it out to begin at the start.",
            code="InvalidNextTokenException",
        )


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


def write_cursor(key: Sequence[str]) -> str:
    """Return a cursor that stands behind the entry with *key*."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def read_name(cursor: str | None) -> str | None:
    """Return the name that a cursor stands behind.

    Raises:
        BadCursor: It is none.
    """
    return None if cursor is None else _read(cursor, 1)[0]


def read_moment(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the moment and id that a cursor stands behind.

    Raises:
        BadCursor: It is none.
    """
    if cursor is None:
        return None
    moment, id_ = _read(cursor, 2)
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise BadCursor from None
    if at.tzinfo is None:
        raise BadCursor
    return at, id_


def _read(cursor: str, size: int) -> list[str]:
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        json.dumps(key, ensure_ascii=False).encode()
    except (binascii.Error, ValueError, RecursionError):
        raise BadCursor from None
    if not isinstance(key, list) or [type(part) for part in key] != [str] * size:
        raise BadCursor
    return key
