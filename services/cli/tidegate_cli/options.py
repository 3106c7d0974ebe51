"""Options that several commands share, and how their texts are read."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, Final, TypeVar

import typer

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Profile to take address and token from."),
]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
EVENTS: Final = {
    "failure": "DEPLOYMENT_FAILURE",
    "stop": "DEPLOYMENT_STOP_ON_REQUEST",
    "alarm": "DEPLOYMENT_STOP_ON_ALARM",
}
_SSH: Final = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<six>[^\]\s]+)\]|(?P<address>[^\[\]:@\s]+))(?::(?P<port>\d+))?"
)


def pairs(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    """Read `K=V` texts; an empty text alone means none.

    Raises:
        typer.BadParameter: One of them is no `K=V`, or two give the same key.
    """
    found: dict[str, str] = {}
    for text in [] if list(texts or ()) == [""] else texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{text!r} is not K=V.", param_hint=option)
        if found.setdefault(key, value) != value:
            raise typer.BadParameter(f"{key!r} is given twice.", param_hint=option)
    return found


def tag_filters(texts: Sequence[str]) -> list[list[dict[str, str]]]:
    """Read the tags of a group: different keys must all match, of one key any value.

    `K=V` wants that value, `K=*` any value, `*=V` that value under any key.
    """
    by_key: dict[str, list[dict[str, str]]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals or (key == "*" and value in {"", "*"}):
            raise typer.BadParameter(f"{text!r} is not K=V, K=* or *=V.", param_hint="--tag")
        if key == "*":
            condition = {"key": "", "value": value, "type": "VALUE_ONLY"}
        elif value == "*":
            condition = {"key": key, "value": "", "type": "KEY_ONLY"}
        else:
            condition = {"key": key, "value": value, "type": "KEY_AND_VALUE"}
        by_key.setdefault(key, []).append(condition)
    return list(by_key.values())


def duration(text: str) -> timedelta:
    """Read `90s`, `30m` or `2h`.

    Raises:
        typer.BadParameter: It is none of these.
    """
    unit = _UNITS.get(text[-1:])
    number = text[:-1]
    if unit is None or not (number.isascii() and number.isdigit()) or int(number) == 0:
        raise typer.BadParameter(f"{text!r} is no time such as 90s, 30m or 2h.")
    try:
        return timedelta(seconds=int(number) * unit)
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is longer than can be waited.") from None


def one_of(*words: str) -> Callable[[str], str]:
    """Return what reads one of *words*, and refuses any other."""

    def read(text: str) -> str:
        if text not in words:
            raise typer.BadParameter(f"{text!r} is none of: {', '.join(words)}.")
        return text

    return read


def rollback(text: str) -> dict[str, object]:
    """Read words such as `failure,stop`, or `none`.

    Raises:
        typer.BadParameter: It holds another word.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words == ["none"]:
        return {"enabled": False, "events": []}
    strange = [word for word in words if word not in EVENTS]
    if strange or not words:
        raise typer.BadParameter(
            f"{text!r} is neither `none` nor one or more of {','.join(EVENTS)}."
        )
    return {"enabled": True, "events": list(dict.fromkeys(EVENTS[word] for word in words))}


def ssh_address(text: str) -> dict[str, object]:
    """Read `USER@ADDRESS[:PORT]`; an IPv6 address stands in brackets.

    Raises:
        typer.BadParameter: It cannot be read so.
    """
    match = _SSH.fullmatch(text)
    if match is None or not match["user"]:
        six = text.count(":") > 1 and "[" not in text
        hint = "; write an IPv6 address in brackets, USER@[ADDRESS]:PORT" if six else ""
        raise typer.BadParameter(f"{text!r} is not USER@ADDRESS or USER@ADDRESS:PORT{hint}.")
    # No port means the default one, also for a host that had another until now.
    address = match["six"] or match["address"]
    found: dict[str, object] = {"user": match["user"], "address": address, "port": None}
    if match["port"]:
        port = int(match["port"])
        if not 1 <= port <= 65535:
            raise typer.BadParameter(f"{port} is no port; ports are 1 to 65535.")
        found["port"] = port
    return found


def identity(text: str) -> str:
    """Check that a key is only named: key material never leaves this machine.

    Raises:
        typer.BadParameter: It is none of the three ways.
    """
    way, colon, rest = text.partition(":")
    if text == "agent" or (way in {"file", "env"} and colon and rest.strip()):
        return text
    raise typer.BadParameter("write file:/PATH/OF/KEY, env:NAME or agent; never the key itself.")


def parsed(read: Callable[[str], T]) -> Callable[[T | str | None], T | None]:
    """Return *read* as a callback of an option that may be absent."""

    def callback(value: T | str | None) -> T | None:
        return read(value) if isinstance(value, str) else value

    return callback
