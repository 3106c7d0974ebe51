"""Deployments that move traffic: their steps in time, their hooks, and how they end."""

from datetime import timedelta

import pytest

from component.engine.system import System
from component.engine.traffic import (
    AFTER,
    ALIAS,
    ALWAYS,
    BEFORE,
    functions,
    lambda_appspec,
    minutes,
    say,
)
from tidegate.domain.course import Word
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.errors import (
    HookHasEnded,
    Invalid,
)
from tidegate.domain.ids import DeploymentId
from tidegate.drivers.traffic import Failed
from tidegate.engine.sweep import sweep
from tidegate.engine.waits import end_hook
from tidegate.messages import ADVANCE, CARRY_OUT, COMPLETE_STEP
from tidegate.testing.fake_worker import LEASE

REFUSED = Failed(code=ErrorCode.INVALID_LAMBDA_CONFIGURATION, message="It is not as it should be.")
AWAY = Failed(code=ErrorCode.INTERNAL_ERROR, message="AWS is away.", may_pass=True)


def test_all_at_once_is_there_at_once(system: System):
    shop = functions(system)

    id_ = shop.go(lambda_appspec())
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert system.traffic.weights[ALIAS] == [0, 100]
    assert shop.statuses(id_) == {ALIAS: "Succeeded"}
    assert set(shop.events(id_, ALIAS).values()) == {"Succeeded"}
    assert shop.deployment(id_).total_targets == 1


def test_history_has_the_share_that_was_set_and_the_one_that_was_read_back(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes", auto_rollback=ALWAYS)
    id_ = shop.go(lambda_appspec())
    system.settle()
    system.stop(id_, rollback=True)
    system.settle()

    rollback = shop.deployment(id_).rollback_deployment_id or ""
    with system.store.read() as uow:
        told = [
            (one.transition.name, one.transition.reason)
            for part in (id_, rollback)
            for one in uow.history.after(DeploymentId(part), 0)
            if one.transition.subject == "step" and one.transition.to == "Succeeded"
        ]
    assert told == [
        ("0 look", ""),
        ("1 shift 10 %", "Read back: 10 %."),
        ("0 restore AllowTraffic", "Read back: 0 %."),
    ]


def test_a_step_without_a_hook_is_a_chain_of_two_links(system: System):
    shop = functions(system)
    shop.go(lambda_appspec())
    system.deliver(ADVANCE)

    assert [message.links for message in system.broker.queue] == [(CARRY_OUT, COMPLETE_STEP)]


def test_a_canary_waits_for_its_time_in_rows_and_not_in_the_broker(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec())
    system.settle()

    assert system.traffic.weights[ALIAS] == [0, 10]
    assert system.broker.queue == []
    minutes(system, 4)
    assert system.traffic.weights[ALIAS] == [0, 10]
    assert shop.deployment(id_).status == "InProgress"
    assert shop.events(id_, ALIAS) == {
        "BeforeAllowTraffic": "Succeeded",
        "AllowTraffic": "InProgress",
        "AfterAllowTraffic": "Pending",
    }
    minutes(system, 1)

    assert system.traffic.weights[ALIAS] == [0, 10, 100]
    assert shop.deployment(id_).status == "Succeeded"


def test_a_control_plane_that_was_away_makes_one_shift(system: System):
    shop = functions(system, "LambdaLinear10PercentEvery1Minute")
    id_ = shop.go(lambda_appspec())
    system.settle()

    minutes(system, 3.5)

    assert system.traffic.weights[ALIAS] == [0, 10, 40]
    minutes(system, 1)
    assert system.traffic.weights[ALIAS] == [0, 10, 40, 50]
    assert shop.kinds(id_)["2 shift 20"] == "Skipped"


def test_functions_that_belong_together_move_together(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec("one", "two"))
    system.settle()

    assert system.traffic.weights == {"one:live": [0, 10], "two:live": [0, 10]}
    minutes(system, 5)
    assert system.traffic.weights == {"one:live": [0, 10, 100], "two:live": [0, 10, 100]}
    assert shop.statuses(id_) == {"one:live": "Succeeded", "two:live": "Succeeded"}


def test_one_that_fails_takes_all_back(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes", auto_rollback=ALWAYS)
    id_ = shop.go(lambda_appspec("one", "two"))
    system.settle()
    system.traffic.answers["shift"] = [REFUSED]

    minutes(system, 5)

    assert shop.deployment(id_).status == "Failed"
    rollback = shop.deployment(id_).rollback_deployment_id
    assert rollback is not None
    assert shop.deployment(rollback).status == "Succeeded"
    assert {shares[-1] for shares in system.traffic.weights.values()} == {0}


@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "succeeded"])
def test_each_of_many_functions_comes_to_an_end(system: System, is_stopped: bool):
    """One that did not would hold up the next deployment for ever."""
    shop = functions(system)
    names = [f"function-{number}" for number in range(101)]
    id_ = shop.go(lambda_appspec(*names, hooks=[AFTER]))
    system.settle()

    if is_stopped:
        system.stop(id_, rollback=False)
    else:
        say(system, id_)
    system.settle()

    end = "Failed" if is_stopped else "Succeeded"
    assert shop.statuses(id_) == {f"{name}:live": end for name in names}


