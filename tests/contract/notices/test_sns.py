"""Messages through SNS, against moto's server: what a subscribed queue hears."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from parts.news import AT, of_deployment
from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.notices import Channel, Notice
from tidegate.drivers.notices import NoticeRefused, NoticeUndelivered, notice_sender
from tidegate.drivers.notices.sns import SnsSender
from tidegate.planning.notices import trigger_notice
from tidegate.testing.notice_contract import NoticeSenderContract

NEWS = of_deployment(
    DeploymentStatus.FAILED,
    region="eu-west-1",
    completed_at=AT + timedelta(minutes=9),
    overview={"Failed": 1},
    error_code="HEALTH_CONSTRAINTS",
    error_message="Zu wenige “hosts” 🙈.",
)
TOPIC = "arn:aws:sns:eu-central-1:123456789012:some-topic"
NOTICE = trigger_notice(NEWS, trigger="to slack", topic=TOPIC)


class TestSnsSender(NoticeSenderContract):
    @pytest.fixture
    def sender(self, environment) -> SnsSender:
        return SnsSender()

    @pytest.fixture
    def away(self, nobody) -> SnsSender:
        return SnsSender()

    @pytest.fixture
    def silent(self, mute) -> SnsSender:
        return SnsSender()

    @pytest.fixture
    def notice(self, topic) -> Notice:
        return trigger_notice(NEWS, trigger="to slack", topic=topic)

    @pytest.fixture
    def nowhere(self) -> str:
        return "arn:aws:sns:eu-central-1:123456789012:nothing-here"

    @pytest.fixture
    def arrived(self, queue) -> Callable[[int], list[str]]:
        return lambda wanted: [message["Message"] for message in queue.messages(wanted)]


def test_the_envelope_is_the_recorded_one(topic, queue):
    notice_sender(Channel.SNS).send(trigger_notice(NEWS, trigger="to slack", topic=topic))

    (envelope,) = queue.messages(1)
    assert envelope["Type"] == "Notification"
    assert envelope["TopicArn"] == topic
    assert envelope["Subject"] == "FAILED: AWS CodeDeploy d-MAIN12345 in eu-west-1 to site"
    assert "MessageAttributes" not in envelope
    told = json.loads(envelope["Message"])
    assert told == {
        "region": "eu-west-1",
        "accountId": "111122223333",
        "eventTriggerName": "to slack",
        "applicationName": "site",
        "deploymentId": "d-MAIN12345",
        "deploymentGroupName": "blue",
        "createTime": "Tue Nov 03 04:05:06 UTC 2026",
        "completeTime": "Tue Nov 03 04:14:06 UTC 2026",
        "deploymentOverview": '{"Succeeded":0,"Failed":1,"Skipped":0,"InProgress":0,"Pending":0}',
        "status": "FAILED",
        "errorInformation": told["errorInformation"],
        "rollbackInformation": "{}",
    }
    assert json.loads(told["errorInformation"]) == {
        "ErrorCode": "HEALTH_CONSTRAINTS",
        "ErrorMessage": "Zu wenige “hosts” 🙈.",
    }


def test_the_longest_subject_is_taken(topic, queue):
    news = replace(NEWS, application="x" * 100, region="ap-southeast-2")

    SnsSender().send(trigger_notice(news, trigger="t", topic=topic))

    assert len(queue.messages(1)[0]["Subject"]) == 99


def test_one_sender_reaches_topics_of_every_region(environment):
    sender = SnsSender()

    for region in ("eu-west-1", "us-west-2"):
        topic = boto3.client("sns", region_name=region).create_topic(Name="far")["TopicArn"]
        sender.send(trigger_notice(NEWS, trigger="t", topic=topic))

    with pytest.raises(NoticeRefused):
        sender.send(replace(NOTICE, target=topic, region="eu-west-1"))


def test_a_topic_that_wants_an_order_is_refused(environment):
    sns = boto3.client("sns", region_name="eu-central-1")
    fifo = sns.create_topic(Name="a.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]

    with pytest.raises(NoticeRefused, match="MessageGroupId"):
        SnsSender().send(replace(NOTICE, target=fifo))


def error(code: str, message: str = "no") -> bytes:
    return (
        "<ErrorResponse><Error><Type>Sender</Type>"
        f"<Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    ).encode()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Throttling"),
        (400, "ThrottlingException"),
        (400, "KMSThrottling"),
        (403, "ExpiredToken"),
        (429, "Whatever"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
    ],
)
def test_what_passes_by_itself_is_sent_again_later(says, status, code):
    says(status, error(code))

    with pytest.raises(
        NoticeUndelivered, match=rf"SNS answered {code} to Publish for {TOPIC} \(no\)"
    ):
        SnsSender().send(NOTICE)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AuthorizationError"),
        (403, "InvalidClientTokenId"),
        (404, "NotFound"),
        (400, "InvalidParameter"),
        (400, "KMSAccessDenied"),
        (400, "EndpointDisabled"),
    ],
)
def test_what_does_not_pass_by_itself_is_refused(says, status, code):
    says(status, error(code, "User: x is not\n authorized."))

    with pytest.raises(NoticeRefused) as refusal:
        SnsSender().send(NOTICE)

    assert str(refusal.value) == (
        f"SNS answered {code} to Publish for {TOPIC} (User: x is not authorized); "
        "it is not sent again."
    )


def test_a_proxy_that_answers_a_page_is_no_sns(says):
    says(502, b"<html>Bad Gateway</html>")

    with pytest.raises(NoticeUndelivered):
        SnsSender().send(NOTICE)


def test_who_has_no_credentials_is_told(environment, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(NoticeRefused, match="no AWS credentials"):
        SnsSender().send(NOTICE)


def test_an_address_that_is_none_is_told(environment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "not an address")

    with pytest.raises(NoticeRefused, match="is no address"):
        SnsSender().send(NOTICE)
