"""Who is told what: messages for SNS triggers, and events for EventBridge.

Messages have the shape that AWS was recorded to send: times as text, and JSON inside of JSON where
the user guide ("JSON data formats for CodeDeploy triggers") prints objects. A deployment that does
not roll back anything is told of when it is created and when it has ended; one that does, also when
it begins. Events are those of EventBridge's reference, "AWS CodeDeploy events".
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from tidegate.domain.arn import Arn, ResourceKind
from tidegate.domain.aws_group import TriggerEvent
from tidegate.domain.deployment import DEPLOYMENT_MACHINE, DeploymentStatus
from tidegate.domain.history import Subject, Transition
from tidegate.domain.lifecycle import LifecycleEvent
from tidegate.domain.notices import Audience, Channel, DeploymentNews, InstanceNews, Notice
from tidegate.domain.target import TargetStatus

LONGEST_SUBJECT: Final = 99
"""SNS takes subjects of less than 100 characters."""
_LONGEST_ERROR: Final = 10_000
_OVERVIEW: Final = ("Succeeded", "Failed", "Skipped", "InProgress", "Pending")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

_D = DeploymentStatus
_I = TargetStatus

_DEPLOYMENT_TRIGGERS: Final[Mapping[DeploymentStatus, TriggerEvent]] = {
    _D.CREATED: TriggerEvent.DEPLOYMENT_START,
    _D.READY: TriggerEvent.DEPLOYMENT_READY,
    _D.SUCCEEDED: TriggerEvent.DEPLOYMENT_SUCCESS,
    _D.FAILED: TriggerEvent.DEPLOYMENT_FAILURE,
    _D.STOPPED: TriggerEvent.DEPLOYMENT_STOP,
}
_INSTANCE_TRIGGERS: Final[Mapping[TargetStatus, TriggerEvent]] = {
    _I.IN_PROGRESS: TriggerEvent.INSTANCE_START,
    _I.READY: TriggerEvent.INSTANCE_READY,
    _I.SUCCEEDED: TriggerEvent.INSTANCE_SUCCESS,
    _I.FAILED: TriggerEvent.INSTANCE_FAILURE,
}
_DEPLOYMENT_STATES: Final[Mapping[DeploymentStatus, str]] = {
    _D.CREATED: "START",
    _D.QUEUED: "QUEUED",
    _D.READY: "READY",
    _D.SUCCEEDED: "SUCCESS",
    _D.FAILED: "FAILURE",
    _D.STOPPED: "STOP",
}
_INSTANCE_STATES: Final[Mapping[TargetStatus, str]] = {
    _I.IN_PROGRESS: "START",
    _I.READY: "READY",
    _I.SUCCEEDED: "SUCCESS",
    _I.FAILED: "FAILURE",
}


def may_be_told(move: Transition, audience: Audience) -> bool:
    """Tell whether a move may be news to *audience*, before the news is read.

    What it says of a deployment that begins holds only if that one rolls back another.
    """
    if move.source == move.to:
        return False
    match move.subject:
        case Subject.DEPLOYMENT:
            status = DeploymentStatus(move.to)
            rollback = TriggerEvent.DEPLOYMENT_ROLLBACK if status is _D.IN_PROGRESS else None
            event = _DEPLOYMENT_TRIGGERS.get(status, rollback)
            state = _DEPLOYMENT_STATES.get(status)
        case Subject.TARGET:
            event = _INSTANCE_TRIGGERS.get(TargetStatus(move.to))
            state = _INSTANCE_STATES.get(TargetStatus(move.to))
        case Subject.LIFECYCLE_EVENT | Subject.STEP | Subject.ALARM:
            return False
    is_asked_for = any(event in trigger.events for trigger in audience.triggers)
    return is_asked_for or bool(audience.event_bus and state)


def notices_of(news: DeploymentNews | InstanceNews, audience: Audience) -> list[Notice]:
    """Return what is sent of *news*: to each trigger that asks for it, and to the event bus."""
    event = trigger_event(news)
    notices = [
        replace(
            trigger_notice(news, trigger=trigger.name, topic=trigger.topic_arn),
            role_arn=audience.role_arn,
        )
        for trigger in audience.triggers
        if event in trigger.events
    ]
    if audience.event_bus:
        told = bus_notice(news, bus=audience.event_bus, resources=_resources(news))
        notices += [told] if told else []
    return notices


def _resources(news: DeploymentNews | InstanceNews) -> tuple[str, ...]:
    names = {
        ResourceKind.APPLICATION: news.application,
        ResourceKind.GROUP: f"{news.application}/{news.group}",
    }
    return tuple(
        str(Arn(region=news.region, account=news.account_id, kind=kind, name=name))
        for kind, name in names.items()
    )


def trigger_event(news: DeploymentNews | InstanceNews) -> TriggerEvent | None:
    """Return what triggers call this, or None if none may ask for it."""
    if isinstance(news, InstanceNews):
        return _INSTANCE_TRIGGERS.get(news.status)
    if news.status is _D.IN_PROGRESS and news.rollback_triggering_deployment_id:
        return TriggerEvent.DEPLOYMENT_ROLLBACK
    return _DEPLOYMENT_TRIGGERS.get(news.status)


def trigger_notice(news: DeploymentNews | InstanceNews, *, trigger: str, topic: str) -> Notice:
    """Return the message that a group's *trigger* sends to its *topic*."""
    about = f"{news.deployment_id} in {news.region} to {news.application}"
    told = _of_deployment(news) if isinstance(news, DeploymentNews) else _of_instance(news)
    head = {"region": news.region, "accountId": news.account_id, "eventTriggerName": trigger}
    return Notice(
        channel=Channel.SNS,
        target=topic,
        region=region_of(topic),
        subject=f"{news.status.name}: AWS CodeDeploy {about}"[:LONGEST_SUBJECT],
        body=_json({**head, **told}),
        at=news.at,
    )


