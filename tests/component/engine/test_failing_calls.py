"""Calls of AWS that fail, at each verb: tried again where that helps, else the end, and back."""

import pytest

from component.engine.system import System
from component.engine.traffic import (
    AFTER,
    ALWAYS,
    BEFORE,
    SERVICE,
    ecs_appspec,
    functions,
    lambda_appspec,
    say,
    service,
)
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.traffic import Failed
from tidegate.engine.step_runs import LONGEST_PAUSE

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
    assert failed.message in ended.status_messages
    assert system.traffic.weights[SERVICE] == [0, 100]


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
