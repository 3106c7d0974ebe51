"""What is told of traffic that was left in the middle."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.traffic import AliasMove, Found, ServiceMove, Side, TaskSet
from tidegate.planning.leftovers import what_is_left

ALIAS = AliasMove(function="shop", alias="live", current_version="1", target_version="2")
SERVICE = ServiceMove(
    cluster="prod",
    service="web",
    pairs=(TargetGroupPair(target_groups=("a", "b"), prod_listeners=("l",)),),
    task_definition="web:2",
    container_name="web",
    container_port=80,
)
REPAIR = (
    "`aws lambda update-alias --function-name shop --name live --function-version 1 "
    "--routing-config AdditionalVersionWeights={}` brings it back."
)


def found(weight: float) -> Found:
    return Found(weight=weight, at=datetime(2026, 11, 26, tzinfo=UTC))


@pytest.mark.parametrize(
    ("weight", "share"), [(10, "10 % of its traffic"), (100, "all its traffic")]
)
def test_an_alias_is_told_with_the_way_back(weight, share):
    assert what_is_left(ALIAS, found(weight), has_begun=True) == (
        f"The alias live of shop still sends {share} to version 2; {REPAIR}"
    )


def test_where_nothing_was_changed_there_is_nothing_to_say():
    assert what_is_left(ALIAS, found(0), has_begun=True) == ""
    assert what_is_left(SERVICE, served("PRIMARY", "ACTIVE"), has_begun=False) == ""
    assert what_is_left(SERVICE, None, has_begun=True) == ""


PLACE = "--cluster prod --service web"
BLUE, GREEN = (f"arn:aws:ecs:r:1:task-set/prod/web/ecs-svc/{number}" for number in (1, 2))
DELETE = f"`aws ecs delete-task-set {PLACE} --task-set {{}} --force`"
PROMOTE = f"`aws ecs update-service-primary-task-set {PLACE} --primary-task-set {{}}`"


def served(blue: str, green: str, weight: float = 10) -> Found:
    """A service whose task sets have these statuses; there is none where that is empty."""
    sides = (
        (Side.BLUE, BLUE, blue, 100 - weight, "a"),
        (Side.GREEN, GREEN, green, weight, "b"),
    )
    sets = tuple(
        TaskSet(
            id=arn[-9:],
            side=side,
            status=status,
            desired=2,
            pending=0,
            running=2,
            weight=share,
            target_group=group,
            arn=arn,
        )
        for side, arn, status, share, group in sides
        if status
    )
    return replace(found(weight), task_sets=sets)


def test_a_service_is_told_with_both_ways_to_one_task_set():
    assert what_is_left(SERVICE, served("PRIMARY", "ACTIVE"), has_begun=True) == (
        "The service prod:web is left with two task sets: the original one in a has 90 % of the "
        "traffic and the new one in b has 10 % of the traffic. The next deployment needs one "
        "alone: to keep the original one, have l and the rules there forward to a alone, and run "
        f"{DELETE.format(GREEN)}; or to keep the new one, have l and the rules there forward to b "
        f"alone, and run {PROMOTE.format(GREEN)} and then {DELETE.format(BLUE)}."
    )


def test_what_is_the_primary_one_already_is_not_made_it_again():
    told = what_is_left(SERVICE, served("ACTIVE", "PRIMARY", 100), has_begun=True)

    assert PROMOTE.format(BLUE) in told
    assert PROMOTE.format(GREEN) not in told


@pytest.mark.parametrize(
    ("blue", "green"), [("PRIMARY", ""), ("DRAINING", "PRIMARY"), ("", "PRIMARY")]
)
def test_one_task_set_alone_is_not_left_over(blue: str, green: str):
    assert what_is_left(SERVICE, served(blue, green), has_begun=True) == ""