def bus_notice(
    news: DeploymentNews | InstanceNews, *, bus: str, resources: tuple[str, ...]
) -> Notice | None:
    """Return the event for an event *bus*, or None if there is none for this status.

    *bus* is an ARN, or the name of one in the deployment's own region; *resources* are the ARNs of
    application and group.
    """
    detail = {
        "instanceGroupId": news.group_id,
        "region": news.region,
        "application": news.application,
        "deploymentId": news.deployment_id,
    }
    if isinstance(news, InstanceNews):
        kind, state = "Instance", _INSTANCE_STATES.get(news.status)
        detail["instanceId"] = news.instance_id
    else:
        kind, state = "Deployment", _DEPLOYMENT_STATES.get(news.status)
    if state is None:
        return None
    return Notice(
        channel=Channel.EVENTBRIDGE,
        target=bus,
        region=region_of(bus) or news.region,
        subject=f"CodeDeploy {kind} State-change Notification",
        body=_json({**detail, "state": state, "deploymentGroup": news.group}),
        resources=resources,
        at=news.at,
    )


def region_of(arn: str) -> str:
    """Return the region that an ARN names, or nothing."""
    parts = arn.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 5 else ""


def _of_deployment(news: DeploymentNews) -> dict[str, str | None]:
    return {
        "applicationName": news.application,
        "deploymentId": news.deployment_id,
        "deploymentGroupName": news.group,
        "createTime": _text(news.created_at),
        "completeTime": _text(news.completed_at) if news.completed_at else None,
        **_overview(news),
        "status": news.status.name,
        **_error(news),
        **_rollback(news),
    }


def _overview(news: DeploymentNews) -> dict[str, str]:
    if not DEPLOYMENT_MACHINE.is_final(news.status):
        return {}
    counts = {status: news.overview.get(status, 0) for status in _OVERVIEW}
    return {"deploymentOverview": _json(counts)}


def _error(news: DeploymentNews) -> dict[str, str]:
    if not news.error_code:
        return {}
    message = news.error_message[:_LONGEST_ERROR]
    error = {"ErrorCode": news.error_code, "ErrorMessage": message}
    return {"errorInformation": _json(error)}


def _rollback(news: DeploymentNews) -> dict[str, str]:
    """Tell of what is rolled back; of a deployment that will be, AWS tells nothing yet."""
    if news.rollback_triggering_deployment_id:
        rollback = {
            "RollbackMessage": news.rollback_message,
            "RollbackTriggeringDeploymentId": news.rollback_triggering_deployment_id,
        }
        return {"rollbackInformation": _json(rollback)}
    return {"rollbackInformation": "{}"} if news.status in (_D.FAILED, _D.STOPPED) else {}


def _of_instance(news: InstanceNews) -> dict[str, str | None]:
    return {
        "deploymentId": news.deployment_id,
        "instanceId": news.instance_arn,
        "lastUpdatedAt": _text(news.at),
        "instanceStatus": news.status.name,
        "lifecycleEvents": _json([_of_event(event) for event in news.events]),
    }


def _of_event(event: LifecycleEvent) -> dict[str, str]:
    told = {"LifecycleEvent": event.name, "LifecycleEventStatus": event.status.name}
    if event.started_at:
        told["StartTime"] = _text(event.started_at)
    if event.finished_at:
        told["EndTime"] = _text(event.finished_at)
    return told


def _text(moment: datetime) -> str:
    """Return a moment as Java prints it, whatever language this process speaks."""
    at = moment.astimezone(UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"{day} {month} {at.day:02} {at:%H:%M:%S} UTC {at.year}"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
