"""Options that say which alarms stop a deployment, and how their texts are read."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

Alarms = Annotated[
    list[str] | None,
    typer.Option(
        "--alarm", metavar="NAME", help="A CloudWatch alarm; give it again for further ones."
    ),
]
Checks = Annotated[
    list[str] | None,
    typer.Option(
        "--check",
        metavar="'NAME=QUERY > VALUE'",
        help="A query of Prometheus, and the values at which it is an alarm (also >=, <, <=, == "
        "and !=); give it again for further ones.",
    ),
]
Enabled = Annotated[
    bool | None,
    typer.Option("--on/--off", help="Look at them, or keep the list and look at nothing."),
]
IgnorePollFailure = Annotated[
    bool | None,
    typer.Option(
        "--ignore-poll-failure/--no-ignore-poll-failure",
        help="Go on where an alarm cannot be read, or stop then.",
    ),
]

_CHECK: Final = re.compile(
    r"(?P<name>[^=]*[^=\s])\s*=\s*(?P<query>\S.*?)\s*(?P<comparison>>=|<=|==|!=|>|<)"
    r"\s*(?P<threshold>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*",
    re.DOTALL,
)


def alarm_settings(
    alarms: Sequence[str] | None,
    checks: Sequence[str] | None,
    *,
    enabled: bool | None = None,
    ignore_poll_failure: bool | None = None,
    before: Mapping[str, Any] | None = None,
) -> dict[str, object]:
    """Return alarms as the API wants them: what is given, and of *before* what is not.

    Raises:
        typer.BadParameter: A check cannot be read.
    """
    known = before or {}
    names = known.get("names", []) if alarms is None else _given(alarms)
    read = known.get("checks", []) if checks is None else list(map(read_check, _given(checks)))
    says_which = alarms is not None or checks is not None
    if enabled is None:
        enabled = bool(names or read) and (says_which or bool(known.get("enabled")))
    if ignore_poll_failure is None:
        ignore_poll_failure = bool(known.get("ignore_poll_failure"))
    return {
        "enabled": enabled,
        "ignore_poll_failure": ignore_poll_failure,
        "names": names,
        "checks": read,
    }


def _given(texts: Sequence[str]) -> list[str]:
    return [] if list(texts) == [""] else list(texts)


def read_check(text: str) -> dict[str, object]:
    """Read `NAME=QUERY > VALUE`; the last comparison is that of the check.

    Raises:
        typer.BadParameter: It cannot be read so.
    """
    match = _CHECK.fullmatch(text.strip())
    if match is None or math.isinf(threshold := float(match["threshold"])):
        raise typer.BadParameter(
            f"{text!r} is not NAME=QUERY > VALUE, such as 'slow=max(latency_seconds) > 0.5'.",
            param_hint="--check",
        )
    return {**match.groupdict(), "threshold": threshold}


def alarm_facts(alarms: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return the alarms of a group, as facts to show."""
    names, checks = alarms.get("names") or (), alarms.get("checks") or ()
    if not names and not checks:
        return [("alarms", "none")]
    return [
        ("alarms", "on" if alarms.get("enabled") else "off, nothing is looked at"),
        *(("cloudwatch alarm", name) for name in names),
        *((f"check {check['name']}", _condition(check)) for check in checks),
        ("unreadable alarms", "are ignored" if alarms.get("ignore_poll_failure") else "stop it"),
    ]


def _condition(check: Mapping[str, Any]) -> str:
    query = " ".join(str(check["query"]).split())
    return f"{query} {check['comparison']} {check['threshold']:g}"
