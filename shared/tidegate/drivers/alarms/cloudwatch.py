"""Alarms of CloudWatch, by DescribeAlarms: metric alarms and composite ones, by their names."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from tidegate.domain.alarms import AlarmState, CloudWatchAlarm, Inquiry, Reading
from tidegate.drivers.aws_calls import READ, CallFailed, aws_errors
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.said import in_one_line

MOST_NAMES: Final = 100
"""In one call, as the API reference says."""
_TYPES: Final = ("MetricAlarm", "CompositeAlarm")
"""Without them CloudWatch tells of metric alarms only."""
_TRIES: Final = 2
"""Two at most, for all is asked again some seconds later."""
_STATES: Final = (AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA)
_OF_A_NAME: Final = ("ValidationError", "InvalidParameterValue", "InvalidParameterCombination")
"""How CloudWatch refuses all names because of one."""


class CloudWatchAlarms:
    """Reads alarms in the region of an inquiry, by its role where that is wanted."""

    def __init__(self, *, assume_role: bool = False, timeout: timedelta = READ) -> None:
        self._clients = Clients("cloudwatch", read=timeout, tries=_TRIES, assume_role=assume_role)

    def states(self, inquiry: Inquiry[CloudWatchAlarm]) -> tuple[Reading[CloudWatchAlarm], ...]:
        names = list(dict.fromkeys(alarm.name for alarm in inquiry.alarms))
        found: dict[str, Reading[CloudWatchAlarm]] = {}
        try:
            for start in range(0, len(names), MOST_NAMES):
                part = names[start : start + MOST_NAMES]
                for reading in self._read(part, inquiry.region, inquiry.role_arn):
                    found[reading.alarm.name] = reading
        except CallFailed as failure:
            found |= {name: _failed(name, failure) for name in names if name not in found}
        return tuple(found[alarm.name] for alarm in inquiry.alarms)

    def _read(
        self, names: Sequence[str], region: str, role_arn: str
    ) -> Iterator[Reading[CloudWatchAlarm]]:
        """Yield what is told of each name.

        Raises:
            CallFailed: Nobody answered, and nobody would if asked for other names.
        """
        try:
            told = self._described(names, region, role_arn)
        except CallFailed as failure:
            if not failure.code:
                raise
            if failure.code in _OF_A_NAME and len(names) > 1:
                # Deployments that have nothing to do with each other share a call: a name that
                # CloudWatch does not take must not hide the alarms of all.
                half = len(names) // 2
                yield from self._read(names[:half], region, role_arn)
                yield from self._read(names[half:], region, role_arn)
            else:
                yield from (_failed(name, failure) for name in names)
        else:
            yield from (_reading(name, told.get(name), region) for name in names)

    def _described(self, names: Sequence[str], region: str, role_arn: str) -> dict[str, Any]:
        """Return what CloudWatch says of the alarms that there are."""
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        target = f"the alarm {names[0]!r}{more} in {region}"
        with aws_errors("CloudWatch", target):
            pages = self._clients.of(region, role_arn).get_paginator("describe_alarms")
            return {
                str(alarm.get("AlarmName")): alarm
                for page in pages.paginate(
                    AlarmNames=list(names), AlarmTypes=list(_TYPES), MaxRecords=MOST_NAMES
                )
                for kind in ("MetricAlarms", "CompositeAlarms")
                for alarm in page.get(kind) or ()
            }


def _reading(name: str, told: dict[str, Any] | None, region: str) -> Reading[CloudWatchAlarm]:
    if told is None:
        why = f"There is no CloudWatch alarm {name!r} in {region}; create it, or name another."
        return _unread(name, why)
    state = told.get("StateValue", "")
    if state not in _STATES:
        return _unread(name, f"CloudWatch says that the alarm {name!r} is {state!r}.")
    return Reading(
        alarm=CloudWatchAlarm(name),
        state=AlarmState(state),
        why=in_one_line(str(told.get("StateReason") or "")),
    )


def _failed(name: str, failure: CallFailed) -> Reading[CloudWatchAlarm]:
    return _unread(name, f"{failure}.", may_pass=failure.may_pass)


def _unread(name: str, why: str, *, may_pass: bool = False) -> Reading[CloudWatchAlarm]:
    return Reading(
        alarm=CloudWatchAlarm(name), state=AlarmState.UNREADABLE, why=why, may_pass=may_pass
    )
