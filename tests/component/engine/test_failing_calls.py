"""Calls of AWS that fail, at each verb: tried again where that helps, else the end, and back."""

from datetime import timedelta

import pytest

from component.engine.system import System
from component.engine.traffic import (
    AFTER,
    ALIAS,
    ALWAYS,
    BEFORE,
    SERVICE,
    TrafficShop,
    as_found,
    ecs_appspec,
    functions,
    lambda_appspec,
    say,
    service,
)
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.ids import DeploymentId
from tidegate.domain.traffic import Found
from tidegate.drivers.traffic import Done, Failed, Running
from tidegate.engine.step_runs import LONGEST_PAUSE

pytestmark = pytest.mark.slow

SENTENCE = "ECS answered {} to CreateTaskSet for the service shop:web."
VERBS = ["look", "prepare", "test", "shift", "finish"]
"""In their order."""
PASSING = [
    Failed(code=code, message=SENTENCE.format(word), may_pass=True)
    for code, word in [
        (ErrorCode.THROTTLED, "ThrottlingException"),
        (ErrorCode.INTERNAL_ERROR, "ServerException"),
    ]
]
LASTING = [
    Failed(code=code, message=SENTENCE.format(word))
    for code, word in [
        (ErrorCode.IAM_ROLE_PERMISSIONS, "AccessDeniedException"),
        (ErrorCode.INVALID_ECS_SERVICE, "ClusterNotFoundException"),
    ]
]


def code_of(failed: Failed) -> str:
    return failed.code.value


