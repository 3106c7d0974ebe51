"""What goes wrong at each call of ECS and of its load balancers, told with its name."""

import re
from pathlib import Path
from typing import Any

import pytest

from contract.traffic.ecs_way import VERBS, Way
from parts.aws_faults import Fault, counted, says, times_out
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.traffic import Done, Failed, Running
from tidegate.testing.sentences import is_a_sentence

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[3] / "docs" / "ecs.md"
TARGETS = {
    "CreateTaskSet": "the service shop:web",
    "DeleteTaskSet": "the task set arn:",
    "DescribeListeners": "the listener arn:",
    "DescribeRules": "the listener arn:",
    "DescribeServices": "the service shop:web",
    "DescribeTargetGroups": "the target group ",
    "DescribeTaskSets": "the task set arn:",
    "DescribeTasks": "the tasks of the service shop:web",
    "ListTasks": "the tasks of the service shop:web",
    "ModifyListener": "the listener arn:",
    "ModifyRule": "the rule arn:",
    "UpdateServicePrimaryTaskSet": "the task set arn:",
}
"""Every call, and what it is for."""
ONLY_TOLD = ("ListTasks", "DescribeTasks")
"""What is asked for a note may be done without."""


def gone(operation: str, call: Any) -> Any:
    """What was asked for is not there any more."""
    if operation.endswith(("TaskSet", "TaskSets", "Services", "Tasks")):
        return says("ClusterNotFoundException")(operation, call)
    return says("TargetGroupNotFound")(operation, call)


def unheard(operation: str, _call: Any) -> Any:
    """Nobody answers, and nothing has happened."""
    times_out(operation, lambda: None)


AWAY = {ErrorCode.INVALID_ECS_SERVICE, ErrorCode.ELASTIC_LOAD_BALANCING_INVALID}
FAULTS: dict[str, tuple[Fault, bool, set[ErrorCode]]] = {
    "throttled": (says("ThrottlingException"), True, {ErrorCode.THROTTLED}),
    "throttled by a load balancer": (says("Throttling"), True, {ErrorCode.THROTTLED}),
    "500": (says("ServerException", 500), True, {ErrorCode.INTERNAL_ERROR}),
    "503": (says("ServiceUnavailable", 503), True, {ErrorCode.INTERNAL_ERROR}),
    "unheard": (unheard, True, {ErrorCode.INTERNAL_ERROR}),
    "denied": (says("AccessDeniedException"), False, {ErrorCode.IAM_ROLE_PERMISSIONS}),
    "unknown": (says("UnrecognizedClientException"), False, {ErrorCode.IAM_ROLE_PERMISSIONS}),
    "gone": (gone, False, AWAY),
    "refused": (says("InvalidParameterException"), False, {ErrorCode.ECS_UPDATE_ERROR}),
}
DONE_WITHOUT = {
    *((one, kind) for one in ONLY_TOLD for kind in FAULTS),
    ("DescribeTaskSets", "denied"),
}


def test_every_call_is_in_the_table_and_among_the_permissions(way: Way):
    made: set[str] = set()
    for name, verb in VERBS.items():
        way.starts[name].again()
        with counted() as calls:
            way.course.until_done(verb)
        made.update(calls.made)
    # A task has to have stopped for that one.
    made.add("DescribeTasks")

    assert made == TARGETS.keys()
    needed = set(re.findall(r'"(?:ecs|elasticloadbalancing):(\w+)"', DOCS.read_text()))
    assert needed - {"TagResource"} == made


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", VERBS)
def test_a_fault_is_told_at_any_call(way: Way, name: str, kind: str):
    fault, may_pass, codes = FAULTS[kind]
    for number, answer, operation in way.each_call(name, fault):
        if (operation, kind) in DONE_WITHOUT:
            assert isinstance(answer, Done), number
            continue
        assert isinstance(answer, Failed), number
        assert answer.may_pass is may_pass, number
        assert answer.code in codes, number
        how = f"{operation} {'of' if kind == 'unheard' else 'for'} {TARGETS[operation]}"
        assert how in answer.message, number
        assert is_a_sentence(answer.message), number
        # Nobody deploys a rollback.
        assert name != "restore" or "deploy again" not in answer.message, number


@pytest.mark.parametrize("operation", ["DescribeServices", "ModifyListener", "ModifyRule"])
def test_who_is_denied_is_told_what_to_allow(way: Way, operation: str):
    way.starts["shift 100"].again()
    with counted(says("AccessDeniedException"), at=operation):
        answer = way.course.driver.shift(way.course.errand, 100)

    assert isinstance(answer, Failed)
    assert answer.message.endswith(f"; allow {operation} on it.")


def test_tasks_that_cannot_be_asked_are_no_reason_to_give_up(way: Way):
    way.starts["prepare"].again()
    way.course.driver.prepare(way.course.errand)

    with counted(says("AccessDeniedException"), at="ListTasks"):
        answer = way.course.driver.prepare(way.course.errand)

    assert isinstance(answer, Running)
    assert answer.note.endswith(
        "Whether tasks of it have stopped is not known: ECS answered AccessDeniedException to"
        " ListTasks for the tasks of the service shop:web (made up)."
    )


def test_tags_that_cannot_be_read_are_told_of(way: Way):
    """The role that AWS has for CodeDeploy may not read them."""
    way.starts["prepare"].again()
    with counted(says("AccessDeniedException"), at="DescribeTaskSets"):
        way.course.driver.prepare(way.course.errand)
        answer = way.course.driver.prepare(way.course.errand)

    assert isinstance(answer, Running)
    assert "The new task set has none of the original one's tags: ECS answered" in answer.note
    assert [len(one.get("tags", ())) for one in way.course.account.task_sets()] == [1, 0]
