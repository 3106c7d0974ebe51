"""Lifecycle events of a target as CodeDeploy's clients are told of them."""

from tidegate.domain.lifecycle import DiagnosticCode, EventStatus
from tidegate.domain.lifecycle import LifecycleEvent as Event
from tidegate.domain.target import Target
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.shapes import targets as shapes

_WELL = shapes.Diagnostics(
    error_code=DiagnosticCode.SUCCESS.value, script_name="", message="Succeeded", log_tail=""
)


def shown_events(call: Call, target: Target) -> list[shapes.LifecycleEvent]:
    """Return the events of a target in their order, with diagnostics of those that ended."""
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
