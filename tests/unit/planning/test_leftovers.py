"""What is told of traffic that was left in the middle."""

from datetime import UTC, datetime

import pytest

from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.traffic import AliasMove, Found, ServiceMove
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
    assert what_is_left(SERVICE, found(0), has_begun=False) == ""
    assert what_is_left(SERVICE, None, has_begun=True) == ""


def test_a_service_is_told_whatever_its_share():
    told = what_is_left(SERVICE, found(0), has_begun=True)

    assert told.startswith("Both task sets of the service prod:web are left")
    assert "0 % of the traffic" in told