def test_a_hook_is_called_and_waited_for(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec(hooks=[BEFORE, AFTER]))
    system.settle()

    assert [call[:2] for call in system.hooks.calls] == [("check", id_)]
    assert system.traffic.weights[ALIAS] == [0]
    assert shop.events(id_, ALIAS)["BeforeAllowTraffic"] == "InProgress"
    say(system, id_)

    assert system.traffic.weights[ALIAS] == [0, 100]
    assert [call[0] for call in system.hooks.calls] == ["check", "check-again"]
    assert shop.deployment(id_).status == "InProgress"
    say(system, id_)
    assert shop.deployment(id_).status == "Succeeded"


def test_a_hook_that_says_no_ends_it_and_traffic_goes_back(system: System):
    shop = functions(system, auto_rollback=ALWAYS)
    id_ = shop.go(lambda_appspec(hooks=[AFTER]))
    system.settle()
    say(system, id_, Word.FAILED)

    failed = shop.deployment(id_)
    assert (failed.status, failed.error_code) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert "validation functions failed" in failed.error_message
    assert shop.events(id_, ALIAS) == {
        "BeforeAllowTraffic": "Succeeded",
        "AllowTraffic": "Succeeded",
        "AfterAllowTraffic": "Failed",
    }
    assert shop.statuses(id_) == {ALIAS: "Failed"}
    rollback = shop.deployment(failed.rollback_deployment_id or "")
    assert (rollback.status, rollback.creator) == ("Succeeded", "codeDeployRollback")
    assert rollback.config_name == "CodeDeployDefault.LambdaAllAtOnce"
    assert set(shop.events(rollback.id, ALIAS).values()) == {"Succeeded"}
    assert system.traffic.weights[ALIAS] == [0, 100, 0]
    assert len(system.hooks.calls) == 1


def test_a_hook_that_says_nothing_for_an_hour_has_failed(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec(hooks=[BEFORE]))
    system.settle()

    minutes(system, 59)
    assert shop.deployment(id_).status == "InProgress"
    minutes(system, 1)

    assert shop.deployment(id_).error_code == "HOOK_EXECUTION_FAILURE"
    assert "within one hour" in shop.deployment(id_).error_message
    with pytest.raises(HookHasEnded):
        say(system, id_)


def test_only_the_first_word_of_a_hook_counts_and_only_one_that_was_called(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec(hooks=[BEFORE, AFTER]))
    system.settle()
    first = system.hooks.calls[0][2]
    say(system, id_)

    with system.store.write() as uow, pytest.raises(HookHasEnded):
        end_hook(id_, first, Word.FAILED, uow=uow)
    with system.store.write() as uow, pytest.raises(Invalid, match="was called as 'x'"):
        end_hook(id_, "x", Word.FAILED, uow=uow)


def test_a_hook_that_cannot_be_called_ends_it_at_once(system: System):
    shop = functions(system)
    system.hooks.refusals = [Failed(code=ErrorCode.IAM_ROLE_PERMISSIONS, message="Denied.")]

    id_ = shop.go(lambda_appspec(hooks=[BEFORE]))
    system.settle()

    failed = shop.deployment(id_)
    assert (failed.error_code, failed.error_message) == ("IAM_ROLE_PERMISSIONS", "Denied.")


def test_what_fails_at_the_first_look_has_nothing_to_take_back(system: System):
    shop = functions(system, auto_rollback=ALWAYS)
    system.traffic.answers["look"] = [REFUSED]

    id_ = shop.go(lambda_appspec())
    system.settle()

    failed = shop.deployment(id_)
    assert (failed.status, failed.error_message) == ("Failed", "It is not as it should be.")
    assert failed.rollback_deployment_id is None
    assert failed.rollback_message == "Nothing had been changed; all is as it was."
    assert shop.events(id_, ALIAS)["AllowTraffic"] == "Skipped"


