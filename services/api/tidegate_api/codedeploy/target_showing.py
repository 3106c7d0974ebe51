"""Targets and their lifecycle events as CodeDeploy's clients are told of them."""

from collections.abc import Sequence

from tidegate.domain.arn import instance_arn
from tidegate.domain.deployment import Deployment
from tidegate.domain.lifecycle import DiagnosticCode, EventStatus
from tidegate.domain.lifecycle import LifecycleEvent as Event
from tidegate.domain.target import Target
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.shapes import targets as shapes

_WELL = shapes.Diagnostics(
    error_code=DiagnosticCode.SUCCESS.value, script_name="", message="Succeeded", log_tail=""
)


def target_infos(
    call: Call, deployment: Deployment, targets: Sequence[Target]
) -> list[shapes.DeploymentTarget]:
    """Return targets as they are shown now."""
    arns = _arns(call, deployment, targets)
    return [
        shapes.DeploymentTarget(
            deployment_target_type="InstanceTarget",
            instance_target=shapes.InstanceTarget(
                deployment_id=deployment.id,
                target_id=target.id,
                target_arn=arns.get(target.id),
                status=target.status.value,
                last_updated_at=target.last_updated_at,
                lifecycle_events=_events(call, target),
            ),
        )
        for target in targets
    ]


def instance_summaries(
    call: Call, deployment: Deployment, targets: Sequence[Target]
) -> list[shapes.InstanceSummary]:
    """Return targets as they were shown of old: by their ARN where there is one."""
    arns = _arns(call, deployment, targets)
    return [
        shapes.InstanceSummary(
            deployment_id=deployment.id,
            instance_id=arns.get(target.id, target.id),
            status=target.status.value,
            last_updated_at=target.last_updated_at,
            lifecycle_events=_events(call, target),
        )
        for target in targets
    ]


def _arns(call: Call, deployment: Deployment, targets: Sequence[Target]) -> dict[str, str]:
    """Return the ARNs of the hosts that still exist."""
    hosts = call.uow.catalog.hosts_by_id(target.host_id for target in targets)
    place = deployment.region, call.trail.account
    return {
        target.id: instance_arn(*place, host.name, host.registration.suffix)
        for target in targets
        if (host := hosts.get(target.host_id)) is not None
    }


def _events(call: Call, target: Target) -> list[shapes.LifecycleEvent]:
    return [
        shapes.LifecycleEvent(
            lifecycle_event_name=event.name,
            status=event.status.value,
            start_time=event.started_at,
            end_time=event.finished_at,
            diagnostics=_diagnostics(call, target, event),
        )
        for event in target.events
    ]


def _diagnostics(call: Call, target: Target, event: Event) -> shapes.Diagnostics | None:
    if event.status is EventStatus.SUCCEEDED:
        return _WELL
    if event.status is not EventStatus.FAILED:
        return None
    tail = call.uow.logs.tail(target.deployment_id, target.id, event.name)
    code = event.error_code
    return shapes.Diagnostics(
        error_code=code.value if code else DiagnosticCode.UNKNOWN_ERROR.value,
        script_name=event.script,
        message=event.message,
        log_tail=tail,
    )
