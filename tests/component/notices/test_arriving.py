"""A deployment whose messages and events arrive, through moto's SNS and EventBridge."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from component.engine.system import System
from component.notices.ears import group, telling
from parts.aws import REGION
from tidegate.domain.notices import NoticeSettings

ACCOUNT = "123456789012"


@pytest.fixture
def real(
    environment: None, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[System]:
    """A system that sends for real, to a bus where a test asks for one."""
    place = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus"
    asks = "bus" in request.fixturenames
    bus = f"{place}/{request.getfixturevalue('bus')}" if asks else ""
    settings = NoticeSettings(account_id=ACCOUNT, event_bus=bus)
    system = System(database_url, tmp_path, notices=settings)
    yield system
    system.close()


def test_the_messages_of_a_deployment_have_the_recorded_shape(real, topic, queue):
    shop = real.shop("web-1", aws=group(telling(topic=topic, name="to slack")))

    id_ = shop.deploy("one")
    real.settle()

    envelopes = queue.messages(4)
    # The queue itself keeps no order.
    by_subject = {one["Subject"]: json.loads(one["Message"]) for one in envelopes}
    about = f"AWS CodeDeploy {id_} in us-east-1 to shop"
    assert set(by_subject) == {
        f"{word}: {about}" for word in ("CREATED", "IN_PROGRESS", "SUCCEEDED")
    }
    assert len(envelopes) == 4
    created = by_subject[f"CREATED: {about}"]
    assert created == {
        "region": "us-east-1",
        "accountId": "123456789012",
        "eventTriggerName": "to slack",
        "applicationName": "shop",
        "deploymentId": id_,
        "deploymentGroupName": "prod",
        "createTime": "Mon Jan 05 09:00:00 UTC 2026",
        "completeTime": None,
        "status": "CREATED",
    }
    ended = [json.loads(one["Message"]) for one in envelopes if one["Subject"].startswith("SUCC")]
    deployment = next(one for one in ended if "status" in one)
    instance = next(one for one in ended if "instanceStatus" in one)
    assert deployment["deploymentOverview"] == (
        '{"Succeeded":1,"Failed":0,"Skipped":0,"InProgress":0,"Pending":0}'
    )
    assert deployment["completeTime"] == "Mon Jan 05 09:00:00 UTC 2026"
    assert set(instance) == {
        "region",
        "accountId",
        "eventTriggerName",
        "deploymentId",
        "instanceId",
        "lastUpdatedAt",
        "instanceStatus",
        "lifecycleEvents",
    }
    assert instance["instanceId"] == (
        "arn:aws:codedeploy:us-east-1:123456789012:instance/web-1_AAAAAAAAAA"
    )
    assert [one["LifecycleEvent"] for one in json.loads(instance["lifecycleEvents"])] == list(
        shop.events(id_, "web-1")
    )


def test_the_events_of_a_deployment_arrive_on_the_bus(real, bus, queue):
    shop = real.shop("web-1")

    id_ = shop.deploy("one")
    real.settle()

    told: list[Any] = queue.messages(4)
    assert {one["detail-type"] for one in told} == {
        "CodeDeploy Deployment State-change Notification",
        "CodeDeploy Instance State-change Notification",
    }
    assert {one["detail"]["deploymentId"] for one in told} == {id_}


def test_a_topic_that_is_gone_is_given_up_and_the_deployment_goes_on(real, topic, client):
    shop = real.shop("web-1", aws=group(telling(topic=topic)))
    client("sns").delete_topic(TopicArn=topic)

    id_ = shop.deploy("one")
    real.settle()

    assert shop.deployment(id_).status == "Succeeded"
    with real.store.read() as uow:
        assert uow.notices.totals()["sns", "dropped"] == 4
