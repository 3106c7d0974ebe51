"""What the ECS driver refuses before anything is moved, and how it says so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws

from contract.traffic.ecs_course import Course, driver
from parts.ecs_account import CLUSTER, SERVICE, Account, forward, make_account, weighted
from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.traffic import Done, Failed
from tidegate.drivers.traffic.ecs import EcsTraffic
from tidegate.testing.aws.ecs import like_aws

NO_SERVICE, NO_ELB = ErrorCode.INVALID_ECS_SERVICE, ErrorCode.ELASTIC_LOAD_BALANCING_INVALID
NOT_UPDATABLE = ErrorCode.ECS_UPDATE_ERROR
Spoil = Callable[[Account], dict[str, Any] | None]


def pair(account: Account, **changes: Any) -> dict[str, Any]:
    wanted = {
        "target_groups": ("blue", "green"),
        "prod_listeners": (account.prod,),
        "test_listeners": (account.test,),
    }
    return {"pairs": (TargetGroupPair(**wanted | changes),)}


def another_task_set(account: Account) -> None:
    account.ecs.create_task_set(
        cluster=CLUSTER,
        service=SERVICE,
        taskDefinition=account.definitions[0],
        externalId="d-LEFTOVER0",
        launchType="FARGATE",
    )
    settled(account)


def settled(account: Account) -> None:
    for _ in range(3):
        account.task_sets()


def no_primary(account: Account) -> None:
    account.ecs.delete_task_set(
        cluster=CLUSTER, service=SERVICE, taskSet=account.primary, force=True
    )
    settled(account)


def listens(listener: str, *actions: dict[str, Any]) -> Spoil:
    def change(account: Account) -> None:
        made = [
            weighted({getattr(account, name): weight for name, weight in one.items()})
            for one in actions
        ]
        account.elb.modify_listener(ListenerArn=getattr(account, listener), DefaultActions=made)

    return change


def a_rule_to_green(account: Account) -> None:
    account.rule(1, "/x", forward(account.green))


CASES: dict[str, tuple[Spoil, ErrorCode, str]] = {
    "no cluster": (lambda _: {"cluster": "nowhere"}, NO_SERVICE, "ClusterNotFoundException"),
    "no service": (
        lambda _: {"service": "other"},
        NO_SERVICE,
        "There is no service other in the cluster shop.",
    ),
    "no primary": (no_primary, NO_SERVICE, "shop:web has no primary task set"),
    "left over": (another_task_set, NO_SERVICE, "left over from d-LEFTOVER0; make it the primary"),
    "no target group": (
        lambda account: pair(account, target_groups=("blue", "grey")),
        NO_ELB,
        "TargetGroupNotFound to DescribeTargetGroups for the target group grey",
    ),
    "one target group": (
        lambda account: pair(account, target_groups=("blue",)),
        NO_ELB,
        "The pair blue has to have two target groups",
    ),
    "foreign target groups": (
        lambda account: pair(account, target_groups=("green", "foreign")),
        NOT_UPDATABLE,
        "has to be in one of the target groups green and foreign",
    ),
    "no listener": (
        lambda account: pair(account, prod_listeners=(account.prod[:-4] + "beef",)),
        NO_ELB,
        "ListenerNotFound to DescribeListeners for the listener arn:",
    ),
    "no test listener": (
        lambda account: pair(account, test_listeners=(account.test[:-4] + "beef",)),
        NO_ELB,
        "ListenerNotFound to DescribeListeners for the listener arn:",
    ),
    "one listener for both": (
        lambda account: pair(account, test_listeners=(account.prod,)),
        NO_ELB,
        "cannot take traffic of production and of tests",
    ),
    "elsewhere": (
        listens("prod", {"foreign": 1}),
        NOT_UPDATABLE,
        "forwards to neither blue nor green; have it forward to blue.",
    ),
    "tests elsewhere": (
        listens("test", {"foreign": 1}),
        NOT_UPDATABLE,
        "forwards to neither blue nor green; have it forward to either of the pair.",
    ),
    "on green": (
        listens("prod", {"green": 1}),
        NOT_UPDATABLE,
        "gives 100 % to green, which the primary task set is not in; have it forward to blue.",
    ),
    "on both": (listens("prod", {"blue": 75, "green": 25}), NOT_UPDATABLE, "gives 25 % to green"),
    "a rule on green": (a_rule_to_green, NOT_UPDATABLE, "Primary taskset target group must be"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_moved_is_refused_and_left_alone(account: Account, case: str):
    spoil, code, said = CASES[case]
    errand = account.errand(**(spoil(account) or {}))
    before = account.picture()

    answer = driver().look(errand)

    assert isinstance(answer, Failed)
    assert answer.code is code
    assert not answer.may_pass
    assert said in answer.message
    assert answer.message.endswith(".")
    assert account.picture() == before


def test_a_service_that_ecs_itself_deploys_is_refused():
    with like_aws() as behaviour, mock_aws():
        account = make_account()
        behaviour.controllers.clear()
        account.ecs.create_service(
            cluster=CLUSTER,
            serviceName="rolling",
            desiredCount=1,
            taskDefinition=account.definitions[0],
        )

        answer = driver().look(account.errand(service="rolling"))

    assert isinstance(answer, Failed)
    assert answer.code is NO_SERVICE
    assert answer.message == (
        "The service shop:rolling has the deployment controller ECS; recreate it with EXTERNAL."
    )


def test_a_service_that_was_deleted_is_refused(account: Account):
    account.ecs.delete_service(cluster=CLUSTER, service=SERVICE, force=True)

    answer = driver().look(account.errand())

    assert isinstance(answer, Failed)
    assert answer.code is NO_SERVICE


def test_a_task_set_that_drains_is_no_obstacle(account: Account):
    another_task_set(account)
    left = account.task_sets()[1]["taskSetArn"]
    account.ecs.delete_task_set(cluster=CLUSTER, service=SERVICE, taskSet=left, force=True)

    Course.looked(account)


def test_all_may_be_named_by_arns(account: Account):
    cluster = account.ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]["clusterArn"]
    service = account.ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"][0]
    course = Course.looked(
        account,
        cluster=cluster,
        service=service["serviceArn"],
        **pair(account, target_groups=(account.green, account.blue)),
    )

    done = course.go("prepare", "test", "shift 100", "finish")

    assert done is not None
    assert [one.target_group for one in done.found.task_sets] == ["green"]


@pytest.mark.parametrize(("assumes", "there"), [(True, False), (False, True)])
def test_calls_are_made_by_the_role_of_the_group_where_that_is_wanted(
    account: Account, assumes: bool, there: bool
):
    """A role of another account finds nothing of this one."""
    role = "arn:aws:iam::444455556666:role/deploys"
    errand = replace(account.errand(), role_arn=role)

    answer = EcsTraffic(assume_role=assumes).look(errand)

    assert isinstance(answer, Done if there else Failed)
