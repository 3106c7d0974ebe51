"""Alarms that nobody read for long, that meet something else, and what the group wants then."""

from datetime import timedelta

import pytest

from component.engine.alarms import FakeAlarms, canary
from component.engine.system import System
from component.engine.traffic import ALIAS, ALWAYS, lambda_appspec, minutes, steer
from tidegate.domain.alarms import Alarms, AlarmState, PrometheusCheck
from tidegate.domain.deployment import AutoRollback, ErrorCode, RollbackEvent
from tidegate.drivers.traffic import Failed
from tidegate.engine.steering import pause_deployment, resume_deployment

REFUSED = Failed(code=ErrorCode.INVALID_LAMBDA_CONFIGURATION, message="It is not as it should be.")


def pass_seconds(system: System, count: int) -> None:
    for _ in range(count):
        system.sweep(after=1)
        system.settle()


def test_what_was_read_long_ago_is_read_again_before_a_step(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    system.clock.advance(timedelta(minutes=7))
    system.advance(id_)
    system.settle()

    assert system.traffic.weights[ALIAS] == [0, 10]
    assert shop.deployment(id_).status_messages == (
        "The state of <errors> has not been read for 30 s or more, and is asked for again.",
    )
    system.sweep(after=1)
    system.settle()
    assert system.traffic.weights[ALIAS] == [0, 10, 100]
    assert shop.deployment(id_).status_messages == ()


def test_what_turned_while_nobody_looked_stops_it_before_the_next_step(
    system: System, source: FakeAlarms
):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    source.states_of["errors"] = AlarmState.ALARM
    system.clock.advance(timedelta(minutes=7))
    system.advance(id_)
    system.settle()
    system.sweep(after=1)
    system.settle()

    assert shop.deployment(id_).error_code == "ALARM_ACTIVE"
    assert system.traffic.weights[ALIAS] == [0, 10, 0]


def test_what_is_as_it_was_is_no_old_news(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    pass_seconds(system, 295)
    system.clock.advance(timedelta(seconds=6))
    system.advance(id_)
    system.settle()

    assert system.traffic.weights[ALIAS] == [0, 10, 100]


@pytest.mark.parametrize(
    ("rollback", "shares"),
    [
        (ALWAYS, [0, 10, 0]),
        (AutoRollback(enabled=True, events=(RollbackEvent.ALARM,)), [0, 10, 0]),
        (AutoRollback(enabled=True, events=(RollbackEvent.FAILURE,)), [0, 10]),
        (AutoRollback(enabled=True, events=(RollbackEvent.REQUEST,)), [0, 10]),
        (AutoRollback(enabled=False, events=tuple(RollbackEvent)), [0, 10]),
    ],
)
def test_the_group_says_whether_an_alarm_takes_the_traffic_back(
    system: System, source: FakeAlarms, rollback: AutoRollback, shares: list[int]
):
    shop = canary(system, auto_rollback=rollback)
    id_ = shop.go(lambda_appspec())
    system.settle()
    source.states_of["errors"] = AlarmState.ALARM
    pass_seconds(system, 12)

    stopped = shop.deployment(id_)
    assert (stopped.status, stopped.error_code) == ("Stopped", "ALARM_ACTIVE")
    assert system.traffic.weights[ALIAS] == shares
    assert (stopped.rollback_deployment_id is None) == (shares == [0, 10])
    assert bool(stopped.status_messages) == (shares == [0, 10])


def test_an_alarm_goes_off_in_a_pause(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    steer(system, pause_deployment, id_)
    minutes(system, 30)
    source.states_of["errors"] = AlarmState.ALARM
    pass_seconds(system, 12)

    assert shop.deployment(id_).error_code == "ALARM_ACTIVE"
    assert system.traffic.weights[ALIAS] == [0, 10, 0]


@pytest.mark.parametrize("has_begun", [True, False])
def test_a_pause_without_data_of_prometheus_ends_in_a_stop_that_takes_nothing_back(
    system: System, source: FakeAlarms, has_begun: bool
):
    check = PrometheusCheck(name="slow", query="latency", threshold=1)
    shop = canary(system, Alarms(enabled=True, checks=(check,)))
    if not has_begun:
        source.states_of["slow"] = AlarmState.NO_DATA
    id_ = shop.go(lambda_appspec())
    system.settle()
    source.states_of["slow"] = AlarmState.NO_DATA
    pass_seconds(system, 12)

    system.clock.advance(timedelta(hours=47, minutes=59))
    pass_seconds(system, 12)
    assert shop.deployment(id_).status == ("InProgress" if has_begun else "Created")
    system.clock.advance(timedelta(minutes=1))
    pass_seconds(system, 12)

    stopped = shop.deployment(id_)
    assert (stopped.status, stopped.error_code) == ("Stopped", "TIMEOUT")
    assert stopped.rollback_deployment_id is None
    assert system.traffic.weights.get(ALIAS) == ([0, 10] if has_begun else None)


def test_who_resumes_after_long_meets_the_alarm_first(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    minutes(system, 4)
    steer(system, pause_deployment, id_)
    system.clock.advance(timedelta(minutes=30))
    source.states_of["errors"] = AlarmState.ALARM
    steer(system, resume_deployment, id_)
    pass_seconds(system, 90)

    assert shop.deployment(id_).error_code == "ALARM_ACTIVE"
    assert system.traffic.weights[ALIAS] == [0, 10, 0]


def test_what_fails_while_an_alarm_goes_off_is_taken_back_once(system: System, source: FakeAlarms):
    shop = canary(system)
    id_ = shop.go(lambda_appspec())
    system.settle()
    minutes(system, 4)
    source.states_of["errors"] = AlarmState.ALARM
    system.traffic.answers["shift"] = [REFUSED]
    system.traffic.on_sent = lambda _: system.worker.alarms.poll() and None
    minutes(system, 1)
    system.traffic.on_sent = lambda _: None
    pass_seconds(system, 12)

    ended = shop.deployment(id_)
    assert (ended.status, ended.error_code) == ("Stopped", "ALARM_ACTIVE")
    assert [verb for verb, _ in system.traffic.verbs].count("restore") == 1
    assert system.traffic.weights[ALIAS] == [0, 10, 0]
    assert shop.deployment(ended.rollback_deployment_id or "").status == "Succeeded"
