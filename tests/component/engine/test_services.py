"""Deployments of ECS services: their eight events, waits, and what takes its time."""

from datetime import timedelta

import pytest

from component.engine.system import System
from component.engine.traffic import (
    ALWAYS,
    SERVICE,
    as_found,
    ecs_appspec,
    minutes,
    service,
)
from tidegate.domain.aws_group import (
    BlueGreen,
    InstanceAction,
    ReadyAction,
    TerminateBlue,
    WhenReady,
)
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.errors import (
    DeploymentNotReady,
)
from tidegate.domain.ids import TargetId
from tidegate.domain.traffic import Errand, Made
from tidegate.drivers.traffic import Answer, Failed, Running
from tidegate.engine.waits import Wait, continue_deployment


def test_a_service_goes_through_all_of_its_events(system: System):
    ready = WhenReady(ReadyAction.STOP_DEPLOYMENT, 60)
    terminate = TerminateBlue(InstanceAction.TERMINATE, 5)
    shop = service(
        system,
        "ECSCanary10Percent5Minutes",
        has_test=True,
        blue_green=BlueGreen(ready=ready, terminate=terminate),
    )

    id_ = shop.go(ecs_appspec())
    system.settle()

    assert shop.deployment(id_).status == "Ready"
    assert system.traffic.weights[SERVICE] == [0]
    assert [verb for verb, _ in system.traffic.verbs] == ["look", "prepare", "test"]
    with system.store.write() as uow, pytest.raises(DeploymentNotReady):
        continue_deployment(id_, Wait.TERMINATION, uow=uow)
    with system.store.write() as uow:
        continue_deployment(id_, Wait.READY, uow=uow)
    system.settle()
    assert shop.deployment(id_).status == "InProgress"
    minutes(system, 5)
    assert system.traffic.weights[SERVICE] == [0, 10, 100]
    assert set(shop.events(id_, SERVICE).values()) == {"Succeeded"}
    assert len(shop.events(id_, SERVICE)) == 8
    assert shop.deployment(id_).status == "InProgress"
    minutes(system, 5)
    assert shop.deployment(id_).status == "Succeeded"
    assert [verb for verb, _ in system.traffic.verbs][-1] == "finish"


def test_nobody_who_says_go_on_stops_it(system: System):
    ready = WhenReady(ReadyAction.STOP_DEPLOYMENT, 60)
    shop = service(system, blue_green=BlueGreen(ready=ready), auto_rollback=ALWAYS)
    id_ = shop.go(ecs_appspec())
    system.settle()

    minutes(system, 60)

    stopped = shop.deployment(id_)
    assert (stopped.status, stopped.error_code) == ("Stopped", "TIMEOUT")
    assert "This time out period is 60 minutes." in stopped.error_message
    assert system.traffic.made == set()


def test_a_new_side_that_is_never_ready_fails_with_what_was_said_of_it_last(system: System):
    shop = service(system, auto_rollback=ALWAYS)
    why = "One of its tasks has stopped, the last one: out of memory."
    stuck = Running(check_in=timedelta(minutes=1), note=why, found=as_found(system))
    system.traffic.answers["prepare"] = [stuck] * 100
    id_ = shop.go(ecs_appspec())
    system.settle()

    for _ in range(62):
        system.sweep(after=60)
        system.settle()

    failed = shop.deployment(id_)
    assert (failed.status, failed.error_code) == ("Failed", "TIMEOUT")
    assert failed.error_message == (
        "The deployment timed out while waiting for the replacement task set to become healthy. "
        f"This time out period is 60 minutes. {why}"
    )


def test_a_new_side_that_takes_its_time_is_asked_again(system: System):
    shop = service(system)
    slow = Running(check_in=timedelta(seconds=10), note="2 of 3 tasks run.", found=as_found(system))
    system.traffic.answers["prepare"] = [slow, slow]

    id_ = shop.go(ecs_appspec())
    system.settle()
    assert shop.errand(id_).note == "2 of 3 tasks run."
    for _ in range(25):
        system.sweep(after=1)
        system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert [verb for verb, _ in system.traffic.verbs].count("prepare") == 3


def test_a_new_side_that_never_stands_is_given_up_after_an_hour(system: System):
    shop = service(system, auto_rollback=ALWAYS)
    slow = Running(check_in=timedelta(minutes=5), note="No.", found=as_found(system))
    system.traffic.answers["prepare"] = [slow] * 100

    id_ = shop.go(ecs_appspec())
    system.settle()
    for _ in range(14):
        minutes(system, 5)

    failed = shop.deployment(id_)
    assert (failed.status, failed.error_code) == ("Failed", "TIMEOUT")
    assert "become healthy" in failed.error_message
    assert shop.deployment(failed.rollback_deployment_id or "").status == "Succeeded"


def test_an_old_side_that_cannot_be_removed_is_told_and_no_failure(system: System):
    shop = service(system, auto_rollback=ALWAYS)
    busy = Failed(code=ErrorCode.ECS_UPDATE_ERROR, message="It is busy.")
    system.traffic.answers["finish"] = [busy]

    id_ = shop.go(ecs_appspec())
    system.settle()

    done = shop.deployment(id_)
    told = "It is busy. The original task set is left; delete it before the next deployment."
    assert (done.status, done.status_messages) == ("Succeeded", (told,))


def test_what_is_being_removed_cannot_be_gone_back_to(system: System):
    shop = service(system)
    slow = Running(check_in=timedelta(seconds=10), note="Draining.", found=as_found(system))
    system.traffic.answers["finish"] = [slow] * 9
    id_ = shop.go(ecs_appspec())
    system.settle()

    system.stop(id_, rollback=True)
    system.settle()

    stopped = shop.deployment(id_)
    assert (stopped.status, stopped.rollback_deployment_id) == ("Stopped", None)
    assert "was being removed already" in stopped.rollback_message
    assert system.traffic.weights[SERVICE] == [0, 100]


def test_the_way_back_is_told_what_was_made_and_leaves_no_row_of_it(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    shop = service(system, "ECSCanary10Percent5Minutes")
    green = Made(kind="task set", name=SERVICE)
    system.traffic.answers["restore"] = [
        Running(
            check_in=timedelta(seconds=5), note="It goes.", found=as_found(system), made=(green,)
        )
    ]
    restore, told = system.traffic.restore, list[tuple[Made, ...]]()

    def noted(errand: Errand) -> Answer:
        told.append(errand.made)
        return restore(errand)

    monkeypatch.setattr(system.traffic, "restore", noted)
    id_ = shop.go(ecs_appspec())
    system.settle()
    system.stop(id_, rollback=True)
    system.settle()
    minutes(system, 1)

    rollback = shop.deployment(id_).rollback_deployment_id
    assert rollback is not None
    assert shop.deployment(rollback).status == "Succeeded"
    assert told == [(green,), (green,)]
    with system.store.read() as uow:
        assert [uow.courses.made(one, TargetId(SERVICE)) for one in (id_, rollback)] == [[], []]
