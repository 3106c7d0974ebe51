"""Composite alarms, which moto lacks.

As on AWS a new alarm has no data yet, a composite one follows its rule, answers come in pages, and
who does not ask for composite alarms is not told of them.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

MOST_ON_A_PAGE = 40
"""A page may have fewer than it was asked for."""
_TERM = re.compile(r"(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*\"?([^\")]*?)\"?\s*\)")
_WORD = re.compile(r"\s*(\(|\)|AND\b|OR\b|NOT\b|TRUE\b|FALSE\b)")
_UNFIT = re.compile(r"[\x00-\x1f]")


def holds(rule: str, is_so: Callable[[str, str], bool]) -> bool:
    """Tell whether a composite alarm's rule holds; *is_so* tells that an alarm has a state."""
    told = _TERM.sub(lambda term: str(is_so(term[2], term[1])).upper(), rule)
    words = _WORD.findall(told)
    assert "".join(words) == "".join(told.split()), f"a rule that this double cannot read: {rule}"
    value, rest = _either(words)
    assert not rest
    return value


def _either(words: Sequence[str]) -> tuple[bool, Sequence[str]]:
    value, words = _both(words)
    while words[:1] == ["OR"]:
        other, words = _both(words[1:])
        value = value or other
    return value, words


def _both(words: Sequence[str]) -> tuple[bool, Sequence[str]]:
    value, words = _one(words)
    while words[:1] == ["AND"]:
        other, words = _one(words[1:])
        value = value and other
    return value, words


def _one(words: Sequence[str]) -> tuple[bool, Sequence[str]]:
    if words[0] == "NOT":
        value, words = _one(words[1:])
        return not value, words
    if words[0] == "(":
        value, words = _either(words[1:])
        assert words[0] == ")"
        return value, words[1:]
    return words[0] == "TRUE", words[1:]


def apply() -> None:
    """Put what is missing into moto's classes of this process."""
    made: Callable[..., Alarm] = CloudWatchBackend.put_metric_alarm

    def put(self: CloudWatchBackend, **wanted: Any) -> Alarm:
        before = self.alarms.get(wanted["name"])
        alarm = made(self, **wanted)
        alarm.state_value = before.state_value if before else "INSUFFICIENT_DATA"
        return alarm

    CloudWatchBackend.put_metric_alarm = put  # type: ignore[method-assign, assignment]
    composite = CloudWatchResponse.put_metric_alarm
    CloudWatchResponse.put_composite_alarm = composite  # type: ignore[attr-defined]
    CloudWatchResponse.describe_alarms = describe_alarms  # type: ignore[method-assign]


def describe_alarms(self: CloudWatchResponse) -> ActionResult:
    names = self._get_param("AlarmNames", [])
    types = self._get_param("AlarmTypes", ["MetricAlarm"])
    if len(names) > 100 or any(_UNFIT.search(name) for name in names):
        raise ValidationError("1 validation error detected at 'alarmNames'")
    alarms = self.cloudwatch_backend.alarms

    def is_so(name: str, state: str) -> bool:
        other = alarms.get(name.rpartition(":alarm:")[2])
        return other is not None and _state_of(other) == state

    def _state_of(alarm: Alarm) -> str:
        if alarm.rule:
            alarm.state_value = "ALARM" if holds(alarm.rule, is_so) else "OK"
        return alarm.state_value

    found = [alarm for name, alarm in sorted(alarms.items()) if name in names]
    start, most = int(self._get_param("NextToken") or 0), self._get_param("MaxRecords") or 50
    most = min(most, MOST_ON_A_PAGE)
    page = found[start : start + most]
    for alarm in page:
        _state_of(alarm)
    result: dict[str, Any] = {
        "MetricAlarms": [one for one in page if not one.rule and "MetricAlarm" in types],
        "CompositeAlarms": [one for one in page if one.rule and "CompositeAlarm" in types],
    }
    if len(found) > start + most:
        result["NextToken"] = str(start + most)
    return ActionResult(result)
