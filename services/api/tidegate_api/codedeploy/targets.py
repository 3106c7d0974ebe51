"""Operations on the targets of a deployment, also under their old name of instances."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from tidegate.domain.deployment import ComputePlatform, Deployment, DeploymentStatus
from tidegate.domain.errors import DeploymentNotStarted, TargetNotFound
from tidegate.domain.ids import NAME_PATTERN, TargetId
from tidegate.domain.target import Target, TargetStatus
from tidegate.store.deployment_reading import Recorded
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.group_reading import one_of
from tidegate_api.codedeploy.names import batch, deployment_id
from tidegate_api.codedeploy.paging import PAGE, page_by, read_number
from tidegate_api.codedeploy.recorded import recorded_deployment
from tidegate_api.codedeploy.shapes.targets import (
    BatchGetDeploymentInstancesInput,
    BatchGetDeploymentInstancesOutput,
    BatchGetDeploymentTargetsInput,
    BatchGetDeploymentTargetsOutput,
    GetDeploymentInstanceInput,
    GetDeploymentInstanceOutput,
    GetDeploymentTargetInput,
    GetDeploymentTargetOutput,
    ListDeploymentInstancesInput,
    ListDeploymentInstancesOutput,
    ListDeploymentTargetsInput,
    ListDeploymentTargetsOutput,
)
from tidegate_api.codedeploy.target_showing import instance_summaries, target_infos

MOST_AT_ONCE: Final = 25
_LABELS: Final = ("Blue", "Green")
_FILTERS: Final = ("TargetStatus", "ServerInstanceLabel")
_WAITING: Final = (DeploymentStatus.CREATED, DeploymentStatus.QUEUED)
_SERVICE: Final = re.compile(r"[^:\s]+:[^:\s]+")
_NO_TARGET: Final = "DeploymentTargetIdRequiredException"


def list_targets(call: Call, wanted: ListDeploymentTargetsInput) -> ListDeploymentTargetsOutput:
    filters = _checked_filters(wanted.target_filters or {})
    recorded = recorded_deployment(call, wanted.deployment_id)
    ids, token = _page(
        call,
        recorded,
        list_name="ListDeploymentTargets",
        token=wanted.next_token,
        statuses=filters.get("TargetStatus", ()),
        labels=filters.get("ServerInstanceLabel", ()),
    )
    return ListDeploymentTargetsOutput(target_ids=ids, next_token=token)


def get_target(call: Call, wanted: GetDeploymentTargetInput) -> GetDeploymentTargetOutput:
    id_ = deployment_id(wanted.deployment_id)
    if not wanted.target_id:
        raise AwsError(_NO_TARGET, "A deployment target ID must be specified")
    deployment = recorded_deployment(call, id_).deployment
    found = _targets(call, deployment, [wanted.target_id])
    return GetDeploymentTargetOutput(deployment_target=target_infos(call, deployment, found)[0])


def batch_get_targets(
    call: Call, wanted: BatchGetDeploymentTargetsInput
) -> BatchGetDeploymentTargetsOutput:
    id_ = deployment_id(wanted.deployment_id)
    asked = wanted.target_ids or []
    if not asked:
        raise AwsError(_NO_TARGET, "At least one deployment target ID must be specified")
    deployment = recorded_deployment(call, id_).deployment
    is_server = deployment.compute_platform is ComputePlatform.SERVER
    most = MOST_AT_ONCE if is_server else 1
    if len(asked) > most:
        raise AwsError(
            "DeploymentTargetListSizeExceededException",
            f"These are {len(asked)} target IDs; the limit of one request is {most}.",
        )
    found = _targets(call, deployment, asked)
    return BatchGetDeploymentTargetsOutput(deployment_targets=target_infos(call, deployment, found))


def list_instances(
    call: Call, wanted: ListDeploymentInstancesInput
) -> ListDeploymentInstancesOutput:
    recorded = recorded_deployment(call, wanted.deployment_id)
    _check_has_instances(recorded.deployment)
    ids, token = _page(
        call,
        recorded,
        list_name="ListDeploymentInstances",
        token=wanted.next_token,
        statuses=wanted.instance_status_filter or (),
        labels=wanted.instance_type_filter or (),
    )
    return ListDeploymentInstancesOutput(instances_list=ids, next_token=token)


def get_instance(call: Call, wanted: GetDeploymentInstanceInput) -> GetDeploymentInstanceOutput:
    id_ = deployment_id(wanted.deployment_id)
    if not wanted.instance_id:
        raise AwsError("InstanceIdRequiredException", "An instance ID must be specified")
    _check_instance(wanted.instance_id)
    deployment = recorded_deployment(call, id_).deployment
    _check_has_instances(deployment)
    found = call.uow.targets.named(id_, [TargetId(wanted.instance_id)])
    if not found:
        raise AwsError(
            "InstanceDoesNotExistException",
            f"The deployment {id_} has no instance {wanted.instance_id!r}.",
        )
    return GetDeploymentInstanceOutput(
        instance_summary=instance_summaries(call, deployment, found)[0]
    )


def batch_get_instances(
    call: Call, wanted: BatchGetDeploymentInstancesInput
) -> BatchGetDeploymentInstancesOutput:
    id_ = deployment_id(wanted.deployment_id)
    asked = batch(
        wanted.instance_ids, most=MOST_AT_ONCE, what="instance IDs", required="InstanceId"
    )
    for one in asked:
        _check_instance(one)
    deployment = recorded_deployment(call, id_).deployment
    _check_has_instances(deployment)
    found = call.uow.targets.named(id_, [TargetId(one) for one in asked])
    known = {one.id for one in found}
    unknown = ", ".join(dict.fromkeys(one for one in asked if one not in known))
    return BatchGetDeploymentInstancesOutput(
        instances_summary=instance_summaries(call, deployment, found),
        error_message=f"The deployment {id_} has no instances {unknown}." if unknown else "",
    )


def _targets(call: Call, deployment: Deployment, asked: Sequence[str]) -> list[Target]:
    for one in asked:
        _check_target(deployment.compute_platform, one)
    _check_started(deployment)
    found = call.uow.targets.named(deployment.id, [TargetId(one) for one in asked])
    known = {one.id for one in found}
    for one in asked:
        if one not in known:
            raise TargetNotFound(one)
    return found


def _page(
    call: Call,
    recorded: Recorded,
    *,
    list_name: str,
    token: str | None,
    statuses: Sequence[str],
    labels: Sequence[str],
) -> tuple[list[str], str | None]:
    after = read_number(list_name, token)
    wanted = [one_of(TargetStatus, name, "InvalidInstanceStatusException") for name in statuses]
    _check_labels(recorded, labels)
    _check_started(recorded.deployment)
    # What has a label is in a blue/green deployment, and none of those has targets yet.
    found = call.uow.targets.names(
        recorded.deployment.id,
        statuses=wanted,
        limit=PAGE + 1,
        after=-1 if after is None else after,
    )
    shown, next_token = page_by(list_name, found, key=lambda one: [str(one[0])])
    return [id_ for _, id_ in shown], next_token


def _checked_filters(filters: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    for name in filters:
        if name not in _FILTERS:
            raise AwsError(
                "InvalidTargetFilterNameException",
                f"{name[:40]!r} is no filter of targets; there are: {', '.join(_FILTERS)}.",
            )
    return filters


def _check_labels(recorded: Recorded, labels: Sequence[str]) -> None:
    for label in labels:
        if label not in _LABELS:
            raise AwsError(
                "InvalidInstanceTypeException",
                f"{label[:40]!r} is no label of instances; there are: {', '.join(_LABELS)}.",
            )
    style = recorded.aws.style_on(recorded.deployment.compute_platform)
    if labels and not style.is_blue_green:
        raise AwsError(
            "InvalidDeploymentInstanceTypeException",
            "The instances of an in-place deployment are neither Blue nor Green.",
        )


def _check_started(deployment: Deployment) -> None:
    if deployment.status in _WAITING:
        raise DeploymentNotStarted(deployment.id, deployment.status)


def _check_has_instances(deployment: Deployment) -> None:
    if deployment.compute_platform is ComputePlatform.ECS:
        raise AwsError(
            "InvalidComputePlatformException",
            f"The deployment {deployment.id} is for ECS and has no instances; ask for its targets.",
        )


def _check_instance(name: str) -> None:
    if not NAME_PATTERN.fullmatch(name):
        raise AwsError(
            "InvalidInstanceNameException", f"{name[:40]!r} is no ID or name of an instance."
        )


def _check_target(platform: ComputePlatform, name: str) -> None:
    code = "InvalidDeploymentTargetIdException"
    if platform is ComputePlatform.ECS and not _SERVICE.fullmatch(name):
        raise AwsError(
            code,
            f"Invalid id {name[:40]} for ECS deployment, valid Id should be in format "
            "<cluster-name>:<service-name>",
        )
    if platform is ComputePlatform.SERVER and not NAME_PATTERN.fullmatch(name):
        raise AwsError(code, f"{name[:40]!r} is no ID or name of an instance.")
