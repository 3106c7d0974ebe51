"""Steps whose calls end late, or whose deployment has ended meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from component.engine.system import System
from component.engine.traffic import (
    ALIAS,
    BEFORE,
    SERVICE,
    as_found,
    ecs_appspec,
    functions,
    lambda_appspec,
    service,
)
from tidegate.domain.course import Word
from tidegate.domain.history import Subject
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.drivers.traffic import Failed, Running
from tidegate.engine.waits import end_hook
from tidegate.messages import ADVANCE, CARRY_OUT, SWEEP
from tidegate.store.outbox import Message
from tidegate.testing.fake_traffic import LET_GO, FakeHooks

SWEEPS = Message(id="beat", links=(SWEEP,), arguments={})


class QuickHooks(FakeHooks):
    """Hooks that say how it went, and are heard, before their call has ended."""

    system: System

    def __call__(self, hook: str, deployment_id: str, execution_id: str, **where: object) -> None:
        super().__call__(hook, deployment_id, execution_id, **where)
        with self.system.store.write() as uow:
            end_hook(DeploymentId(deployment_id), execution_id, Word.SUCCEEDED, uow=uow)
        self.system.deliver(ADVANCE)


@dataclass
class FrozenHooks:
    """Hooks whose worker stands still until another one has called them."""

    system: System
    could_call: list[bool] = field(default_factory=list)

    def __call__(self, *_hook: str, still_mine: Callable[[], bool], **_where: object) -> Failed:
        rescue(self.system)
        self.could_call.append(still_mine())
        return LET_GO


def test_a_hook_that_answers_before_its_call_has_ended_skips_no_shift(system: System):
    hooks = QuickHooks()
    hooks.system = system
    system.worker.steps.call_hook = hooks
    shop = functions(system)

    id_ = shop.go(lambda_appspec(hooks=[BEFORE]))
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert system.traffic.weights[ALIAS] == [0, 100]


def test_a_stop_leaves_no_step_in_progress(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec(hooks=[BEFORE]))
    system.settle()

    system.stop(id_)

    assert shop.kinds(id_) == {"0 look": "Succeeded", "1 hook": "Failed", "2 shift 100": "Skipped"}
    assert moves_of_steps(system, id_)[-2:] == [
        ("1 hook BeforeAllowTraffic", "InProgress", "Failed"),
        ("2 shift 100 %", "Pending", "Skipped"),
    ]


def test_a_new_deployment_waits_for_the_last_call_of_a_stopped_one(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    created: list[str] = []

    def stop_and_deploy(verb: str) -> None:
        if verb == "shift" and not created:
            system.stop(first, rollback=False)
            created.append(shop.go(lambda_appspec("shop-web")))
            system.deliver(ADVANCE)

    system.traffic.on_call = stop_and_deploy
    first = shop.go(lambda_appspec())
    system.settle()

    assert shop.deployment(first).status == "Stopped"
    assert shop.deployment(created[0]).status == "Created"
    assert [verb for verb, _ in system.traffic.verbs] == ["look", "shift"]
    for _ in range(10):
        system.sweep(after=1)
        system.settle()
    assert shop.deployment(created[0]).status == "InProgress"
    assert shop.statuses(first) == {ALIAS: "Failed"}


def test_a_call_that_is_not_through_when_its_deployment_ends_holds_up_no_rollback(system: System):
    shop = service(system)
    slow = Running(check_in=timedelta(minutes=5), note="No task runs.", found=as_found(system))
    system.traffic.answers["prepare"] = [slow]

    def stop(verb: str) -> None:
        if verb == "prepare":
            system.stop(id_, rollback=True)

    system.traffic.on_call = stop
    id_ = shop.go(ecs_appspec())
    system.settle()

    stopped = shop.deployment(id_)
    assert shop.statuses(id_) == {SERVICE: "Failed"}
    assert shop.deployment(stopped.rollback_deployment_id or "").status == "Succeeded"


def test_a_worker_that_stood_still_leaves_its_step_to_whoever_has_taken_it(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    woken: list[str] = []
    sent: list[str] = []

    def freeze(verb: str) -> None:
        if verb == "shift" and not woken:
            woken.append(verb)
            rescue(system)

    system.traffic.on_call, system.traffic.on_sent = freeze, sent.append
    id_ = shop.go(lambda_appspec())
    system.settle()

    assert [verb for verb, _ in system.traffic.verbs] == ["look", "shift", "shift"]
    assert sent == ["look", "shift"]
    assert system.traffic.weights[ALIAS] == [0, 10]
    assert shop.kinds(id_)["1 shift 10"] == "Succeeded"
    assert shop.errand(id_).failing_since is None


def test_a_worker_that_stood_still_does_not_undo_a_way_back(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")

    def freeze(verb: str) -> None:
        if verb == "shift":
            system.traffic.on_call = lambda _: None
            system.stop(id_, rollback=True)
            rescue(system)

    system.traffic.on_call = freeze
    id_ = shop.go(lambda_appspec())
    system.settle()

    assert shop.deployment(shop.deployment(id_).rollback_deployment_id or "").status == "Succeeded"
    assert system.traffic.weights[ALIAS] == [0]


@pytest.mark.parametrize("verb", ["prepare", "shift", "finish"])
def test_a_worker_about_to_be_taken_for_dead_changes_nothing_and_tries_again(
    system: System, verb: str
):
    """Its lease stands yet, but would not for as long as a call may take."""
    shop = service(system)
    at_sight: list[int] = []

    def lag(called: str) -> None:
        if called == verb and not at_sight:
            at_sight.append(len(system.traffic.weights[SERVICE]))
            system.clock.advance(10)

    sent: list[str] = []
    system.traffic.on_call, system.traffic.on_sent = lag, sent.append
    id_ = shop.go(ecs_appspec())
    system.settle()
    assert verb not in sent
    assert shop.errand(id_).note == "It was left to another worker."

    for _ in range(4):
        system.sweep(after=1)
        system.settle()

    assert verb in sent


def test_a_hook_is_not_called_by_a_worker_that_stood_still(system: System):
    shop = functions(system)
    system.worker.steps.call_hook = hooks = FrozenHooks(system)

    shop.go(lambda_appspec(hooks=[BEFORE]))
    system.settle()

    assert hooks.could_call == [False]
    assert len(system.hooks.calls) == 1


def moves_of_steps(system: System, id_: str) -> list[tuple[str, str, str]]:
    told = [one.transition for one in system.history(id_)]
    return [(one.name, one.source, one.to) for one in told if one.subject is Subject.STEP]


def rescue(system: System) -> None:
    """Have another worker go on after the first one has shown no life for its lease."""
    system.clock.advance(16)
    rescuer = system.new_worker("worker-2")
    system.clock.advance(1)
    rescuer.show_life()
    for _ in range(4):
        rescuer.perform(SWEEPS)
        system.settle(rescuer)


def test_what_was_made_by_a_call_that_ended_after_the_rollback_is_not_left(system: System):
    shop = service(system)
    created: list[str] = []

    def freeze(verb: str) -> None:
        if verb == "prepare" and not created:
            system.stop(id_, rollback=True)
            created.append(id_)
            rescue(system)

    system.traffic.on_sent = freeze
    id_ = shop.go(ecs_appspec())
    system.settle()

    rollback = shop.deployment(id_).rollback_deployment_id or ""
    assert shop.deployment(rollback).status == "Succeeded"
    with system.store.read() as uow:
        assert uow.courses.made(id_, TargetId(SERVICE)) == []


def test_a_worker_that_shows_no_life_takes_no_step(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec())
    system.deliver(ADVANCE)
    system.clock.advance(10)

    system.deliver(CARRY_OUT)

    assert system.traffic.verbs == []
    system.sweep(after=1)
    system.settle()
    assert shop.deployment(id_).status == "Succeeded"
