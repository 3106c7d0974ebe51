"""Ranges of SELinux contexts, as the agent reads and writes them."""

import itertools
from typing import Final

from tidegate.appspec.findings import FAILED
from tidegate.appspec.ruby import cut

_HIGHEST_CATEGORY: Final = 1023
_MOST_DIGITS: Final = 15


class BadRange(ValueError):
    """The text is no range that the agent takes."""


def normal_range(text: str) -> str:
    """Return a range in its shortest form, `s#[-s#][:c#[.c#][,…]]`.

    Raises:
        BadRange: It is none, with the agent's sentence.
    """
    sensitivities, *categories = _parts(text, ":")
    low, *rest = (_sensitivity(part) for part in _parts(sensitivities, "-"))
    high = rest[0] if rest else low
    if high < low:
        message = f"{FAILED}of a problem with the SELinux range specified ({cut(text)}) for the "
        raise BadRange(
            f"{message}context parameter in the permissions section of the application "
            "specification file. Make corrections in the permissions section of the AppSpec file, "
            "and then try again."
        )
    span = f"s{low}" if low == high else f"s{low}-s{high}"
    return f"{span}:{_joined(_categories(categories[0]))}" if categories else span


def _parts(text: str, separator: str) -> list[str]:
    parts = text.split(separator, 1)
    if not all(parts):
        raise BadRange(f"invalid range part {cut(text)}")
    return parts


def _number(text: str, letter: str, kind: str) -> int:
    digits = text.removeprefix(letter)
    right = text.startswith(letter) and digits.isascii() and digits.isdigit()
    if not right or len(digits) > _MOST_DIGITS:
        raise BadRange(f"invalid {kind} {cut(text)}")
    return int(digits)


def _sensitivity(text: str) -> int:
    return _number(text, "s", "sensitivity")


def _category(text: str) -> int:
    number = _number(text, "c", "category")
    if number > _HIGHEST_CATEGORY:
        raise BadRange(f"invalid category {cut(text)}")
    return number


def _categories(text: str) -> list[int]:
    found: set[int] = set()
    for part in text.rstrip(",").split(","):
        named = _span(part)
        if not found.isdisjoint(named):
            raise BadRange("duplicate categories")
        found.update(named)
    return sorted(found)


def _span(text: str) -> range:
    if "." not in text:
        return range(_category(text), _category(text) + 1)
    low, high = _parts(text, ".")
    if _category(high) < _category(low):
        raise BadRange(f"invalid category range {cut(low)}.{cut(high)}")
    return range(_category(low), _category(high) + 1)


def _joined(categories: list[int]) -> str:
    runs = itertools.groupby(enumerate(categories), key=lambda pair: pair[1] - pair[0])
    spans = [[category for _, category in run] for _, run in runs]
    return ",".join(
        f"c{span[0]}" if len(span) == 1 else f"c{span[0]}.c{span[-1]}" for span in spans
    )
