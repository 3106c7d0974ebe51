"""Automatic rollback: when one follows, to what, and what is said otherwise."""

import pytest

from tidegate.domain.deployment import AutoRollback, ComputePlatform, Creator, RollbackEvent
from tidegate.domain.ids import DeploymentId, RevisionId
from tidegate.planning.rollback import (
    NoRollback,
    RollBackTo,
    plan_rollback,
    triggered_message,
    triggering_message,
)
from tidegate.testing.builders import ON_FAILURE, ON_STOP, a_deployment

FAILURE, REQUEST = RollbackEvent.FAILURE, RollbackEvent.REQUEST
GOOD = RevisionId("r-good")


@pytest.mark.parametrize(
    ("auto_rollback", "event", "asked", "follows"),
    [
        (ON_FAILURE, FAILURE, None, True),
        (ON_FAILURE, REQUEST, None, False),
        (ON_STOP, REQUEST, None, True),
        (ON_STOP, FAILURE, None, False),
        (ON_STOP, REQUEST, False, False),
        (AutoRollback(), REQUEST, True, True),
        (AutoRollback(enabled=False, events=(FAILURE,)), FAILURE, None, False),
        (AutoRollback(enabled=True, events=()), FAILURE, None, False),
    ],
)
def test_a_rollback_follows_when_asked_for(auto_rollback, event, asked, follows):
    deployment = a_deployment(auto_rollback=auto_rollback)

    decision = plan_rollback(deployment, event, asked=asked, last_good=GOOD)

    assert decision == (RollBackTo(GOOD) if follows else NoRollback(""))


@pytest.mark.parametrize("asked", [None, True])
@pytest.mark.parametrize(
    ("creator", "why"),
    [
        (Creator.ROLLBACK, "A rollback is not rolled back again."),
        (Creator.AUTO_UPDATE, "It brings what the deployment brought that it follows, so"),
    ],
)
def test_what_brings_what_was_good_is_not_rolled_back(asked, creator, why):
    deployment = a_deployment(creator=creator, auto_rollback=ON_FAILURE)

    decision = plan_rollback(deployment, FAILURE, asked=asked, last_good=GOOD)

    assert isinstance(decision, NoRollback)
    assert decision.reason.startswith(why)


def test_with_no_earlier_success_the_reason_is_said():
    deployment = a_deployment(auto_rollback=ON_FAILURE)

    decision = plan_rollback(deployment, FAILURE, asked=None, last_good=None)

    assert isinstance(decision, NoRollback)
    assert "no successful deployment" in decision.reason


@pytest.mark.parametrize("platform", ComputePlatform)
def test_without_its_group_the_reason_is_said(platform: ComputePlatform):
    deployment = a_deployment(compute_platform=platform, auto_rollback=ON_FAILURE)

    decision = plan_rollback(
        deployment, FAILURE, asked=None, last_good=GOOD, has_group=False, has_moved=True
    )

    assert isinstance(decision, NoRollback)
    assert "The deployment group was deleted" in decision.reason


def test_both_sides_are_told_in_codedeploys_words():
    first, second = DeploymentId("d-A"), DeploymentId("d-B")

    assert triggered_message(first, second) == (
        "Deployment d-A terminated. Automatic rollback is triggered with a DeploymentId d-B."
    )
    assert triggering_message(first, second) == (
        "Deployment d-B is triggered to roll back deployment d-A."
    )
