"""What an answer of Prometheus says: the samples in it, or why there are none to be had."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate.domain.alarms import AlarmState, PrometheusCheck, Reading
from tidegate.drivers.said import in_one_line

_PASSES: Final = ("timeout", "canceled", "unavailable", "internal", "execution")
"""Kinds of errors after which the same query may go well, for its data are others then."""


class NotRead(Exception):
    """A query has no answer that tells anything; its text is a sentence."""

    def __init__(self, sentence: str, *, may_pass: bool) -> None:
        super().__init__(sentence)
        self.may_pass = may_pass


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of one series, and what the series is called."""

    series: str
    value: float


def samples_in(status: int, body: bytes, where: str) -> tuple[Sample, ...]:
    """Return the samples in an answer of *where*.

    Raises:
        NotRead: There is an error in it, or it is none of Prometheus's.
    """
    told = _json(body)
    if told.get("status") == "error":
        raise _refused(status, told, where)
    if status != 200:
        raise _failed(status, where)
    kind, result = _parts(told.get("data"))
    if kind == "vector" and any(isinstance(one, dict) and "histogram" in one for one in result):
        raise NotRead(
            f"The query gives a histogram at {where}; take a number of it, such as by "
            "histogram_quantile.",
            may_pass=False,
        )
    if kind in ("matrix", "string"):
        raise NotRead(
            f"The query gives a {kind} at {where}; it must give a vector or a scalar.",
            may_pass=False,
        )
    try:
        if kind == "scalar":
            return (Sample("", float(result[1])),)
        if kind == "vector":
            return tuple(map(_sample, result))
    except (LookupError, TypeError, ValueError):
        pass
    raise NotRead(f"{where} answered what is no result of Prometheus's.", may_pass=True)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _parts(data: object) -> tuple[str, Sequence[Any]]:
    if not isinstance(data, dict) or not isinstance(data.get("result"), list):
        return "", ()
    return str(data.get("resultType", "")), data["result"]


def _sample(one: Mapping[str, Any]) -> Sample:
    labels = dict(one["metric"])
    name = labels.pop("__name__", "")
    pairs = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    return Sample(f"{name}{{{pairs}}}" if pairs or not name else name, float(one["value"][1]))


def _refused(status: int, told: Mapping[str, Any], where: str) -> NotRead:
    """Return what Prometheus says is wrong: most often the query itself."""
    kind, said = in_one_line(str(told.get("errorType"))), str(told.get("error") or "no reason")
    may_pass = kind in _PASSES or status >= 500 or status == 429
    end = "" if may_pass else "; correct the query"
    return NotRead(f"{where} answered {kind} ({in_one_line(said)}){end}.", may_pass=may_pass)


def _failed(status: int, where: str) -> NotRead:
    may_pass = status >= 500 or status == 429
    match status:
        case 401 | 403:
            end = "; TIDEGATE_PROMETHEUS_TOKEN must be a token that may ask it"
        case _ if may_pass:
            end = ""
        case _:
            end = "; TIDEGATE_PROMETHEUS_URL must be the address of a Prometheus"
    return NotRead(f"{where} answered with HTTP status {status}{end}.", may_pass=may_pass)


def judged(check: PrometheusCheck, samples: Sequence[Sample]) -> Reading[PrometheusCheck]:
    """Return how a check is by its samples: any beyond the threshold is an alarm.

    A value that is no number (0/0, as without any traffic) tells nothing.
    """
    told = [sample for sample in samples if not math.isnan(sample.value)]
    if not told:
        return Reading(alarm=check, state=AlarmState.NO_DATA, why=_no_data(samples))
    beyond = [sample for sample in told if check.is_beyond(sample.value)]
    if not beyond:
        return Reading(alarm=check, state=AlarmState.OK, why=_text(check, told, not_="not "))
    return Reading(alarm=check, state=AlarmState.ALARM, why=_text(check, beyond))


def _no_data(samples: Sequence[Sample]) -> str:
    return "The query gives no number." if samples else "The query gives no series."


def _text(check: PrometheusCheck, samples: Sequence[Sample], *, not_: str = "") -> str:
    first = samples[0]
    more = f" (and {len(samples) - 1} more series)" if len(samples) > 1 else ""
    of = f" of {first.series}" if first.series not in ("", "{}") else ""
    text = f"{first.value:g}{of} is {not_}{check.comparison} {check.threshold:g}{more}."
    return in_one_line(text)


def unread(check: PrometheusCheck, failure: NotRead) -> Reading[PrometheusCheck]:
    """Return the reading of a check whose query was not answered."""
    return Reading(
        alarm=check, state=AlarmState.UNREADABLE, why=str(failure), may_pass=failure.may_pass
    )
