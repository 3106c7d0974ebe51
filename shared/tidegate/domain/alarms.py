"""Alarms that stop a deployment: what is watched, and how it was found."""

import math
import operator
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, TypeAlias, TypeVar

LONGEST_QUERY: Final = 4000
_NO_CONTROLS: Final = ""
_WHITE: Final = "\t\n\r"
"""Controls that a query may have."""


class Comparison(StrEnum):
    """How a value is compared with a threshold, as PromQL writes it."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="

    def holds(self, value: float, threshold: float) -> bool:
        """Tell whether *value* stands so to *threshold*; what is no number never does."""
        return not math.isnan(value) and _COMPARE[self](value, threshold)


_COMPARE: Final[Mapping[Comparison, Callable[[float, float], bool]]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
}


@dataclass(frozen=True, slots=True)
class CloudWatchAlarm:
    """A metric alarm or a composite alarm, in the region of the deployment."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusCheck:
    """A query, and the values at which it is an alarm: `query > threshold`."""

    name: str
    query: str
    """PromQL that gives a vector or a scalar."""
    comparison: Comparison = Comparison.ABOVE
    threshold: float

    def is_beyond(self, value: float) -> bool:
        """Tell whether this value is an alarm."""
        return self.comparison.holds(value, self.threshold)


Alarm: TypeAlias = CloudWatchAlarm | PrometheusCheck
A_co = TypeVar("A_co", bound=Alarm, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """What is watched while a group is deployed to.

    CodeDeploy's own API says and shows the first three; the checks are Tidegate's.
    """

    enabled: bool = False
    ignore_poll_failure: bool = False
    """Whether a deployment goes on where an alarm cannot be read."""
    names: tuple[str, ...] = ()
    """Of CloudWatch alarms."""
    checks: tuple[PrometheusCheck, ...] = ()

    @property
    def all_names(self) -> tuple[str, ...]:
        return (*self.names, *(check.name for check in self.checks))

    @property
    def watched(self) -> tuple[Alarm, ...]:
        """Return what has to be read, each once; nothing where alarms are switched off."""
        if not self.enabled:
            return ()
        alarms: tuple[Alarm, ...] = (*map(CloudWatchAlarm, self.names), *self.checks)
        return tuple(dict.fromkeys(alarms))


def wrong_name(alarm: str) -> str | None:
    """Return the sentence that refuses the name of an alarm, or None where all is well."""
    if strange := _strange_in(alarm, _NO_CONTROLS):
        return f"The alarm {alarm[:80]!r} has the character {strange!r} in its name; leave it out."
    return None


def wrong_with(check: PrometheusCheck) -> str | None:
    """Return the sentence that refuses a check, or None where all is well."""
    if not check.query.strip():
        return f"The check {check.name!r} has no query; give one in PromQL."
    if (length := len(check.query)) > LONGEST_QUERY:
        return (
            f"The query of the check {check.name!r} has {length} characters; "
            f"the limit is {LONGEST_QUERY}: record a rule."
        )
    if strange := _strange_in(check.query, _WHITE):
        return f"The query of the check {check.name!r} has the character {strange!r}; leave it out."
    if not math.isfinite(check.threshold):
        return f"The check {check.name!r} has the threshold {check.threshold}; it must be a number."
    return None


def _strange_in(text: str, allowed: str) -> str:
    """Return a character that neither a database, CloudWatch nor Prometheus takes, or nothing."""
    controls = (one for one in text if unicodedata.category(one) in ("Cc", "Cs"))
    return next((one for one in controls if one not in allowed), "")


class AlarmState(StrEnum):
    """How an alarm was found: CloudWatch's three states, and two of ours."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"
    NO_DATA = "NO_DATA"
    """The query of a Prometheus check gives no value."""
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[A_co]):
    """How one alarm was found."""

    alarm: A_co
    state: AlarmState
    why: str = ""
    """What there is to say of it: a sentence where it could not be read."""
    may_pass: bool = False
    """Of what could not be read: whether a later try may go well."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How an alarm was found the last time, and since when it has been found so."""

    reading: Reading[Alarm]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry(Generic[A_co]):
    """Alarms of one kind that are asked for at once, in one place and by one identity."""

    alarms: tuple[A_co, ...]
    region: str = ""
    """Of CloudWatch alarms."""
    role_arn: str = ""
    """By which AWS is called; empty for Tidegate's own credentials."""