def test_an_appspec_that_cannot_be_read_fails_it(system: System):
    shop = functions(system)

    id_ = shop.go("nonsense: [")
    system.settle()

    failed = shop.deployment(id_)
    assert (failed.status, failed.error_code) == ("Failed", "INVALID_REVISION")
    assert "line 2, column 1" in failed.error_message
    assert failed.started_at is None


def test_what_aws_does_not_answer_is_tried_again_for_a_while(system: System):
    shop = functions(system)
    system.traffic.answers["shift"] = [AWAY] * 3

    id_ = shop.go(lambda_appspec())
    system.settle()
    assert shop.errand(id_).note == "AWS is away."
    for _ in range(40):
        system.sweep(after=1)
        system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert [verb for verb, _ in system.traffic.verbs].count("shift") == 4


def test_and_not_for_ever(system: System):
    shop = functions(system)
    system.traffic.answers["shift"] = [AWAY] * 1000

    id_ = shop.go(lambda_appspec())
    system.settle()
    for _ in range(40):
        system.sweep(after=10)
        system.settle()

    failed = shop.deployment(id_)
    assert (failed.status, failed.error_message) == ("Failed", "AWS is away.")
    assert 10 < [verb for verb, _ in system.traffic.verbs].count("shift") < 25


@pytest.mark.parametrize("rollback", [True, False])
def test_a_stop_leaves_the_weights_or_takes_them_back(system: System, rollback: bool):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec())
    system.settle()

    system.stop(id_, rollback=rollback)
    system.settle()

    assert shop.deployment(id_).status == "Stopped"
    assert shop.statuses(id_) == {ALIAS: "Failed"}
    assert shop.events(id_, ALIAS) == {
        "BeforeAllowTraffic": "Succeeded",
        "AllowTraffic": "Failed",
        "AfterAllowTraffic": "Skipped",
    }
    assert system.traffic.weights[ALIAS] == ([0, 10, 0] if rollback else [0, 10])
    told = shop.deployment(id_).status_messages
    assert (told == ()) is rollback
    assert rollback or "still sends 10 % of its traffic to version 2" in told[0]
    minutes(system, 10)
    assert system.traffic.weights[ALIAS] == ([0, 10, 0] if rollback else [0, 10])


def test_a_rollback_waits_for_the_call_that_is_under_way(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec())
    system.deliver(ADVANCE)
    system.deliver(CARRY_OUT)
    system.deliver(COMPLETE_STEP)

    def stop(verb: str) -> None:
        if verb == "shift":
            system.stop(id_, rollback=True)
            system.deliver(ADVANCE)
            assert shop.statuses(id_) == {ALIAS: "InProgress"}

    system.traffic.on_call = stop
    system.settle()

    stopped = shop.deployment(id_)
    assert stopped.status == "Stopped"
    assert shop.statuses(id_) == {ALIAS: "Failed"}
    assert shop.deployment(stopped.rollback_deployment_id or "").status == "Succeeded"
    assert system.traffic.weights[ALIAS] == [0, 100, 0]


def test_a_worker_that_dies_in_a_shift_costs_nothing(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec())
    system.deliver(ADVANCE)
    system.deliver(CARRY_OUT)
    system.deliver(COMPLETE_STEP)

    class Killed(BaseException):
        pass

    def die(verb: str) -> None:
        raise Killed(verb)

    system.traffic.on_call = die
    with pytest.raises(Killed):
        system.deliver(CARRY_OUT)
    system.traffic.on_call = lambda _: None
    other = system.new_worker("worker-2")
    system.clock.advance(timedelta(seconds=20))
    other.show_life()
    sweep(store=system.store, lease=LEASE)
    system.settle(other)

    assert shop.deployment(id_).status == "Succeeded"
    assert system.traffic.weights[ALIAS] == [0, 100]


def test_messages_that_come_twice_or_never_change_nothing(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec())
    system.broker.queue *= 2
    while system.broker.queue:
        message = system.broker.queue.pop(0)
        system.worker.perform(message)
        system.worker.perform(message)
    system.clock.advance(timedelta(minutes=5))
    system.sweep(after=2)
    system.broker.queue.clear()
    for _ in range(70):
        system.sweep(after=1)
        system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert system.traffic.weights[ALIAS] == [0, 10, 100]
