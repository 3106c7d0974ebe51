"""Plain YAML scalars, typed as the agent's YAML library (Ruby's Psych 4) types them."""

import re
from dataclasses import dataclass
from typing import Final, Self, TypeAlias


@dataclass(frozen=True, slots=True)
class Symbol:
    """A Ruby symbol, written `:name`; never equal to a text."""

    name: str


Scalar: TypeAlias = str | int | float | bool | Symbol | None


class NotLoadable(ValueError):
    """The agent's YAML library refuses to load such a value; the text is what it says."""

    @classmethod
    def of_class(cls, name: str) -> Self:
        return cls(f"Tried to load unspecified class: {name}")


_WORD: Final = re.compile(r"[^\d.:-]?(?:[^\W\d]|[\s!@#$%^&*(){}<>|/\\~;=])+")
_TIME: Final = re.compile(
    r"-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:\s*(?:Z|[-+]\d{1,2}:?(?:\d\d)?))?",
    re.ASCII,
)
_DATE: Final = re.compile(r"\d{4}-(?:1[012]|0\d|\d)-(?:[12]\d|3[01]|0\d|\d)", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9][0-9_,]*)?\.[0-9]*(?:[eE][-+][0-9]+)?")
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9]){1,2}(\.[0-9_]*)?")
_WHOLE: Final = re.compile(r"[-+]?\d+(?:_\d+)*", re.ASCII)
_DECIMAL: Final = re.compile(rf"{_WHOLE.pattern}(?:\.\d+(?:_\d+)*)?", re.ASCII)
_INTEGERS: Final = (
    (re.compile(r"[-+]?0b[01_,]+"), 2),
    (re.compile(r"[-+]?0[0-7_,]+"), 8),
    (re.compile(r"[-+]?(?:0|[1-9](?:[0-9]|,[0-9]|_[0-9])*)"), 10),
    (re.compile(r"[-+]?0x[0-9a-fA-F_,]+"), 16),
)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("yes", "true", "on"), True),
    **dict.fromkeys(("no", "false", "off"), False),
    "null": None,
    "~": None,
}
_INFINITIES: Final = {
    ".inf": float("inf"),
    "+.inf": float("inf"),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}
_MOST_DIGITS: Final = 400


def typed(text: str) -> Scalar:
    """Return the value of a plain (unquoted) scalar.

    Raises:
        NotLoadable: It is a date or a time, which the agent's safe loader refuses.
    """
    if not text:
        return None
    if _WORD.match(text):
        return _WORDS.get(text.lower(), text)
    if _TIME.fullmatch(text):
        raise NotLoadable.of_class("Time")
    if _DATE.fullmatch(text):
        raise NotLoadable.of_class("Date")
    if text.lower() in _INFINITIES:
        return _INFINITIES[text.lower()]
    if text.startswith(":") and len(text) > 1:
        return Symbol(re.sub(r"^([\"'])(.*)\1.*$", r"\2", text[1:]))
    return _number(text)


def _number(text: str) -> Scalar:
    if len(text) > _MOST_DIGITS:
        return text
    if match := _BASE_60.fullmatch(text):
        return _base_60(text, fraction=match[1] is not None)
    digits = text.replace(",", "").replace("_", "")
    try:
        if _FLOAT.fullmatch(text) and text.strip("+-") != ".":
            return float(digits)
        for pattern, base in _INTEGERS:
            if pattern.fullmatch(text):
                return int(digits, base)
    except ValueError:
        # Such as 0x_ or .e+1: it looks like a number, and is none.
        kind = "Float" if "." in text else "Integer"
        raise NotLoadable(f'invalid value for {kind}(): "{digits}"') from None
    return text


def _base_60(text: str, *, fraction: bool) -> int | float:
    # Two parts weigh 3600 and 60, as if the seconds had been left out: so it is in Psych.
    weights = (3600, 60, 1)
    pairs = zip(text.split(":"), weights, strict=False)
    if fraction:
        return sum(float(_led_by(_DECIMAL, part)) * weight for part, weight in pairs)
    return sum(int(_led_by(_WHOLE, part)) * weight for part, weight in pairs)


def _led_by(pattern: re.Pattern[str], part: str) -> str:
    """Return the number with which *part* begins; Ruby reads no further."""
    match = pattern.match(part)
    return match[0].replace("_", "") if match else "0"
