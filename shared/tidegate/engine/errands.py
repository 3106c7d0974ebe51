"""From an AppSpec and a group to what a deployment moves."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.appspec import InvalidAppSpec, parse_appspec
from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import ComputePlatform, Deployment, ErrorCode
from tidegate.domain.revision import TEXTS, Revision
from tidegate.domain.steps import Fail
from tidegate.domain.traffic import AliasMove, CapacityProvider, Move, Network, ServiceMove
from tidegate.store.unit_of_work import UnitOfWork

REVISION_GONE: Final = "The revision was deleted before the deployment started."
SEVERAL: Final = (
    "The AppSpec names {} functions; a deployment of CodeDeploy's own API moves one. "
    "Create the deployment by /v1 to move several together."
)


def read_revision(deployment: Deployment, uow: UnitOfWork) -> Mapping[str, Any] | Fail | None:
    """Return what the AppSpec of a deployment says, or None while it has to be fetched first."""
    revision = uow.catalog.revision_by_id(deployment.revision_id)
    if revision is None:
        return Fail(ErrorCode.REVISION_MISSING, REVISION_GONE)
    if revision.source.type in TEXTS:
        return _parsed(revision, deployment.compute_platform)
    if failure := uow.deployments.bundle_failure(deployment.id):
        return Fail(ErrorCode.INVALID_REVISION, failure["message"])
    if revision.is_pinned:
        return revision.appspec
    fetched = uow.bundles.of(deployment.id)
    return None if fetched is None else fetched.appspec


def _parsed(revision: Revision, platform: ComputePlatform) -> Mapping[str, Any] | Fail:
    try:
        return parse_appspec(revision.source.content, platform=platform.value).as_json()
    except InvalidAppSpec as invalid:
        return Fail(ErrorCode.INVALID_REVISION, str(invalid))


def moves_of(
    appspec: Mapping[str, Any], deployment: Deployment, group: AwsGroup
) -> Sequence[Move] | Fail:
    """Return what an AppSpec wants moved."""
    if deployment.compute_platform is ComputePlatform.LAMBDA:
        functions = appspec["functions"]
        if deployment.options.moves_one_alias and len(functions) > 1:
            return Fail(ErrorCode.INVALID_REVISION, SEVERAL.format(len(functions)))
        return [_alias_move(function) for function in functions]
    if not group.ecs_services:
        sentence = "The deployment group names no ECS service; add it as ecsServices."
        return Fail(ErrorCode.INVALID_ECS_SERVICE, sentence)
    return [_service_move(appspec, group)]


def _alias_move(function: Mapping[str, str]) -> AliasMove:
    return AliasMove(
        function=function["name"],
        alias=function["alias"],
        current_version=function["current_version"],
        target_version=function["target_version"],
    )


def _service_move(appspec: Mapping[str, Any], group: AwsGroup) -> ServiceMove:
    service = group.ecs_services[0]
    balancers = group.load_balancers
    return ServiceMove(
        cluster=service.cluster,
        service=service.service,
        pairs=(balancers.pairs if balancers else None) or (),
        task_definition=appspec["task_definition"],
        container_name=appspec["container_name"],
        container_port=appspec["container_port"],
        platform_version=appspec["platform_version"],
        network=Network.of(appspec["network"]),
        capacity_providers=tuple(CapacityProvider(**p) for p in appspec["capacity_providers"]),
    )


def has_test_traffic(group: AwsGroup) -> bool:
    """Tell whether a group has a test listener."""
    balancers = group.load_balancers
    pairs = (balancers.pairs if balancers else None) or ()
    return any(pair.test_listeners for pair in pairs)