def wait(system: System, seconds: int) -> None:
    for _ in range(seconds // 10):
        system.sweep(after=10)
        system.settle()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("failed", PASSING, ids=code_of)
def test_what_passes_in_time_is_never_seen_at_the_end(system: System, verb: str, failed: Failed):
    shop = service(system, has_test=True, auto_rollback=ALWAYS)
    system.traffic.answers[verb] = [failed] * 3

    id_ = shop.go(ecs_appspec())
    system.settle()
    assert shop.errand(id_).note == failed.message
    wait(system, 120)

    assert shop.deployment(id_).status == "Succeeded"
    assert [called for called, _ in system.traffic.verbs].count(verb) == 4


def test_after_an_answer_pauses_begin_anew(system: System):
    shop = service(system)
    slow = Running(check_in=timedelta(minutes=5), note="Tasks start.", found=as_found(system))
    system.traffic.answers["prepare"] = [*[PASSING[0]] * 3, slow]
    id_ = shop.go(ecs_appspec())
    system.settle()
    assert shop.errand(id_).tries == 1

    wait(system, 30)

    assert system.traffic.answers["prepare"] == []
    assert (shop.errand(id_).note, shop.errand(id_).tries) == ("Tasks start.", 0)


@pytest.mark.parametrize("verb", [one for one in VERBS if one != "finish"])
@pytest.mark.parametrize("failed", [PASSING[0], LASTING[0]], ids=code_of)
@pytest.mark.parametrize("rolls_back", [True, False])
def test_what_does_not_pass_ends_it_as_the_group_wants(
    system: System, verb: str, failed: Failed, rolls_back: bool
):
    shop = service(system, has_test=True, auto_rollback=ALWAYS if rolls_back else None)
    system.traffic.answers[verb] = [failed] * 1000

    id_ = shop.go(ecs_appspec())
    system.settle()
    tries = [called for called, _ in system.traffic.verbs].count(verb)
    if not failed.may_pass:
        assert tries == 1
    wait(system, 600 + int(LONGEST_PAUSE.total_seconds()))

    ended = shop.deployment(id_)
    assert (ended.status, ended.error_code) == ("Failed", failed.code)
    assert ended.error_message == failed.message
    assert shop.statuses(id_) == {SERVICE: "Failed"}
    restored = [called for called, _ in system.traffic.verbs].count("restore")
    # After a look there is nothing to be taken back.
    assert restored == (1 if rolls_back and verb != "look" else 0)
    if restored:
        rollback = shop.deployment(ended.rollback_deployment_id or "")
        assert rollback.status == "Succeeded"
        assert system.traffic.weights[SERVICE][-1] == 0


def on_its_way_back(system: System) -> tuple[TrafficShop, DeploymentId]:
    """A rollback whose calls meet an AWS that is away; nothing of it is tried yet."""
    shop = functions(system, "LambdaCanary10Percent5Minutes", auto_rollback=ALWAYS)
    id_ = shop.go(lambda_appspec())
    system.settle()
    system.traffic.answers["restore"] = [PASSING[1]] * 1000
    system.stop(id_)
    system.settle()
    rollback = shop.deployment(id_).rollback_deployment_id
    assert rollback is not None
    return shop, rollback


def test_the_way_back_is_tried_again_for_much_longer_and_says_so(system: System):
    shop, id_ = on_its_way_back(system)

    wait(system, 50 * 60)
    held_up = shop.deployment(id_)
    assert held_up.status == "InProgress"
    assert held_up.status_messages == (
        f"The traffic is not back yet, which is tried again until 10:00 UTC: {PASSING[1].message}",
    )
    tries = [called for called, _ in system.traffic.verbs].count("restore")
    assert 50 * 60 / 40 < tries < 50 * 60 / LONGEST_PAUSE.total_seconds() + 10
    system.traffic.answers["restore"] = []
    wait(system, 40)

    ended = shop.deployment(id_)
    assert (ended.status, ended.status_messages) == ("Succeeded", ())
    assert system.traffic.weights[ALIAS] == [0, 10, 0]


def test_what_the_way_back_left_alone_is_said_at_its_end(system: System):
    shop, id_ = on_its_way_back(system)
    found = Found(weight=0, at=system.clock.now())
    system.traffic.answers["restore"] = [Done(found=found, note="Somebody else changed it.")]

    wait(system, 40)

    ended = shop.deployment(id_)
    assert (ended.status, ended.status_messages) == ("Succeeded", ("Somebody else changed it.",))


def test_a_way_back_that_is_given_up_says_what_is_left(system: System):
    shop, id_ = on_its_way_back(system)

    wait(system, 61 * 60)

    ended = shop.deployment(id_)
    assert (ended.status, ended.error_message) == ("Failed", PASSING[1].message)
    [left] = ended.status_messages
    assert "still sends 10 % of its traffic to version 2; `aws lambda update-alias" in left


@pytest.mark.parametrize("failed", PASSING + LASTING, ids=code_of)
def test_what_is_left_of_the_old_side_is_told_and_no_reason_to_go_back(
    system: System, failed: Failed
):
    shop = service(system, auto_rollback=ALWAYS)
    system.traffic.answers["finish"] = [failed] * 1000

    id_ = shop.go(ecs_appspec())
    system.settle()
    wait(system, 600)

    ended = shop.deployment(id_)
    assert ended.status == "Succeeded"
    [told] = ended.status_messages
    assert told.startswith(failed.message)
    assert told.endswith("delete it before the next deployment.")
    assert system.traffic.weights[SERVICE] == [0, 100]


def test_a_rollback_that_fails_tells_what_is_left(system: System):
    shop = functions(system, "LambdaCanary10Percent5Minutes", auto_rollback=ALWAYS)
    system.traffic.answers["restore"] = [LASTING[0]]
    id_ = shop.go(lambda_appspec())
    system.settle()

    system.stop(id_)
    system.settle()

    rollback = shop.deployment(shop.deployment(id_).rollback_deployment_id or "")
    assert (rollback.status, rollback.error_message) == ("Failed", LASTING[0].message)
    [told] = rollback.status_messages
    assert told.startswith("The alias live of shop-web still sends 10 % of its traffic")


@pytest.mark.parametrize("failed", PASSING + LASTING, ids=code_of)
@pytest.mark.parametrize("hook", [BEFORE, AFTER], ids=["before", "after"])
def test_a_hook_that_cannot_be_called_is_no_other(
    system: System, hook: dict[str, str], failed: Failed
):
    shop = functions(system, auto_rollback=ALWAYS)
    system.hooks.refusals = [failed] * 3

    id_ = shop.go(lambda_appspec(hooks=[hook]))
    system.settle()
    wait(system, 120)

    if failed.may_pass:
        say(system, id_)
        wait(system, 10)
        assert shop.deployment(id_).status == "Succeeded"
    else:
        ended = shop.deployment(id_)
        assert (ended.status, ended.error_code) == ("Failed", failed.code)
        assert ended.error_message == failed.message
