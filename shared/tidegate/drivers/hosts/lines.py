"""What a host may say over a session, line by line: nothing it sends is trusted."""

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

from tidegate.drivers.hosts import Fact, LogPiece
from tidegate.drivers.said import tidy

LONGEST_LINE: Final = 3 << 19
"""In bytes; the longest AppSpec fits in, as base64."""
LONGEST_PREFACE: Final = 1 << 20
_LARGEST: Final = 1 << 53
_LARGEST_EXIT_CODE: Final = (1 << 31) - 1
_END_OF_TIME: Final = 1e11
_LONGEST_APPSPEC: Final = 1 << 20


class ProtocolBroken(Exception):
    """The host said what the runner never says; the message says what."""


@dataclass(frozen=True, slots=True)
class Need:
    what: str
    text: bytes = b""
    """Of the AppSpec that it needs to have read."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The run goes on, and has nothing to say."""


@dataclass(frozen=True, slots=True)
class End:
    """The journal was delivered to its end."""


@dataclass(frozen=True, slots=True)
class Lost:
    rebooted: bool
    event: str | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The host does not know the run that began there."""


@dataclass(frozen=True, slots=True)
class Refused:
    why: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a probe."""


HostLine: TypeAlias = Need | Fact | LogPiece | Beat | End | Lost | Unknown | Refused | Pong
_Fields: TypeAlias = Mapping[str, object]


def quoted(data: bytes | str, limit: int = 200) -> str:
    """Return the end of what a host said, fit for a sentence."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    line = tidy(text)
    return line if len(line) <= limit else "…" + line[-limit:]


class Preface:
    """Finds the marker after which the host's bytes are ours; keeps the end of what was before."""

    def __init__(self, marker: str) -> None:
        self.marker = marker
        self._marker = f"\n{marker}\n".encode()
        self._pending = b"\n"
        self._size = 0

    @property
    def tail(self) -> bytes:
        return self._pending[-500:].strip()

    def feed(self, data: bytes) -> bytes | None:
        """Return what follows the marker, or None while it has not come.

        Raises:
            ProtocolBroken: The login shell talks without end.
        """
        self._pending += data
        before, found, after = self._pending.partition(self._marker)
        if found:
            self._pending = before
            return after
        self._size += len(data)
        if self._size > LONGEST_PREFACE:
            raise ProtocolBroken("its login shell printed more than 1 MB before the runner began")
        self._pending = self._pending[-500 - len(self._marker) :]
        return None


class Lines:
    """Cuts bytes into lines, and refuses one, or a sum of them, that is too long."""

    def __init__(self, budget: int) -> None:
        self._rest = bytearray()
        self._budget = budget

    def feed(self, data: bytes) -> Iterator[HostLine]:
        """Yield the lines that *data* completes.

        Raises:
            ProtocolBroken: They are too long, too many, or not the runner's.
        """
        self._budget -= len(data)
        if self._budget < 0:
            raise ProtocolBroken("it sent more than the log limits of the run allow")
        fresh = len(self._rest)
        self._rest += data
        if b"\n" in data:
            *lines, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
            for line in lines:
                yield _line_within_bounds(line)
        elif fresh + len(data) > LONGEST_LINE:
            raise ProtocolBroken("it sent a line of more than 1.5 MB")


def _line_within_bounds(line: bytes) -> HostLine:
    if len(line) > LONGEST_LINE:
        raise ProtocolBroken("it sent a line of more than 1.5 MB")
    return read_line(line)


def read_line(line: bytes) -> HostLine:
    """Return what *line* says.

    Raises:
        ProtocolBroken: It says nothing that the runner says.
    """
    try:
        # As text: from bytes, json would also take half characters and other encodings.
        said = json.loads(line.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ProtocolBroken(f"it sent {quoted(line[:80])!r}, which is no JSON") from None
    kind = said.get("t") if isinstance(said, dict) else None
    if not isinstance(kind, str) or kind not in _READERS:
        raise ProtocolBroken(f"it sent {quoted(line[:80])!r}, which the runner never says")
    try:
        return _READERS[kind](_cleaned(said) if b"\\u" in line else said)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ProtocolBroken(f"it sent a malformed {kind!r} line") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _cleaned(value: Any) -> Any:
    """Return *value* without what a database cannot hold: lone surrogates and NUL."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {str(_cleaned(key)): _cleaned(item) for key, item in value.items()}
    return value


def _text(value: object, longest: int = 65536) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise TypeError
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise TypeError
    return value


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not math.isfinite(value) or not 0 <= value < _END_OF_TIME:
        raise ValueError
    return float(value)


def _exit_code(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST_EXIT_CODE:
        raise TypeError
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError
    return [_text(item) for item in value]


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _one_of(*words: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError
        return value

    return check


_FACTS: Final[Mapping[str, Mapping[str, Callable[[object], object]]]] = {
    "begun": {"at": _moment},
    "waiting": {"at": _moment, "for": _text},
    "event": {
        "at": _moment,
        "name": _text,
        "status": _one_of("InProgress", "Succeeded", "Failed", "Skipped"),
    },
    "end": {"at": _moment, "outcome": _one_of("succeeded", "failed", "stopped")},
}
_OPTIONAL: Final[Mapping[str, Callable[[object], object]]] = {
    "exit_code": _exit_code,
    "error_code": _text,
    "script": _text,
    "message": _text,
    "log_size": _count,
    "warnings": _texts,
    "noop": _truth,
}


def _fact(said: _Fields) -> Fact:
    body = said["f"]
    if not isinstance(body, dict):
        raise TypeError
    for field, check in _FACTS[_text(body["fact"])].items():
        check(body[field])
    for field, check in _OPTIONAL.items():
        if field in body:
            check(body[field])
    return Fact(_count(said["o"]), body)


def _need(said: _Fields) -> Need:
    what = _one_of("runner", "bundle", "appspec")(said["what"])
    text = _bytes(said["text"]) if what == "appspec" else b""
    if len(text) > _LONGEST_APPSPEC:
        raise ValueError
    return Need(what, text)


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(_text(value, LONGEST_LINE), validate=True)
    except binascii.Error:
        raise ValueError from None


def _log(said: _Fields) -> LogPiece:
    is_text = "s" in said
    data = _text(said["s"], LONGEST_LINE).encode() if is_text else _bytes(said["b"])
    return LogPiece(_text(said["e"], 100), _count(said["at"]), data)


def _lost(said: _Fields) -> Lost:
    event = said.get("event")
    why = _one_of("died", "rebooted")(said["why"])
    return Lost(why == "rebooted", None if event is None else _text(event, 100))


_READERS: Final[Mapping[str, Callable[[_Fields], HostLine]]] = {
    "need": _need,
    "fact": _fact,
    "log": _log,
    "beat": lambda _: Beat(),
    "end": lambda _: End(),
    "lost": _lost,
    "unknown": lambda _: Unknown(),
    "refused": lambda said: Refused(_text(said["why"]), _text(said.get("code", ""))),
    "pong": lambda _: Pong(),
}
