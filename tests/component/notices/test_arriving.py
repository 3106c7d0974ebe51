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

    # The queue itself keeps no order.
    envelopes = sorted(queue.messages(4), key=lambda one: one["Subject"])
    about = f"AWS CodeDeploy {id_} in us-east-1 to shop"
    words = ["CREATED", "IN_PROGRESS", "SUCCEEDED", "SUCCEEDED"]
    assert [one["Subject"] for one in envelopes] == [f"{word}: {about}" for word in words]
    created, _, *ended = [json.loads(one["Message"]) for one in envelopes]
    of_all = {
        "region": "us-east-1",
        "accountId": ACCOUNT,
        "eventTriggerName": "to slack",
        "deploymentId": id_,
    }
    of_deployment = {
        **of_all,
        "applicationName": "shop",
        "deploymentGroupName": "prod",
        "createTime": "Mon Jan 05 09:00:00 UTC 2026",
    }
    assert created == {**of_deployment, "completeTime": None, "status": "CREATED"}
    assert {
        **of_deployment,
        "completeTime": "Mon Jan 05 09:00:00 UTC 2026",
        "deploymentOverview": '{"Succeeded":1,"Failed":0,"Skipped":0,"InProgress":0,"Pending":0}',
        "status": "SUCCEEDED",
    } in ended
    instance = next(one for one in ended if "instanceId" in one)
    events = json.loads(instance.pop("lifecycleEvents"))
    assert instance == {
        **of_all,
        "instanceId": f"arn:aws:codedeploy:us-east-1:{ACCOUNT}:instance/web-1_AAAAAAAAAA",
        "lastUpdatedAt": "Mon Jan 05 09:00:00 UTC 2026",
        "instanceStatus": "SUCCEEDED",
    }
    assert [one["LifecycleEvent"] for one in events] == list(shop.events(id_, "web-1"))


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
