"""What SNS and EventBridge are told, against what AWS was recorded to send."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.news import APPLICATION, GROUP, of_deployment, of_instance
from tidegate.domain.aws_group import TriggerEvent
from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.lifecycle import EventStatus, LifecycleEvent
from tidegate.domain.notices import Channel
from tidegate.domain.target import TargetStatus
from tidegate.planning.notices import bus_notice, region_of, trigger_event, trigger_notice

TOPIC = "arn:aws:sns:eu-central-1:111122223333:deployments"
CREATED_AT = datetime(2022, 10, 3, 8, 5, 9, 999_000, tzinfo=UTC)
COMPLETED_AT = datetime(2022, 10, 14, 15, 59, 37, tzinfo=UTC)

CREATED = of_deployment(DeploymentStatus.CREATED, at=CREATED_AT, created_at=CREATED_AT)
SUCCEEDED = replace(
    CREATED,
    status=DeploymentStatus.SUCCEEDED,
    completed_at=COMPLETED_AT,
    overview={"Succeeded": 1},
)
FAILED = replace(
    SUCCEEDED,
    status=DeploymentStatus.FAILED,
    overview={"Failed": 2, "Skipped": 1},
    error_code="HEALTH_CONSTRAINTS",
    error_message='Too few of "them".',
)
ROLLBACK = replace(
    CREATED,
    deployment_id="d-BACK12345",
    rollback_triggering_deployment_id="d-MAIN12345",
    rollback_message="Deployment d-BACK12345 is triggered to roll back deployment d-MAIN12345.",
)
HOST = of_instance(
    TargetStatus.SUCCEEDED,
    at=COMPLETED_AT,
    events=(
        LifecycleEvent(
            name="ApplicationStop",
            position=0,
            status=EventStatus.SUCCEEDED,
            started_at=CREATED_AT,
            finished_at=COMPLETED_AT,
        ),
        LifecycleEvent(
            name="Install", position=1, status=EventStatus.IN_PROGRESS, started_at=CREATED_AT
        ),
        LifecycleEvent(name="ValidateService", position=2, status=EventStatus.PENDING),
    ),
)


def body(news) -> str:
    return trigger_notice(news, trigger="to slack", topic=TOPIC).body


def test_a_created_deployment_is_told_byte_by_byte_as_recorded():
    assert body(CREATED) == (
        '{"region":"eu-central-1","accountId":"111122223333","eventTriggerName":"to slack",'
        '"applicationName":"site","deploymentId":"d-MAIN12345","deploymentGroupName":"blue",'
        '"createTime":"Mon Oct 03 08:05:09 UTC 2022","completeTime":null,"status":"CREATED"}'
    )


def test_a_deployment_that_succeeded_is_told_byte_by_byte_as_recorded():
    assert body(SUCCEEDED) == (
        '{"region":"eu-central-1","accountId":"111122223333","eventTriggerName":"to slack",'
        '"applicationName":"site","deploymentId":"d-MAIN12345","deploymentGroupName":"blue",'
        '"createTime":"Mon Oct 03 08:05:09 UTC 2022",'
        '"completeTime":"Fri Oct 14 15:59:37 UTC 2022",'
        r'"deploymentOverview":"{\"Succeeded\":1,\"Failed\":0,\"Skipped\":0,'
        r'\"InProgress\":0,\"Pending\":0}","status":"SUCCEEDED"}'
    )


def test_a_deployment_that_failed_tells_why_as_json_in_json():
    told = json.loads(body(FAILED))

    assert told["status"] == "FAILED"
    assert told["deploymentOverview"] == (
        '{"Succeeded":0,"Failed":2,"Skipped":1,"InProgress":0,"Pending":0}'
    )
    assert told["errorInformation"] == (
        r'{"ErrorCode":"HEALTH_CONSTRAINTS","ErrorMessage":"Too few of \"them\"."}'
    )
    assert told["rollbackInformation"] == "{}"


@pytest.mark.parametrize("status", ["CREATED", "IN_PROGRESS", "SUCCEEDED"])
def test_a_rollback_names_what_it_rolls_back_at_each_step(status: str):
    told = json.loads(body(replace(ROLLBACK, status=DeploymentStatus[status])))

    assert told["status"] == status
    assert told["rollbackInformation"] == (
        '{"RollbackMessage":"Deployment d-BACK12345 is triggered to roll back deployment '
        'd-MAIN12345.","RollbackTriggeringDeploymentId":"d-MAIN12345"}'
    )


def test_an_instance_is_told_with_its_events():
    told = json.loads(body(HOST))

    assert list(told) == [
        *("region", "accountId", "eventTriggerName", "deploymentId", "instanceId"),
        *("lastUpdatedAt", "instanceStatus", "lifecycleEvents"),
    ]
    assert told["instanceId"] == HOST.instance_arn
    assert told["lastUpdatedAt"] == "Fri Oct 14 15:59:37 UTC 2022"
    assert told["instanceStatus"] == "SUCCEEDED"
    stop, install, validate = json.loads(told["lifecycleEvents"])
    assert stop == {
        "LifecycleEvent": "ApplicationStop",
        "LifecycleEventStatus": "SUCCEEDED",
        "StartTime": "Mon Oct 03 08:05:09 UTC 2022",
        "EndTime": "Fri Oct 14 15:59:37 UTC 2022",
    }
    assert install["LifecycleEventStatus"] == "IN_PROGRESS"
    assert "EndTime" not in install
    assert validate == {"LifecycleEvent": "ValidateService", "LifecycleEventStatus": "PENDING"}


def test_a_message_goes_to_its_topic_where_that_lies():
    notice = trigger_notice(SUCCEEDED, trigger="t", topic=TOPIC)

    assert (notice.channel, notice.target, notice.region) == (Channel.SNS, TOPIC, "eu-central-1")
    assert notice.subject == "SUCCEEDED: AWS CodeDeploy d-MAIN12345 in eu-central-1 to site"


@given(
    application=st.text("abcXYZ019._+=,@-", min_size=1, max_size=100),
    status=st.sampled_from(DeploymentStatus),
)
def test_sns_takes_every_subject(application: str, status: DeploymentStatus):
    news = replace(CREATED, application=application, status=status, region="ap-southeast-2")

    subject = trigger_notice(news, trigger="t", topic=TOPIC).subject

    assert len(subject) < 100
    assert f"CodeDeploy d-MAIN12345 in ap-southeast-2 to {application}".startswith(
        subject.partition("AWS ")[2]
    )


def test_a_long_reason_fits_into_a_message():
    assert len(body(replace(FAILED, error_message="\u20ac" * 300_000))) < 256 * 1024


def test_times_are_utc_whatever_zone_they_came_in():
    there = CREATED_AT.astimezone(timezone(timedelta(hours=-9)))

    assert body(replace(CREATED, created_at=there)) == body(CREATED)


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (DeploymentStatus.CREATED, TriggerEvent.DEPLOYMENT_START),
        (DeploymentStatus.QUEUED, None),
        (DeploymentStatus.IN_PROGRESS, None),
        (DeploymentStatus.BAKING, None),
        (DeploymentStatus.READY, TriggerEvent.DEPLOYMENT_READY),
        (DeploymentStatus.SUCCEEDED, TriggerEvent.DEPLOYMENT_SUCCESS),
        (DeploymentStatus.FAILED, TriggerEvent.DEPLOYMENT_FAILURE),
        (DeploymentStatus.STOPPED, TriggerEvent.DEPLOYMENT_STOP),
    ],
)
def test_what_triggers_call_a_deployments_status(status, event):
    assert trigger_event(replace(CREATED, status=status)) is event


def test_only_a_rollback_that_begins_is_a_rollback():
    begun = replace(ROLLBACK, status=DeploymentStatus.IN_PROGRESS)

    assert trigger_event(begun) is TriggerEvent.DEPLOYMENT_ROLLBACK
    assert trigger_event(ROLLBACK) is TriggerEvent.DEPLOYMENT_START


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (TargetStatus.PENDING, None),
        (TargetStatus.IN_PROGRESS, TriggerEvent.INSTANCE_START),
        (TargetStatus.READY, TriggerEvent.INSTANCE_READY),
        (TargetStatus.SUCCEEDED, TriggerEvent.INSTANCE_SUCCESS),
        (TargetStatus.FAILED, TriggerEvent.INSTANCE_FAILURE),
        (TargetStatus.SKIPPED, None),
        (TargetStatus.UNKNOWN, None),
    ],
)
def test_what_triggers_call_an_instances_status(status, event):
    assert trigger_event(replace(HOST, status=status)) is event


def test_every_event_that_a_trigger_may_ask_for_can_occur():
    news = [replace(CREATED, status=status) for status in DeploymentStatus]
    news += [replace(ROLLBACK, status=DeploymentStatus.IN_PROGRESS)]
    hosts = [replace(HOST, status=status) for status in TargetStatus]

    assert {trigger_event(one) for one in (*news, *hosts)} - {None} == set(TriggerEvent)


def test_an_event_of_a_deployment():
    notice = bus_notice(FAILED, bus="default", resources=(APPLICATION, GROUP))

    assert notice is not None
    assert (notice.channel, notice.target, notice.region) == (
        Channel.EVENTBRIDGE,
        "default",
        "eu-central-1",
    )
    assert notice.subject == "CodeDeploy Deployment State-change Notification"
    assert notice.resources == (APPLICATION, GROUP)
    assert notice.at == FAILED.at
    assert json.loads(notice.body) == {
        "instanceGroupId": "1a2b",
        "region": "eu-central-1",
        "application": "site",
        "deploymentId": "d-MAIN12345",
        "state": "FAILURE",
        "deploymentGroup": "blue",
    }


def test_an_event_of_an_instance_names_it():
    notice = bus_notice(HOST, bus="default", resources=(APPLICATION, GROUP))

    assert notice is not None
    assert notice.subject == "CodeDeploy Instance State-change Notification"
    assert json.loads(notice.body) == {
        "instanceGroupId": "1a2b",
        "region": "eu-central-1",
        "application": "site",
        "deploymentId": "d-MAIN12345",
        "instanceId": "web-1",
        "state": "SUCCESS",
        "deploymentGroup": "blue",
    }


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (DeploymentStatus.CREATED, "START"),
        (DeploymentStatus.QUEUED, "QUEUED"),
        (DeploymentStatus.IN_PROGRESS, None),
        (DeploymentStatus.BAKING, None),
        (DeploymentStatus.READY, "READY"),
        (DeploymentStatus.SUCCEEDED, "SUCCESS"),
        (DeploymentStatus.FAILED, "FAILURE"),
        (DeploymentStatus.STOPPED, "STOP"),
        (TargetStatus.PENDING, None),
        (TargetStatus.IN_PROGRESS, "START"),
        (TargetStatus.READY, "READY"),
        (TargetStatus.SUCCEEDED, "SUCCESS"),
        (TargetStatus.FAILED, "FAILURE"),
        (TargetStatus.SKIPPED, None),
        (TargetStatus.UNKNOWN, None),
    ],
    ids=repr,
)
def test_what_events_call_a_status(status, state):
    news = HOST if isinstance(status, TargetStatus) else CREATED

    notice = bus_notice(replace(news, status=status), bus="b", resources=())

    assert (notice and json.loads(notice.body)["state"]) == state


def test_an_event_goes_to_the_region_of_its_bus():
    bus = "arn:aws:events:us-west-2:111122223333:event-bus/central"

    notice = bus_notice(CREATED, bus=bus, resources=())

    assert notice is not None
    assert notice.region == "us-west-2"


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        (TOPIC, "eu-central-1"),
        ("", ""),
        ("topic", ""),
        ("arn:aws:sns:eu-west-1", ""),
        (":::a::", ""),
    ],
)
def test_the_region_of_an_arn(arn: str, region: str):
    assert region_of(arn) == region
