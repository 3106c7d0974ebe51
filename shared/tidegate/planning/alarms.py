"""What alarms mean for a deployment, and in how few calls those of many deployments are read.

From the user guide, "Monitoring deployments with CloudWatch alarms in CodeDeploy", and the API
reference, AlarmConfiguration: an alarm stops what is under way, and so does one whose state cannot
be told, unless the group says otherwise; a lack of data at CloudWatch is no alarm.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypeVar

from tidegate.domain.alarms import (
    Alarm,
    Alarms,
    AlarmState,
    CloudWatchAlarm,
    Inquiry,
    PrometheusCheck,
    Reading,
    Seen,
)
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.history import LONGEST_NAME, Subject, Transition
from tidegate.domain.ids import DeploymentId

PATIENCE: Final = timedelta(minutes=1)
"""How long what cannot be read, and may be again by itself, holds a deployment up at most."""
STALE: Final = timedelta(seconds=30)
"""How old a reading may be on which a step begins: three rounds, of which two may be lost."""
MOST_AT_ONCE: Final = 100
"""Names in one call of DescribeAlarms, and queries in one inquiry at Prometheus."""

_CLOUDWATCH: Final = "Amazon CloudWatch metrics"
_PROMETHEUS: Final = "Prometheus checks"
_T = TypeVar("_T")
_K = TypeVar("_K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class GoOn:
    """Nothing is in the way."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Begin nothing before the next look: an alarm has not been read yet, or not just now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Begin nothing while this is so: nobody can tell how it goes."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End the deployment as Stopped."""

    code: ErrorCode
    reason: str
    rollback: bool | None = None
    """Whether it is rolled back; None leaves that to the group."""


Verdict: TypeAlias = GoOn | Wait | Pause | Stop


def noted(
    before: Iterable[Seen], readings: Iterable[Reading[Alarm]], now: datetime
) -> tuple[Seen, ...]:
    """Return what was seen by *now*: an alarm found as *before* has been so since then."""
    known = {one.reading.alarm: one for one in before}
    return tuple(_noted(known.get(reading.alarm), reading, now) for reading in readings)


def _noted(before: Seen | None, reading: Reading[Alarm], now: datetime) -> Seen:
    goes_on = before is not None and before.reading.state is reading.state
    return Seen(reading, before.since if before is not None and goes_on else now)


def turned(before: Iterable[Seen], after: Iterable[Seen]) -> tuple[Transition, ...]:
    """Return the alarms whose state is another one than *before*, or was not known then."""
    known = {one.reading.alarm: one.reading.state for one in before}
    return tuple(
        _turn(known.get(one.reading.alarm), one)
        for one in after
        if known.get(one.reading.alarm) is not one.reading.state
    )


def _turn(before: AlarmState | None, seen: Seen) -> Transition:
    name, reading = seen.reading.alarm.name, seen.reading
    return Transition(
        subject=Subject.ALARM,
        name=name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
        source=before or "",
        to=reading.state,
        at=seen.since,
        actor="tidegate",
        reason=reading.why,
    )


def verdict(
    alarms: Alarms,
    seen: Iterable[Seen],
    now: datetime,
    *,
    read_at: datetime | None = None,
    pause_limit: timedelta | None = None,
) -> Verdict:
    """Return what the alarms of a deployment mean for it, by how they were seen.

    *alarms* are those of its group, or those that it was told to have instead. What was seen was
    last found so at *read_at*; when that is long ago, nobody knows how things are by now. A
    pause that has lasted for *pause_limit* ends in a stop; None stands for one without an end.
    """
    found = {one.reading.alarm: one for one in seen}
    known = [found[alarm] for alarm in alarms.watched if alarm in found]
    missing = [alarm for alarm in alarms.watched if alarm not in found]
    unread = () if alarms.ignore_poll_failure else _in(AlarmState.UNREADABLE, known)
    lost = [one for one in unread if not one.reading.may_pass or now - one.since >= PATIENCE]
    if lit := _in(AlarmState.ALARM, known):
        return Stop(ErrorCode.ALARM_ACTIVE, _of_lit(lit))
    if lost:
        return Stop(ErrorCode.ALARM_ACTIVE, _of_lost(lost))
    blind = _in(AlarmState.NO_DATA, known)
    if blind and pause_limit and now - min(one.since for one in blind) >= pause_limit:
        # Nobody can tell that it went wrong, so it is not taken back.
        return Stop(ErrorCode.TIMEOUT, _of_long_blind(blind, pause_limit), rollback=False)
    if held := _hold(known, unread, missing):
        return held
    age = now - read_at if known and read_at is not None else timedelta(0)
    return Wait(_of_stale(known)) if age >= STALE else GoOn()


def _hold(
    known: Sequence[Seen], unread: Sequence[Seen], missing: Sequence[Alarm]
) -> Pause | Wait | None:
    if blind := _in(AlarmState.NO_DATA, known):
        return Pause(_of_blind(blind))
    if unread:
        return Wait(_of_unread(unread))
    if missing:
        return Wait(f"The state of {_names(missing)} has not been read yet.")
    return None


def _in(state: AlarmState, seen: Iterable[Seen]) -> list[Seen]:
    return [one for one in seen if one.reading.state is state]


def _of_lit(lit: Sequence[Seen]) -> str:
    """Return CodeDeploy's own sentence, as far as it is CloudWatch that says so."""
    kinds = [isinstance(one.reading.alarm, PrometheusCheck) for one in lit]
    told = [] if all(kinds) else [_CLOUDWATCH]
    told += [_PROMETHEUS] if any(kinds) else []
    return (
        f"One or more alarms have been activated according to the {' and '.join(told)} you "
        "selected, and the affected deployments have been stopped. "
        f"Activated alarms: {_names_of(lit)}"
    )


