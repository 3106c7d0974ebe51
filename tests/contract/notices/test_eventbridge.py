"""Events on an EventBridge bus, against moto's server: what a rule's queue hears."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from parts.news import APPLICATION, GROUP, of_deployment, of_instance
from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.notices import Channel, DeploymentNews, InstanceNews, Notice
from tidegate.domain.target import TargetStatus
from tidegate.drivers.notices import NoticeRefused, NoticeUndelivered, notice_sender
from tidegate.drivers.notices.eventbridge import EventBridgeSender
from tidegate.planning.notices import bus_notice
from tidegate.testing.notice_contract import NoticeSenderContract

RESOURCES = (APPLICATION, GROUP)
NEWS = of_deployment(DeploymentStatus.STOPPED)


def on(bus: str, news: DeploymentNews | InstanceNews = NEWS) -> Notice:
    notice = bus_notice(news, bus=bus, resources=RESOURCES)
    assert notice is not None
    return notice


class TestEventBridgeSender(NoticeSenderContract):
    @pytest.fixture
    def sender(self, environment) -> EventBridgeSender:
        return EventBridgeSender()

    @pytest.fixture
    def away(self, nobody) -> EventBridgeSender:
        return EventBridgeSender()

    @pytest.fixture
    def silent(self, mute) -> EventBridgeSender:
        return EventBridgeSender(timeout=timedelta(seconds=1))

    @pytest.fixture
    def notice(self, bus) -> Notice:
        return on(bus)

    @pytest.fixture
    def nowhere(self) -> str:
        return "nothing-here"

    @pytest.fixture
    def arrived(self, queue) -> Callable[[int], list[str]]:
        return lambda wanted: [
            json.dumps(event["detail"], separators=(",", ":")) for event in queue.messages(wanted)
        ]


def test_an_event_is_what_codedeploy_sends(bus, queue):
    notice_sender(Channel.EVENTBRIDGE).send(on(bus))

    (event,) = queue.messages(1)
    assert event == {
        **event,
        "version": "0",
        "source": "aws.codedeploy",
        "detail-type": "CodeDeploy Deployment State-change Notification",
        "time": "2026-11-03T04:05:06Z",
        "region": "eu-central-1",
        "resources": list(RESOURCES),
        "detail": {
            "instanceGroupId": "1a2b",
            "region": "eu-central-1",
            "application": "site",
            "deploymentId": "d-MAIN12345",
            "state": "STOP",
            "deploymentGroup": "blue",
        },
    }


def test_an_event_of_an_instance_arrives(bus, queue):
    news = of_instance(TargetStatus.FAILED)

    EventBridgeSender().send(on(bus, news))

    (event,) = queue.messages(1)
    assert event["detail-type"] == "CodeDeploy Instance State-change Notification"
    assert (event["detail"]["instanceId"], event["detail"]["state"]) == ("web-1", "FAILURE")


def test_a_bus_may_be_named_by_its_arn(bus, queue):
    EventBridgeSender().send(on(f"arn:aws:events:eu-central-1:123456789012:event-bus/{bus}"))

    assert len(queue.messages(1)) == 1


def test_rules_hear_only_the_source_that_they_ask_for(bus, queue):
    notice_sender(Channel.EVENTBRIDGE, source="our.tidegate").send(on(bus))
    EventBridgeSender().send(on(bus))

    assert [event["source"] for event in queue.messages(1)] == ["aws.codedeploy"]


def not_taken(code: str, message: str = "no") -> bytes:
    entry = {"ErrorCode": code, "ErrorMessage": message}
    return json.dumps({"FailedEntryCount": 1, "Entries": [entry]}).encode()


def test_a_source_that_is_awss_own_is_told(says):
    says(200, not_taken("NotAuthorizedForSourceException", "Not authorized for the source."))

    with pytest.raises(NoticeRefused, match="from others than AWS for default; choose another"):
        EventBridgeSender().send(on("default"))


@pytest.mark.parametrize("code", ["InternalFailure", "ThrottlingException", "InternalException"])
def test_an_entry_that_was_not_taken_now_is_sent_again_later(says, code):
    says(200, not_taken(code))

    with pytest.raises(
        NoticeUndelivered, match=rf"EventBridge answered {code} to PutEvents for default \(no\)"
    ):
        EventBridgeSender().send(on("default"))


@pytest.mark.parametrize("code", ["MalformedDetail", "InvalidArgument", "AccessDeniedException"])
def test_an_entry_that_is_never_taken_is_refused(says, code):
    says(200, not_taken(code))

    with pytest.raises(NoticeRefused, match="it is not sent again"):
        EventBridgeSender().send(on("default"))


@pytest.mark.parametrize("body", [b"{}", b'{"Entries":[]}', b'{"Entries":[{}]}'])
def test_an_answer_that_says_nothing_of_the_entry_took_nothing(says, body):
    says(200, body)

    with pytest.raises(NoticeUndelivered):
        EventBridgeSender().send(on("default"))


@pytest.mark.parametrize(
    ("status", "code", "situation"),
    [
        (400, "ThrottlingException", NoticeUndelivered),
        (400, "ExpiredTokenException", NoticeUndelivered),
        (500, "InternalException", NoticeUndelivered),
        (400, "AccessDeniedException", NoticeRefused),
        (400, "UnrecognizedClientException", NoticeRefused),
        (400, "ResourceNotFoundException", NoticeRefused),
    ],
)
def test_errors_of_the_call_are_sorted(says, status, code, situation):
    says(status, json.dumps({"__type": code, "message": "no"}).encode())

    with pytest.raises(situation, match=f"EventBridge answered {code}"):
        EventBridgeSender().send(on("default"))


def test_a_detail_that_is_no_json_is_refused(environment):
    with pytest.raises(NoticeRefused, match="MalformedDetail"):
        EventBridgeSender().send(replace(on("default"), body="{"))
