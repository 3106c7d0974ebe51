"""Operations on deployments."""

from datetime import datetime, timedelta
from typing import Final

from tidegate.domain.course import Word
from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.ids import DeploymentId, GroupId
from tidegate.engine.deployments import stop_deployment
from tidegate.engine.waits import Wait, continue_deployment, end_hook, skip_termination_wait
from tidegate.store.deployment_lists import Wanted
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.deployment_showing import deployment_infos
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.group_reading import one_of
from tidegate_api.codedeploy.names import application_name, batch, deployment_id, group_name
from tidegate_api.codedeploy.paging import PAGE, page_by, read_moment
from tidegate_api.codedeploy.recorded import recorded_deployment, recorded_deployments
from tidegate_api.codedeploy.shapes.deployments import (
    BatchGetDeploymentsInput,
    BatchGetDeploymentsOutput,
    ContinueDeploymentInput,
    GetDeploymentInput,
    GetDeploymentOutput,
    ListDeploymentsInput,
    ListDeploymentsOutput,
    PutLifecycleEventHookExecutionStatusInput,
    PutLifecycleEventHookExecutionStatusOutput,
    SkipWaitTimeForInstanceTerminationInput,
    StopDeploymentInput,
    StopDeploymentOutput,
    TimeRange,
)

MOST_AT_ONCE: Final = 100
_LIST: Final = "ListDeployments"
_LONGEST_EXTERNAL_ID: Final = 1024
_STOPPED: Final = "No more commands will be scheduled for execution in the deployment instances"
_HALF_A_STEP: Final = timedelta(microseconds=500)
"""Moments are shown in milliseconds: what is shown as one end of a time range lies in it."""


def get(call: Call, wanted: GetDeploymentInput) -> GetDeploymentOutput:
    found = recorded_deployment(call, wanted.deployment_id)
    return GetDeploymentOutput(deployment_info=deployment_infos(call, [found])[0])


def batch_get(call: Call, wanted: BatchGetDeploymentsInput) -> BatchGetDeploymentsOutput:
    asked = batch(
        wanted.deployment_ids, most=MOST_AT_ONCE, what="deployment IDs", required="DeploymentId"
    )
    found = recorded_deployments(call, [deployment_id(one) for one in asked])
    return BatchGetDeploymentsOutput(deployments_info=deployment_infos(call, found))


def list_(call: Call, wanted: ListDeploymentsInput) -> ListDeploymentsOutput:
    after = read_moment(_LIST, wanted.next_token)
    statuses = [
        one_of(DeploymentStatus, name, "InvalidDeploymentStatusException")
        for name in wanted.include_only_statuses or ()
    ]
    start, end = _time_range(wanted.create_time_range)
    keys = call.uow.deployments.keys(
        Wanted(
            region=call.trail.region,
            statuses=statuses,
            created_from=start and start - _HALF_A_STEP,
            created_to=end and end + _HALF_A_STEP,
            external_id=_external_id(wanted),
            group_ids=_group_ids(call, wanted),
        ),
        limit=PAGE + 1,
        after=after,
    )
    shown, token = page_by(_LIST, keys, key=lambda one: [one.created_at.isoformat(), one.id])
    return ListDeploymentsOutput(deployments=[one.id for one in shown], next_token=token)


def stop(call: Call, wanted: StopDeploymentInput) -> StopDeploymentOutput:
    id_ = _known(call, wanted.deployment_id)
    stop_deployment(
        id_, uow=call.uow, actor=call.caller.name, rollback=wanted.auto_rollback_enabled
    )
    return StopDeploymentOutput(status="Succeeded", status_message=_STOPPED)


def continue_(call: Call, wanted: ContinueDeploymentInput) -> None:
    id_, name = deployment_id(wanted.deployment_id), wanted.deployment_wait_type
    code = "InvalidDeploymentWaitTypeException"
    wait = Wait.READY if name is None else one_of(Wait, name, code)
    continue_deployment(_known(call, id_), wait, uow=call.uow)


def skip_wait(call: Call, wanted: SkipWaitTimeForInstanceTerminationInput) -> None:
    skip_termination_wait(_known(call, wanted.deployment_id), uow=call.uow)


def put_hook_status(
    call: Call, wanted: PutLifecycleEventHookExecutionStatusInput
) -> PutLifecycleEventHookExecutionStatusOutput:
    id_ = deployment_id(wanted.deployment_id)
    execution_id = wanted.lifecycle_event_hook_execution_id
    if not execution_id:
        raise AwsError(
            "InvalidLifecycleEventHookExecutionIdException",
            "The id of the hook's execution must be specified",
        )
    if wanted.status not in {"Succeeded", "Failed"}:
        raise AwsError(
            "InvalidLifecycleEventHookExecutionStatusException",
            "The status of a hook's execution must be Succeeded or Failed.",
        )
    end_hook(_known(call, id_), execution_id, Word(wanted.status), uow=call.uow)
    return PutLifecycleEventHookExecutionStatusOutput(
        lifecycle_event_hook_execution_id=execution_id
    )


def _known(call: Call, asked: str | None) -> DeploymentId:
    """Return the id of a deployment of this region."""
    return recorded_deployment(call, asked).deployment.id


def _time_range(wanted: TimeRange | None) -> tuple[datetime | None, datetime | None]:
    if wanted is None:
        return None, None
    if wanted.start and wanted.end and wanted.start > wanted.end:
        raise AwsError("InvalidTimeRangeException", "The start of a time range is after its end.")
    return wanted.start, wanted.end


def _external_id(wanted: ListDeploymentsInput) -> str | None:
    if wanted.external_id is None:
        return None
    if not 1 <= len(wanted.external_id) <= _LONGEST_EXTERNAL_ID:
        raise AwsError(
            "InvalidExternalIdException",
            f"An external ID has 1 to {_LONGEST_EXTERNAL_ID} characters.",
        )
    others = (
        wanted.application_name,
        wanted.deployment_group_name,
        wanted.include_only_statuses,
        wanted.create_time_range,
    )
    if any(others):
        raise AwsError(
            "InvalidInputException", "The externalId cannot be combined with other filters."
        )
    return wanted.external_id


def _group_ids(call: Call, wanted: ListDeploymentsInput) -> list[GroupId] | None:
    if not wanted.application_name and not wanted.deployment_group_name:
        return None
    application = application_name(wanted.application_name)
    name = group_name(wanted.deployment_group_name)
    call.uow.catalog.application(application)
    return [call.uow.catalog.group(application, name).id]
