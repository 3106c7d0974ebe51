"""Whether anybody is told of a move, and by what."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.news import AT, of_deployment, of_instance
from tidegate.domain.aws_group import Trigger, TriggerEvent
from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.history import Subject, Transition
from tidegate.domain.ids import TargetId
from tidegate.domain.notices import Audience, Channel
from tidegate.domain.target import TargetStatus
from tidegate.planning.notices import may_be_told, notices_of

TOPIC = "arn:aws:sns:eu-central-1:111122223333:deployments"
triggers = st.builds(
    Trigger,
    name=st.just("t"),
    topic_arn=st.just(TOPIC),
    events=st.lists(st.sampled_from(TriggerEvent), min_size=1, max_size=3).map(tuple),
)
audiences = st.builds(
    Audience,
    triggers=st.lists(triggers, max_size=3).map(tuple),
    event_bus=st.sampled_from(["", "bus"]),
    role_arn=st.just("role"),
)


def move(subject: Subject, to: str, source: str = "before") -> Transition:
    return Transition(subject=subject, source=source, to=to, at=AT, actor="a", target=TargetId("t"))


@given(
    audience=audiences, status=st.sampled_from(DeploymentStatus), back=st.sampled_from(["", "d-1"])
)
def test_safety_nobody_is_told_of_a_deployment_whose_move_was_passed_by(audience, status, back):
    if notices_of(of_deployment(status, rollback_triggering_deployment_id=back), audience):
        assert may_be_told(move(Subject.DEPLOYMENT, status), audience)


@given(audience=audiences, status=st.sampled_from(TargetStatus))
def test_of_an_instance_one_is_told_exactly_if_its_move_is_looked_at(audience, status):
    told = bool(notices_of(of_instance(status), audience))

    assert told == may_be_told(move(Subject.TARGET, status), audience)


@given(audience=audiences, status=st.sampled_from(TargetStatus))
def test_a_note_is_no_news(audience, status):
    assert not may_be_told(move(Subject.TARGET, status, source=status), audience)


@pytest.mark.parametrize("event", ["Pending", "InProgress", "Succeeded", "Failed"])
@pytest.mark.parametrize("subject", [Subject.LIFECYCLE_EVENT, Subject.STEP])
def test_lifecycle_events_are_told_with_their_instance_only_and_steps_never(subject, event):
    everybody = Audience(
        triggers=(Trigger(name="t", topic_arn=TOPIC, events=tuple(TriggerEvent)),), event_bus="bus"
    )

    assert not may_be_told(move(subject, event), everybody)


@pytest.mark.parametrize("status", ["Created", "InProgress", "Succeeded", "Failed", "Stopped"])
def test_nobody_asks_nobody_is_told(status):
    assert not may_be_told(move(Subject.DEPLOYMENT, status), Audience())
    assert notices_of(of_deployment(DeploymentStatus(status)), Audience()) == []


def test_the_beginning_of_a_rollback_is_told_and_any_other_is_not():
    asks = Audience(
        triggers=(Trigger(name="t", topic_arn=TOPIC, events=(TriggerEvent.DEPLOYMENT_ROLLBACK,)),)
    )

    rollback = of_deployment(DeploymentStatus.IN_PROGRESS, rollback_triggering_deployment_id="d-1")

    assert len(notices_of(rollback, asks)) == 1
    assert notices_of(of_deployment(DeploymentStatus.IN_PROGRESS), asks) == []


def test_messages_go_by_the_role_of_the_group_and_events_do_not():
    start = (TriggerEvent.DEPLOYMENT_START,)
    asks = Audience(
        triggers=(Trigger(name="one", topic_arn=TOPIC, events=start),),
        event_bus="bus",
        role_arn="role",
    )

    message, told = notices_of(of_deployment(DeploymentStatus.CREATED, region="cn-north-1"), asks)

    assert (message.channel, message.target, message.role_arn) == (Channel.SNS, TOPIC, "role")
    assert json.loads(message.body)["eventTriggerName"] == "one"
    assert (told.channel, told.target, told.role_arn) == (Channel.EVENTBRIDGE, "bus", "")
    assert told.resources == (
        "arn:aws-cn:codedeploy:cn-north-1:111122223333:application:site",
        "arn:aws-cn:codedeploy:cn-north-1:111122223333:deploymentgroup:site/blue",
    )
