"""Traffic that moves in steps: which weights there are, when each is due, and which comes next.

The rules are those of the user guide's "Deployment configurations on an Amazon ECS compute
platform" and "… on an AWS Lambda compute platform": the first share moves when AllowTraffic begins,
a canary has one more step, a linear shift one after each interval, and the last weight is 100.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from tidegate.domain.configs import TrafficRouting, TrafficType

ALL: Final = 100
"""Percent."""
MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Shift:
    """One step: the new side's share of all traffic, in percent, and when it is due."""

    number: int
    weight: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """Shift now. Steps before this one that are not done are left out."""

    shift: Shift


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing is due before then."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """The new side has all traffic."""


Next: TypeAlias = Move | WaitUntil | Arrived


def plan_shifts(
    routing: TrafficRouting, start: datetime, *, minute: timedelta = MINUTE
) -> tuple[Shift, ...]:
    """Return all steps of a shift whose first share moves at *start*.

    *minute* is how long a minute of the config lasts.
    """
    interval = routing.interval_minutes * minute
    return tuple(
        Shift(number, weight, start + number * interval)
        for number, weight in enumerate(weights_of(routing))
    )


def weights_of(routing: TrafficRouting) -> Iterator[int]:
    """Yield what the new side gets at each step, in percent."""
    match routing.type:
        case TrafficType.ALL_AT_ONCE:
            yield ALL
        case TrafficType.CANARY:
            yield from (routing.percentage, ALL)
        case TrafficType.LINEAR:
            yield from range(routing.percentage, ALL, routing.percentage)
            yield ALL


def next_shift(shifts: Sequence[Shift], now: datetime, *, done: int | None = None) -> Next:
    """Return what comes after the step of the number *done*; None means that none is done yet.

    Whoever comes late makes one shift, to where the traffic should be by *now*. But the first share
    is always tried before the rest follows: a canary that nobody has watched proves nothing.
    """
    ahead = [shift for shift in shifts if done is None or shift.number > done]
    if not ahead:
        return Arrived()
    due = [shift for shift in ahead if shift.due_at <= now]
    if not due:
        return WaitUntil(ahead[0].due_at)
    return Move(due[0] if done is None else due[-1])


def moved(shifts: Sequence[Shift], done: int | None, *, by: timedelta) -> tuple[Shift, ...]:
    """Return the steps with those after *done* later by a pause that is over."""
    return tuple(
        shift
        if done is not None and shift.number <= done
        else replace(shift, due_at=shift.due_at + by)
        for shift in shifts
    )


def promoted(
    shifts: Sequence[Shift], done: int | None, now: datetime, *, full: bool = False
) -> tuple[Shift, ...]:
    """Return the steps with the next one due *now*; or with *full* the last one, and none between.

    The steps after it keep their distance from it.
    """
    ahead = [shift for shift in shifts if done is None or shift.number > done]
    if not ahead:
        return tuple(shifts)
    if full:
        behind = [shift for shift in shifts if shift not in ahead]
        return (*behind, replace(ahead[-1], due_at=now))
    return moved(shifts, done, by=now - ahead[0].due_at)
