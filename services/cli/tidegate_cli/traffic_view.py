"""Traffic that moves, in words: bars of weights, steps with their times, what comes next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from tidegate_cli.progress import moment
from tidegate_cli.times import clock, spell

Document = Mapping[str, Any]

BAR: Final = 20
SHORT_BAR: Final = 10
"""In a table of 80 columns."""
_BLOCKS: Final = ("█", "░")
_PLAIN_BLOCKS: Final = ("#", "-")
_WHAT: Final = {
    "look": "look at how it stands",
    "prepare": "set up the replacement",
    "test": "give it the test traffic",
    "ready": "wait for a word",
    "termination": "keep the original",
    "finish": "remove the original",
    "restore": "bring it back",
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step in words."""

    status: str
    event: str
    what: str
    at: str
    note: str
    """How long it took, since when it runs, or in what time it is due."""


def moves_traffic(deployment: Document) -> bool:
    """Tell whether a deployment goes to Lambda or ECS."""
    return deployment.get("compute_platform") in {"Lambda", "ECS"}


def bar(weight: float, *, plain: bool = False, width: int = BAR) -> str:
    """Return a share of the traffic, in percent, as a bar."""
    full, empty = _PLAIN_BLOCKS if plain else _BLOCKS
    filled = min(max(round(weight / 100 * width), 0), width)
    # Whatever has some of the traffic, and not all of it, shows so.
    if 0 < weight < 100:
        filled = min(max(filled, 1), width - 1)
    return full * filled + empty * (width - filled)


def percent(weight: float) -> str:
    return f"{weight:g} %"


def movement(traffic: Document) -> str:
    """Return in words from what to what the traffic of a target goes."""
    move = traffic.get("move") or {}
    if move.get("type") == "alias":
        return f"version {move.get('current_version')} to {move.get('target_version')}"
    return f"to {str(move.get('task_definition') or '').rpartition('/')[2]}"


def share(traffic: Document) -> str:
    """Return what a replacement was found to have, as a short bar and a number."""
    found = traffic.get("found")
    if not found:
        return ""
    weight = float(found.get("weight") or 0)
    return f"{bar(weight, plain=True, width=SHORT_BAR)} {percent(weight)}"


def read_at(traffic: Document, now: datetime) -> str:
    """Return when it was last looked at how the traffic stands."""
    at = moment((traffic.get("found") or {}).get("read_at"))
    return clock(at, now) if at else ""


def task_sets(traffic: Document) -> Iterator[str]:
    """Yield how each side of a service stands."""
    for one in (traffic.get("found") or {}).get("task_sets") or ():
        tasks = f"{one.get('running')} of {one.get('desired')} running"
        pending = f", {one['pending']} pending" if one.get("pending") else ""
        yield (
            f"{one.get('label')} {one.get('status')}: {tasks}{pending}, "
            f"{percent(one.get('weight') or 0)} by {one.get('target_group')}"
        )


def step_row(step: Document, now: datetime) -> StepRow:
    """Return a step in words, as of *now*."""
    return StepRow(
        status=str(step.get("status") or ""),
        event=str(step.get("event") or ""),
        what=_what(step),
        at=_at(step, now),
        note=_note(step, now),
    )


def step_cells(step: Document, now: datetime) -> dict[str, object]:
    """Return a step as the cells of a table."""
    row = step_row(step, now)
    return {"number": step.get("number"), **asdict(row)}


def _what(step: Document) -> str:
    kind = str(step.get("kind") or "")
    match kind:
        case "shift":
            return percent(step.get("weight") or 0)
        case "hook":
            return str(step.get("hook") or "")
        case _:
            return _WHAT.get(kind, kind)


def _at(step: Document, now: datetime) -> str:
    begun = moment(step.get("started_at"))
    if begun is not None:
        return clock(begun, now)
    planned = moment(step.get("planned_at"))
    if planned is None or step.get("status") == "Skipped":
        return ""
    return f"{'~' if step.get('is_estimate') else ''}{clock(planned, now)}"


def _note(step: Document, now: datetime) -> str:
    begun, ended = moment(step.get("started_at")), moment(step.get("finished_at"))
    match step.get("status"):
        case "Pending":
            planned = moment(step.get("planned_at"))
            if planned is None or step.get("is_estimate"):
                return ""
            return f"in {spell((planned - now).total_seconds())}" if planned > now else "due"
        case "InProgress" if begun is not None:
            until = moment(step.get("until"))
            waits = step.get("kind") in {"hook", "ready", "termination", "prepare"}
            limit = f", until {clock(until, now)}" if waits and until is not None else ""
            return f"for {spell(max((now - begun).total_seconds(), 0))}{limit}"
        case "Skipped":
            return "left out"
        case _ if begun is not None and ended is not None:
            return f"took {spell(max((ended - begun).total_seconds(), 0))}"
        case _:
            return ""


def coming(deployment: Document, now: datetime) -> str:
    """Return what happens next and when, or nothing."""
    next_ = deployment.get("next") or {}
    what, at = next_.get("what"), moment(next_.get("at"))
    if not what:
        return ""
    if at is None:
        return f"Next: {what}"
    away = (at - now).total_seconds()
    when = f"{clock(at, now)}, in {spell(away)}" if away > 0 else clock(at, now)
    return f"Next: {what} ({when})"


def who_and_why(event: Document) -> str:
    """Return who did something and why, or nothing of no event."""
    if not event.get("actor"):
        return ""
    why = " ".join(str(event.get("reason") or "").split())
    return f" by {event['actor']}" + (f": {why}" if why else "")


def remarks(deployment: Document) -> list[str]:
    """Return what else there is to say, and what comes next does not say already."""
    next_ = str((deployment.get("next") or {}).get("what") or "")
    return [str(one) for one in deployment.get("status_messages") or () if one not in next_]


def _telling(steps: Sequence[Document]) -> int:
    """Return the place of the step that is open or failed, else that after the last one done."""
    statuses = [one.get("status") for one in steps]
    wanted = {"InProgress", "Failed", "Pending"}
    done = (at + 1 for at, status in enumerate(statuses) if status == "Succeeded")
    return next(
        (at for at, status in enumerate(statuses) if status in wanted), max(done, default=0)
    )


def window(steps: Sequence[Document], fits: int) -> tuple[int, Sequence[Document]]:
    """Return how many steps are left out before, and those to show, with what tells most."""
    if len(steps) <= fits:
        return 0, steps
    start = min(max(_telling(steps) - 2, 0), len(steps) - fits)
    return start, steps[start : start + fits]
