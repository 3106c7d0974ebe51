"""Topics and buses in this process, which refuse, fail or keep silent as a test wants."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from component.engine.system import System
from tidegate.domain.aws_group import AwsGroup, Trigger, TriggerEvent
from tidegate.domain.notices import Channel, Notice
from tidegate.drivers.notices import NoticeRefused, NoticeUndelivered

ROLE = "arn:aws:iam::123456789012:role/CodeDeploy"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:deployments"
OTHER = "arn:aws:sns:eu-west-1:123456789012:instances"
BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/deployments"
PATIENCE = 30
"""Seconds for what another thread does."""


def telling(*events: TriggerEvent, topic: str = TOPIC, name: str = "tell") -> Trigger:
    """A trigger that asks for *events*, or for all there are."""
    return Trigger(name=name, topic_arn=topic, events=events or tuple(TriggerEvent))


def group(*triggers: Trigger) -> AwsGroup:
    return AwsGroup(service_role_arn=ROLE, triggers=triggers)


@dataclass
class Ears:
    """Whatever is sent comes here."""

    heard: list[Notice] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    """Targets that are not there."""
    fails: set[str] = field(default_factory=set)
    """Targets that cannot be reached now."""
    silent: set[str] = field(default_factory=set)
    """Targets that say nothing until they are woken."""
    attempts: list[str] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    """Somebody waits for a silent target."""
    woken: threading.Event = field(default_factory=threading.Event)
    before: Callable[[Notice], None] = lambda _: None

    def sender(self, channel: Channel) -> "Ears":
        assert channel in Channel
        return self

    def send(self, notice: Notice) -> None:
        self.attempts.append(notice.target)
        self.before(notice)
        if notice.target in self.silent:
            self.asked.set()
            assert self.woken.wait(PATIENCE)
            raise NoticeUndelivered("It said nothing.")
        if notice.target in self.refuses:
            raise NoticeRefused("There is no such topic.")
        if notice.target in self.fails:
            raise NoticeUndelivered("It is away.")
        self.heard.append(notice)

    def messages(self, target: str = TOPIC) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.heard if one.target == target]

    def statuses(self, target: str = TOPIC) -> list[str]:
        """What was heard, each as its subject's first word."""
        return [one.subject.partition(":")[0] for one in self.heard if one.target == target]


def waiting(system: System) -> int:
    """How many notices are still to be sent."""
    return sum(not dropped for _, dropped in rows(system))


def rows(system: System) -> list[tuple[str, Any]]:
    """Target of each notice that there is, and when it was dropped."""
    with system.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT target, dropped_at FROM notices ORDER BY number"
        ).all()
    return [(target, dropped) for target, dropped in found]
