"""Pages of a hundred, and tokens that hold the key of the last entry shown."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.cursors import BadCursor, moment_of, read_cursor, write_cursor

PAGE: Final = 100
_LONGEST_NUMBER: Final = 10
Entry = TypeVar("Entry")


def read_token(list_name: str, token: str | None, *, size: int = 1) -> list[str] | None:
    """Return the key that a token of the list stands behind; None at the start.

    Raises:
        AwsError: The token is none that this list gave.
    """
    if not token:
        return None
    try:
        name, *key = read_cursor(token, size + 1)
    except BadCursor:
        raise _invalid() from None
    if name != list_name:
        raise _invalid()
    return key


def read_name(list_name: str, token: str | None) -> str | None:
    """Return the name that a token of the list stands behind; None at the start.

    Raises:
        AwsError: The token is none that this list gave.
    """
    key = read_token(list_name, token)
    return None if key is None else key[0]


def read_number(list_name: str, token: str | None) -> int | None:
    """Return the number that a token of the list stands behind; None at the start.

    Raises:
        AwsError: The token is none that this list gave.
    """
    key = read_token(list_name, token)
    if key is None:
        return None
    (number,) = key
    if not (number.isascii() and number.isdecimal() and len(number) < _LONGEST_NUMBER):
        raise _invalid()
    return int(number)


def read_moment(list_name: str, token: str | None) -> tuple[datetime, str] | None:
    """Return the moment and id that a token of the list stands behind; None at the start.

    Raises:
        AwsError: The token is none that this list gave.
    """
    key = read_token(list_name, token, size=2)
    if key is None:
        return None
    try:
        return moment_of(key[0]), key[1]
    except BadCursor:
        raise _invalid() from None


def page_of(list_name: str, names: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the first page of *names*, which are one more where there are more, and its token."""
    return page_by(list_name, names, key=lambda name: [name])


def page_by(
    list_name: str, entries: Sequence[Entry], *, key: Callable[[Entry], Sequence[str]]
) -> tuple[list[Entry], str | None]:
    """Return the first page of *entries* and its token, which holds the *key* of the last one."""
    shown = list(entries[:PAGE])
    more = len(entries) > PAGE
    return shown, write_cursor([list_name, *key(shown[-1])]) if more else None


def _invalid() -> AwsError:
    return AwsError(
        "InvalidNextTokenException",
        "The nextToken is none that this operation gave; leave it out to begin at the start.",
    )
