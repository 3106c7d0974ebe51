"""What people do to traffic that moves: pause it, resume it, promote it."""

from datetime import timedelta

import pytest

from component.engine.system import System
from component.engine.traffic import (
    AFTER,
    ALIAS,
    ALWAYS,
    BEFORE,
    TrafficShop,
    ecs_appspec,
    functions,
    lambda_appspec,
    minutes,
    say,
    service,
    steer,
)
from tidegate.domain.aws_group import (
    BlueGreen,
    ReadyAction,
    WhenReady,
)
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.errors import (
    DeploymentAlreadyCompleted,
    NotNow,
    TooLateToRollBack,
    UnsupportedAction,
)
from tidegate.domain.ids import DeploymentId, RandomIds
from tidegate.drivers.traffic import Failed
from tidegate.engine.advance import advance_deployment
from tidegate.engine.steering import (
    pause_deployment,
    promote_deployment,
    resume_deployment,
    rollback_deployment,
)
from tidegate.store.unit_of_work import Store


def test_a_pause_holds_the_shifts_and_a_resume_keeps_their_distance(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec())
    system.settle()
    minutes(system, 2)

    steer(system, pause_deployment, id_)
    minutes(system, 60)
    assert system.traffic.weights[ALIAS] == [0, 10]
    assert shop.deployment(id_).status == "InProgress"
    steer(system, resume_deployment, id_)
    minutes(system, 2)
    assert system.traffic.weights[ALIAS] == [0, 10]
    minutes(system, 1.1)

    assert system.traffic.weights[ALIAS] == [0, 10, 100]
    assert shop.deployment(id_).status == "Succeeded"
    told = [one.transition for one in system.history(id_)]
    assert [(t.name, t.actor, t.reason) for t in told if t.actor == "ann"] == [
        ("pause", "ann", "lunch"),
        ("resume", "ann", "lunch"),
    ]