def _of_lost(lost: Sequence[Seen]) -> str:
    return (
        "The state of one or more alarms you selected cannot be read, and the affected deployments "
        f"have been stopped. Alarms: {_names_of(lost)}. {lost[0].reading.why}"
    )


def _of_blind(blind: Sequence[Seen]) -> str:
    return (
        f"Prometheus has no data for {_names_of(blind)}, so nobody can tell how it goes; see that "
        "it scrapes, and that the query gives a value when all is well, too."
    )


def _of_long_blind(blind: Sequence[Seen], pause_limit: timedelta) -> str:
    hours = pause_limit / timedelta(hours=1)
    return (
        f"Prometheus has had no data for {_names_of(blind)}, and the deployment that paused for it "
        f"was stopped after {hours:g} hours."
    )


def _of_unread(unread: Sequence[Seen]) -> str:
    return (
        f"The state of {_names_of(unread)} cannot be read just now, and is asked for again. "
        f"{unread[0].reading.why}"
    )


def _of_stale(known: Sequence[Seen]) -> str:
    return (
        f"The state of {_names_of(known)} has not been read for {STALE.seconds} s or more, and is "
        "asked for again."
    )


def _names_of(seen: Iterable[Seen]) -> str:
    return _names(one.reading.alarm for one in seen)


def _names(alarms: Iterable[Alarm]) -> str:
    return " ".join(f"<{alarm.name}>" for alarm in alarms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The alarms of one deployment that have to be read, and where."""

    deployment_id: DeploymentId
    region: str
    role_arn: str = ""
    """By which AWS is called; empty where the settings do not want that."""
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Inquiries:
    """All that has to be asked, by whom it is answered."""

    cloudwatch: tuple[Inquiry[CloudWatchAlarm], ...]
    prometheus: tuple[Inquiry[PrometheusCheck], ...]


_Place: TypeAlias = tuple[str, str]
_NOWHERE: Final[_Place] = ("", "")
Answers: TypeAlias = Mapping[tuple[_Place, Alarm], Reading[Alarm]]


def plan_inquiries(watches: Iterable[Watch]) -> Inquiries:
    """Return the fewest questions that tell each deployment of all its alarms."""
    watched = [(watch, alarm) for watch in watches for alarm in watch.alarms]
    places = _grouped(
        ((watch.region, watch.role_arn), alarm)
        for watch, alarm in watched
        if isinstance(alarm, CloudWatchAlarm)
    )
    queries = _grouped(
        (alarm.query, alarm) for _, alarm in watched if isinstance(alarm, PrometheusCheck)
    )
    return Inquiries(
        tuple(
            Inquiry(alarms=part, region=region, role_arn=role)
            for (region, role), alarms in places.items()
            for part in _parts(alarms)
        ),
        # Checks of one query stay together, for it is asked once for all of them.
        tuple(
            Inquiry(alarms=tuple(check for checks in part for check in checks))
            for part in _parts([tuple(checks) for checks in queries.values()])
        ),
    )


def _grouped(pairs: Iterable[tuple[_K, _T]]) -> dict[_K, list[_T]]:
    """Return what is distinct under each key, in the order in which it came."""
    found: dict[_K, dict[_T, None]] = {}
    for key, value in pairs:
        found.setdefault(key, {})[value] = None
    return {key: list(values) for key, values in found.items()}


def _parts(things: Sequence[_T]) -> Iterator[tuple[_T, ...]]:
    for start in range(0, len(things), MOST_AT_ONCE):
        yield tuple(things[start : start + MOST_AT_ONCE])


def collected(
    answered: Iterable[tuple[Inquiry[Alarm], Iterable[Reading[Alarm]]]],
) -> Answers:
    """Return the readings of all inquiries by their place and alarm."""
    return {
        ((inquiry.region, inquiry.role_arn), reading.alarm): reading
        for inquiry, readings in answered
        for reading in readings
    }


def readings_for(watch: Watch, answers: Answers) -> tuple[Reading[Alarm], ...]:
    """Return what *answers* say of the alarms of one deployment, in their order."""
    keys = ((_place_of(watch, alarm), alarm) for alarm in watch.alarms)
    return tuple(answers[key] for key in keys if key in answers)


def is_told(watch: Watch, answers: Answers) -> bool:
    """Tell whether *answers* say all that has to be read for a deployment."""
    return all((_place_of(watch, alarm), alarm) in answers for alarm in watch.alarms)


def _place_of(watch: Watch, alarm: Alarm) -> _Place:
    if isinstance(alarm, PrometheusCheck):
        return _NOWHERE
    return watch.region, watch.role_arn
