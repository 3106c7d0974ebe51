"""Alarms of deployments, on servers and where traffic moves: before the start and after it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from component.engine.alarms import ERRORS, ROLE, FakeAlarms, canary
from component.engine.system import PATIENCE, System, until
from component.engine.traffic import (
    ALIAS,
    ALWAYS,
    TrafficShop,
    lambda_appspec,
    minutes,
)
from tidegate.domain.alarms import (
    Alarms,
    AlarmState,
    CloudWatchAlarm,
    Inquiry,
    PrometheusCheck,
    Reading,
)
from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import DeploymentOptions
from tidegate.domain.ids import DeploymentId, GroupId
from tidegate.engine.alarms import JUST_READ
from tidegate.engine.deployments import DeploymentRequest, create_deployment
from tidegate.messages import ADVANCE, POLL_ALARMS, RUN_HOOKS
from tidegate.store.watches import READ_EVERY

CHECK = PrometheusCheck(name="slow", query="latency", threshold=1)


def test_nothing_begins_before_the_alarms_were_read(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    polls = [m for m in system.broker.queue if m.links == (POLL_ALARMS,)]
    for message in polls:
        system.broker.queue.remove(message)
    system.settle()

    assert len(polls) == 1
    assert shop.deployment(id_).status == "Created"
    assert shop.deployment(id_).status_messages == ("The state of <errors> has not been read yet.",)
    system.sweep(after=1)
    system.settle()
    assert shop.deployment(id_).status == "InProgress"
    assert shop.deployment(id_).status_messages == ()
    assert system.traffic.weights[ALIAS] == [0, 10]


def test_an_alarm_that_is_lit_stops_a_new_deployment(system: System, source: FakeAlarms):
    source.states_of["errors"] = AlarmState.ALARM
    shop = canary(system)

    id_ = shop.go(lambda_appspec())
    system.settle()

    stopped = shop.deployment(id_)
    assert (stopped.status, stopped.error_code) == ("Stopped", "ALARM_ACTIVE")
    assert stopped.error_message.endswith("Activated alarms: <errors>")
    assert (stopped.started_at, stopped.rollback_deployment_id) == (None, None)
    assert system.traffic.verbs == []


def test_an_alarm_that_goes_off_takes_the_traffic_back(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    minutes(system, 2)
    source.states_of["errors"] = AlarmState.ALARM

    for _ in range(12):
        system.sweep(after=1)
        system.settle()

    stopped = shop.deployment(id_)
    assert (stopped.status, stopped.error_code) == ("Stopped", "ALARM_ACTIVE")
    rollback = shop.deployment(stopped.rollback_deployment_id or "")
    assert rollback.status == "Succeeded"
    assert not rollback.watches_alarms
    assert system.traffic.weights[ALIAS] == [0, 10, 0]


def test_alarms_are_read_every_ten_seconds_and_not_after_the_end(
    system: System, source: FakeAlarms
):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    begun = len(source.inquiries)
    for _ in range(60):
        system.sweep(after=1)
        system.settle()

    assert len(source.inquiries) - begun == 6
    assert source.inquiries[-1].role_arn == ROLE
    system.stop(id_, rollback=False)
    for _ in range(30):
        system.sweep(after=1)
        system.settle()
    assert len(source.inquiries) - begun == 6


def test_what_is_told_for_one_deployment_replaces_the_groups_alarms(
    system: System, source: FakeAlarms
):
    source.states_of["errors"] = AlarmState.ALARM
    shop = canary(system)

    id_ = shop.go(
        lambda_appspec(), options=DeploymentOptions(override_alarms=Alarms(enabled=False))
    )
    system.settle()

    assert shop.deployment(id_).status == "InProgress"
    assert source.inquiries == []


def test_without_data_of_prometheus_nothing_begins_and_nothing_is_taken_back(
    system: System, source: FakeAlarms
):
    shop = canary(system, Alarms(enabled=True, checks=(CHECK,)))
    id_ = shop.go(lambda_appspec())
    system.settle()
    source.states_of["slow"] = AlarmState.NO_DATA
    for _ in range(30):
        system.sweep(after=20)
        system.settle()

    assert system.traffic.weights[ALIAS] == [0, 10]
    held = shop.deployment(id_)
    assert held.status == "InProgress"
    assert held.status_messages[0].startswith("Prometheus has no data for <slow>")
    source.states_of["slow"] = AlarmState.OK
    for _ in range(12):
        system.sweep(after=1)
        system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert shop.deployment(id_).status_messages == ()
    assert system.traffic.weights[ALIAS] == [0, 10, 100]


def test_servers_are_stopped_by_alarms_too(system: System, source: FakeAlarms):
    shop = system.shop("web-1", "web-2", aws=AwsGroup(alarms=ERRORS), auto_rollback=ALWAYS)
    shop.deploy("good")
    system.settle()
    id_ = shop.deploy("bad")
    while system.waiting()[:1] != [RUN_HOOKS]:
        system.worker.perform(system.broker.queue.pop(0))
    source.states_of["errors"] = AlarmState.ALARM
    system.clock.advance(timedelta(seconds=10))
    system.worker.alarms.poll()
    system.settle()

    stopped = shop.deployment(id_)
    assert (stopped.status, stopped.error_code) == ("Stopped", "ALARM_ACTIVE")
    assert shop.statuses(id_) == {"web-1": "Failed", "web-2": "Skipped"}
    assert shop.deployment(stopped.rollback_deployment_id or "").status == "Succeeded"


def test_servers_begin_nothing_while_they_are_held(system: System, source: FakeAlarms):
    shop = system.shop("web-1", "web-2", aws=AwsGroup(alarms=Alarms(enabled=True, checks=(CHECK,))))
    id_ = shop.deploy("one")
    while system.waiting()[:1] != [RUN_HOOKS]:
        system.worker.perform(system.broker.queue.pop(0))
    source.states_of["slow"] = AlarmState.NO_DATA
    system.clock.advance(timedelta(seconds=10))
    system.worker.alarms.poll()
    system.settle()

    assert shop.statuses(id_) == {"web-1": "Succeeded", "web-2": "Pending"}
    source.states_of.clear()
    for _ in range(12):
        system.sweep(after=1)
        system.settle()
    assert shop.deployment(id_).status == "Succeeded"


def turns(system: System, id_: str) -> list[tuple[str, str, str]]:
    with system.store.read() as uow:
        told = [one.transition for one in uow.history.after(DeploymentId(id_), 0)]
    return [(one.name, one.source, one.to) for one in told if one.subject == "alarm"]


def test_history_tells_when_an_alarm_turns_and_only_then(system: System, source: FakeAlarms):
    shop = canary(system, Alarms(enabled=True, names=("errors",), checks=(CHECK,)))
    id_ = shop.go(lambda_appspec())
    system.settle()
    for state in (AlarmState.NO_DATA, AlarmState.OK, AlarmState.ALARM):
        source.states_of["slow"] = state
        for _ in range(30):
            system.sweep(after=1)
            system.settle()

    assert shop.deployment(id_).status == "Stopped"
    assert turns(system, id_) == [
        ("errors", "", "OK"),
        ("slow", "", "OK"),
        ("slow", "OK", "NO_DATA"),
        ("slow", "NO_DATA", "OK"),
        ("slow", "OK", "ALARM"),
    ]


def test_what_held_it_up_is_not_told_any_more_when_it_has_ended(system: System, source: FakeAlarms):
    shop = canary(system, Alarms(enabled=True, checks=(CHECK,)))
    id_ = shop.go(lambda_appspec())
    system.settle()
    for state in (AlarmState.NO_DATA, AlarmState.ALARM):
        source.states_of["slow"] = state
        for _ in range(12):
            system.sweep(after=1)
            system.settle()

    assert shop.deployment(id_).status == "Stopped"
    assert shop.deployment(id_).status_messages == ()


def test_an_answer_that_comes_after_the_end_tells_nothing(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    source.states_of["errors"] = AlarmState.ALARM
    ask = source.states

    def end_meanwhile(inquiry: Inquiry[Any]) -> Sequence[Reading[Any]]:
        system.stop(id_, rollback=False)
        return ask(inquiry)

    source.states = end_meanwhile  # type: ignore[method-assign]
    system.worker.alarms.poll()

    assert turns(system, id_) == [("errors", "", "OK")]
    with system.store.read() as uow:
        kept = uow.watches.get(DeploymentId(id_))
    assert kept is not None
    assert [one.reading.state for one in kept.seen] == [AlarmState.OK]


def test_two_who_read_at_once_tell_it_once(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    source.states_of["errors"] = AlarmState.INSUFFICIENT_DATA
    ask = source.states

    def another_meanwhile(inquiry: Inquiry[Any]) -> Sequence[Reading[Any]]:
        source.states = ask  # type: ignore[method-assign]
        system.worker.alarms.poll()
        return ask(inquiry)

    source.states = another_meanwhile  # type: ignore[method-assign]
    system.worker.alarms.poll()

    assert turns(system, id_) == [("errors", "", "OK"), ("errors", "OK", "INSUFFICIENT_DATA")]


def test_a_place_that_does_not_answer_keeps_no_other_deployment_waiting(
    system: System, source: FakeAlarms
):
    shop = canary(system)
    lit = shop.go(lambda_appspec())
    system.settle()
    # Checks are asked of Prometheus, and alarms of CloudWatch: one deployment waits for both.
    over = threading.Event()
    system.worker.alarms.prometheus = lambda: SilentAlarms(over=over)
    both = Alarms(enabled=True, names=("others",), checks=(CHECK,))
    waits = second(system, shop, both)
    system.deliver(ADVANCE)
    source.states_of["errors"] = AlarmState.ALARM

    polling = system.in_thread(system.worker.alarms.poll)
    until(lambda: is_seen(system, lit, AlarmState.ALARM))

    assert polling.is_alive()
    over.set()
    polling.join()
    assert is_seen(system, waits, AlarmState.OK)


def test_deployments_that_begin_at_once_ask_once_for_all(system: System, source: FakeAlarms):
    shop = canary(system)
    shop.go(lambda_appspec())
    second(system, shop, Alarms(enabled=True, names=("others",)))

    assert sum(message.links == (POLL_ALARMS,) for message in system.broker.queue) == 1
    system.worker.alarms.poll()
    assert [{one.name for one in ask.alarms} for ask in source.inquiries] == [{"errors", "others"}]


def test_what_others_have_just_read_is_not_read_again(system: System, source: FakeAlarms):
    shop = canary(system)
    shop.go(lambda_appspec())
    system.worker.alarms.just_read = JUST_READ
    system.worker.alarms.poll()
    second(system, shop, Alarms(enabled=True, names=("others",)))

    system.worker.alarms.poll()
    assert [one.name for one in source.inquiries[-1].alarms] == ["others"]
    system.clock.advance(READ_EVERY)
    system.worker.alarms.poll()
    assert {one.name for one in source.inquiries[-1].alarms} == {"errors", "others"}


def second(system: System, shop: TrafficShop, alarms: Alarms) -> DeploymentId:
    """Deploy to another group of the same application."""
    with system.store.write() as uow:
        group = uow.catalog.group("shop", "prod")
        other = replace(
            group, id=GroupId("group-2"), name="other", aws=replace(group.aws, alarms=alarms)
        )
        uow.catalog.add_group(other)
        request = DeploymentRequest(
            application="shop", group="other", revision_id=next(iter(shop.revisions.values()))
        )
        return create_deployment(request, uow=uow, actor="tester").id


@dataclass
class SilentAlarms(FakeAlarms):
    """A source that says nothing before its time."""

    over: threading.Event = field(default_factory=threading.Event)

    def states(self, inquiry: Inquiry[Any]) -> Sequence[Reading[Any]]:
        assert self.over.wait(PATIENCE)
        return super().states(inquiry)


def is_seen(system: System, deployment_id: str, state: AlarmState) -> bool:
    with system.store.read() as uow:
        kept = uow.watches.get(DeploymentId(deployment_id))
    return kept is not None and {one.reading.state for one in kept.seen} == {state}


def test_many_deployments_are_one_question(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    with system.store.write() as uow:
        kept = uow.watches.get(DeploymentId(id_))
    assert kept is not None
    assert [one.reading.state for one in kept.seen] == [AlarmState.OK]
    assert source.inquiries == [
        Inquiry(alarms=(CloudWatchAlarm("errors"),), region="us-east-1", role_arn=ROLE)
    ]