def test_a_pause_that_nobody_ends_is_a_stop(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes", auto_rollback=ALWAYS)
    id_ = shop.go(lambda_appspec())
    system.settle()
    steer(system, pause_deployment, id_)

    minutes(system, 48 * 60 - 1)
    assert shop.deployment(id_).status == "InProgress"
    minutes(system, 2)

    assert shop.deployment(id_).status == "Stopped"
    assert system.traffic.weights[ALIAS] == [0, 10, 0]


@pytest.mark.parametrize(
    ("full", "weights"), [(False, [0, 10, 20]), (True, [0, 10, 100])], ids=["next", "full"]
)
@pytest.mark.parametrize("paused", [True, False])
def test_a_promotion_does_now_what_would_come(system: System, full, weights, paused):
    shop = functions(system, "LambdaLinear10PercentEvery10Minutes")
    id_ = shop.go(lambda_appspec())
    system.settle()
    if paused:
        steer(system, pause_deployment, id_)

    steer(system, promote_deployment, id_, full=full)

    assert system.traffic.weights[ALIAS] == weights
    assert shop.deployment(id_).paused_at is None
    assert (shop.deployment(id_).status == "Succeeded") is full
    skipped = [one.transition.name for one in system.history(id_) if one.transition.to == "Skipped"]
    assert skipped == ([f"{tens} shift {tens}0 %" for tens in range(2, 10)] if full else [])
    if not full:
        minutes(system, 9)
        assert system.traffic.weights[ALIAS] == weights
        minutes(system, 1.1)
        assert system.traffic.weights[ALIAS] == [*weights, 30]


def busy_first_shift(system: System) -> tuple[TrafficShop, DeploymentId]:
    """A linear shift whose first share is tried again later."""
    shop = functions(system, "LambdaLinear10PercentEvery10Minutes")
    busy = Failed(code=ErrorCode.THROTTLED, message="Lambda is busy.", may_pass=True)
    system.traffic.answers["shift"] = [busy]
    id_ = shop.go(lambda_appspec())
    system.settle()
    assert shop.kinds(id_)["1 shift 10"] == "InProgress"
    return shop, id_


def test_a_pause_while_the_first_share_is_tried_again_leaves_the_schedule_as_it_is(system: System):
    shop, id_ = busy_first_shift(system)

    steer(system, pause_deployment, id_)
    steer(system, resume_deployment, id_)
    minutes(system, 1)
    assert system.traffic.weights[ALIAS] == [0, 10]
    minutes(system, 5)
    assert system.traffic.weights[ALIAS] == [0, 10]
    minutes(system, 5.1)

    assert system.traffic.weights[ALIAS] == [0, 10, 20]
    assert shop.deployment(id_).status == "InProgress"


@pytest.mark.parametrize("full", [False, True], ids=["next", "full"])
def test_nothing_is_promoted_before_the_first_share_is_there(system: System, full: bool):
    shop, id_ = busy_first_shift(system)

    with pytest.raises(NotNow, match="it is at its step shift"):
        steer(system, promote_deployment, id_, full=full)
    minutes(system, 1)

    assert system.traffic.weights[ALIAS] == [0, 10]
    assert shop.deployment(id_).status == "InProgress"


def paused(system: System, deployment_id: DeploymentId) -> None:
    """Pause it from within a call; what that wakes comes later."""
    with system.store.write() as uow:
        pause_deployment(deployment_id, uow=uow, actor="ann")


@pytest.mark.parametrize("hook", [BEFORE, AFTER], ids=["before", "after"])
def test_a_promotion_ends_a_pause_between_steps(system: System, hook: dict[str, str]):
    shop = functions(system, "LambdaAllAtOnce")
    id_ = shop.go(lambda_appspec(hooks=[BEFORE, AFTER]))
    system.settle()
    if hook is AFTER:
        system.traffic.on_call = lambda verb: paused(system, id_) if verb == "shift" else None
        say(system, id_)
    else:
        steer(system, pause_deployment, id_)
        say(system, id_)
        with pytest.raises(NotNow, match="was paused before its first share"):
            steer(system, promote_deployment, id_, full=True)
    held = shop.kinds(id_)
    assert "InProgress" not in held.values()
    assert shop.deployment(id_).status == "InProgress"

    steer(system, promote_deployment, id_)

    assert shop.deployment(id_).paused_at is None
    assert shop.kinds(id_) != held


def test_nothing_is_promoted_fully_that_was_paused_before_its_start(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec())
    paused(system, id_)

    with pytest.raises(NotNow, match="was paused before its first share"):
        steer(system, promote_deployment, id_, full=True)
    steer(system, promote_deployment, id_)

    assert shop.deployment(id_).paused_at is None
    assert system.traffic.weights[ALIAS] == [0, 10]


def test_a_promotion_ends_a_wait(system: System):
    ready = WhenReady(ReadyAction.STOP_DEPLOYMENT, 60)
    shop = service(system, blue_green=BlueGreen(ready=ready))
    id_ = shop.go(ecs_appspec())
    system.settle()

    steer(system, promote_deployment, id_)

    assert shop.deployment(id_).status == "Succeeded"


def test_what_cannot_be_steered_is_told_so(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec(hooks=[BEFORE]))
    system.settle()

    with pytest.raises(NotNow, match="it is at its step hook"):
        steer(system, promote_deployment, id_)
    with pytest.raises(NotNow, match="is not paused"):
        steer(system, resume_deployment, id_)
    system.stop(id_)
    with pytest.raises(DeploymentAlreadyCompleted):
        steer(system, pause_deployment, id_)


def test_servers_have_no_traffic_to_steer(system: System):
    id_ = system.shop("web-1").deploy("one")

    with pytest.raises(UnsupportedAction, match="nothing to pause"):
        steer(system, pause_deployment, id_)


def test_how_long_a_pause_may_last_is_settable(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec())
    system.settle()
    steer(system, pause_deployment, id_)
    system.clock.advance(timedelta(minutes=61))
    store = Store(
        system.engine,
        sender=system.broker,
        clock=system.clock,
        ids=RandomIds(),
        pause_limit=timedelta(hours=1),
    )

    advance_deployment(id_, store=store)

    assert shop.deployment(id_).status == "Stopped"


def test_a_rollback_is_a_stop_that_brings_all_back(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes")
    id_ = shop.go(lambda_appspec())
    system.settle()

    steer(system, rollback_deployment, id_)

    assert system.traffic.weights[ALIAS] == [0, 10, 0]
    stopped = shop.deployment(id_)
    assert stopped.status == "Stopped"
    assert stopped.error_message == "Stopped by ann: to roll it back, lunch"
    with pytest.raises(TooLateToRollBack, match=f"{stopped.rollback_deployment_id} has rolled it"):
        steer(system, rollback_deployment, id_)


def test_a_rollback_is_not_stopped_by_who_wants_one(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes", auto_rollback=ALWAYS)
    id_ = shop.go(lambda_appspec())
    system.settle()
    away = Failed(code=ErrorCode.INTERNAL_ERROR, message="Lambda is away.", may_pass=True)
    system.traffic.answers["restore"] = [away]
    steer(system, rollback_deployment, id_)
    rollback = shop.deployment(id_).rollback_deployment_id
    assert rollback is not None

    with pytest.raises(UnsupportedAction, match="none is rolled back again"):
        steer(system, rollback_deployment, rollback)
    minutes(system, 1)

    assert shop.deployment(rollback).status == "Succeeded"
    assert system.traffic.weights[ALIAS] == [0, 10, 0]


def test_a_step_that_is_called_for_fails_with_its_deployment(system: System):
    shop = functions(system)
    id_ = shop.go(lambda_appspec())
    seen: list[str] = []

    def stop_in_the_middle(verb: str) -> None:
        if verb == "shift":
            system.stop(id_)
            seen.append(shop.kinds(id_)["1 shift 100"])

    system.traffic.on_call = stop_in_the_middle
    system.settle()

    assert seen == ["Failed"]
    assert shop.kinds(id_)["1 shift 100"] == "Failed"
