"""Cursors: the key of the last entry of a page, so that insertions move nothing."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from tidegate.domain.errors import Invalid


class BadCursor(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "This cursor is none that this list gave; leave it out to begin at the start.",
            code="InvalidNextTokenException",
        )


def write_cursor(key: Sequence[str]) -> str:
    """Return a cursor that stands behind the entry with *key*."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def read_cursor(cursor: str, size: int) -> list[str]:
    """Return the key, of *size* parts, that a cursor stands behind.

    Raises:
        BadCursor: It is none.
    """
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        json.dumps(key, ensure_ascii=False).encode()
    except (binascii.Error, ValueError, RecursionError):
        raise BadCursor from None
    if not isinstance(key, list) or [type(part) for part in key] != [str] * size:
        raise BadCursor
    if any("\0" in part for part in key):
        raise BadCursor
    return key


def moment_of(part: str) -> datetime:
    """Return the moment that a part of a key is.

    Raises:
        BadCursor: It is none.
    """
    try:
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            raise BadCursor
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadCursor from None
