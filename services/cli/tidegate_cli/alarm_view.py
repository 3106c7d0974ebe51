"""Alarms of a deployment in words: how each was found, and since when."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from tidegate_cli.output import Column
from tidegate_cli.progress import moment
from tidegate_cli.times import clock

Document = Mapping[str, Any]

STYLES: Final = {
    "OK": "green",
    "ALARM": "bold red",
    "INSUFFICIENT_DATA": "yellow",
    "NO_DATA": "bold yellow",
    "UNREADABLE": "bold yellow",
}
MOST: Final = 5
LONGEST_NAME: Final = 40
"""In a line of 80 characters, so that the state has room behind it."""
_WORDS: Final = {
    "INSUFFICIENT_DATA": "insufficient data",
    "NO_DATA": "no data",
    "UNREADABLE": "unreadable",
}


def state_of(alarm: Document) -> str:
    """Return how an alarm was found, in words."""
    state = str(alarm.get("state") or "")
    return _WORDS.get(state, state) or "not read yet"


def alarm_columns(now: datetime) -> tuple[Column, ...]:
    """Return the columns of a table of alarms, as of *now*."""
    return (
        ("alarm", lambda alarm: alarm.get("name")),
        ("kind", lambda alarm: alarm.get("kind")),
        ("state", state_of),
        ("since", lambda alarm: _since(alarm, now)),
        ("why", lambda alarm: alarm.get("why")),
    )


def alarm_lines(deployment: Document, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield lines and their styles: each alarm that is not OK, and the others together."""
    alarms = deployment.get("alarms") or ()
    fine = [str(alarm.get("name")) for alarm in alarms if alarm.get("state") == "OK"]
    others = [alarm for alarm in alarms if alarm.get("state") != "OK"]
    for alarm in others[:MOST]:
        yield _line(alarm, now), STYLES.get(str(alarm.get("state")), "dim")
    if len(others) > MOST:
        yield f"… and {len(others) - MOST} more alarms that are not OK", "dim"
    if fine:
        yield f"{'Alarms' if len(fine) > 1 else 'Alarm'} OK: {', '.join(fine)}", STYLES["OK"]


def _line(alarm: Document, now: datetime) -> str:
    since = _since(alarm, now)
    when = f" since {since}" if since else ""
    why = " ".join(str(alarm.get("why") or "").split())
    name = str(alarm.get("name"))
    shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return f"Alarm {shown}: {state_of(alarm)}{when}" + (f". {why}" if why else "")


def _since(alarm: Document, now: datetime) -> str:
    since = moment(alarm.get("since"))
    return clock(since, now) if since else ""
