"""Alarms of this process, and what is watched by them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from component.engine.system import System
from component.engine.traffic import ALWAYS, TrafficShop, functions
from tidegate.domain.alarms import Alarms, AlarmState, Inquiry, Reading
from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import AutoRollback

ERRORS = Alarms(enabled=True, names=("errors",))
ROLE = "arn:aws:iam::123456789012:role/deploy"


@dataclass
class FakeAlarms:
    """A source whose alarms are OK unless a test says otherwise."""

    states_of: dict[str, AlarmState] = field(default_factory=dict)
    inquiries: list[Inquiry[Any]] = field(default_factory=list)

    def states(self, inquiry: Inquiry[Any]) -> Sequence[Reading[Any]]:
        self.inquiries.append(inquiry)
        return tuple(
            Reading(alarm=alarm, state=self.states_of.get(alarm.name, AlarmState.OK), why="Why.")
            for alarm in inquiry.alarms
        )


def canary(
    system: System, alarms: Alarms = ERRORS, auto_rollback: AutoRollback = ALWAYS
) -> TrafficShop:
    return functions(
        system,
        "LambdaCanary10Percent5Minutes",
        auto_rollback=auto_rollback,
        aws=AwsGroup(alarms=alarms, service_role_arn=ROLE),
    )
