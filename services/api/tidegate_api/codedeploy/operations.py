"""Which operations there are: the shape that each takes, what carries it out, and who may."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidegate.domain.access import Role
from tidegate_api.codedeploy import (
    applications,
    configs,
    deployment_creating,
    deployments,
    external,
    github,
    groups,
    instances,
    resource_tags,
    revisions,
    targets,
)
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.shapes import applications as application_shapes
from tidegate_api.codedeploy.shapes import configs as config_shapes
from tidegate_api.codedeploy.shapes import deployments as deployment_shapes
from tidegate_api.codedeploy.shapes import external as external_shapes
from tidegate_api.codedeploy.shapes import github as github_shapes
from tidegate_api.codedeploy.shapes import groups as group_shapes
from tidegate_api.codedeploy.shapes import instances as instance_shapes
from tidegate_api.codedeploy.shapes import resource_tags as tag_shapes
from tidegate_api.codedeploy.shapes import revisions as revision_shapes
from tidegate_api.codedeploy.shapes import targets as target_shapes
from tidegate_api.codedeploy.shapes.shape import Shape

TARGET_PREFIX: Final = "CodeDeploy_20141006."


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of CodeDeploy's model."""

    name: str
    shape: type[Shape]
    carry_out: Callable[[Call, Any], Shape | None]
    role: Role
    changes: bool
    """Whether it gets a writing unit of work, and leaves a row in the audit."""


def _reads(shape: type[Shape], carry_out: Callable[[Call, Any], Shape | None]) -> Operation:
    return Operation(
        name=_name(shape), shape=shape, carry_out=carry_out, role=Role.VIEWER, changes=False
    )


def _changes(
    shape: type[Shape], carry_out: Callable[[Call, Any], Shape | None], role: Role = Role.ADMIN
) -> Operation:
    return Operation(name=_name(shape), shape=shape, carry_out=carry_out, role=role, changes=True)


def _name(shape: type[Shape]) -> str:
    return shape.__name__.removesuffix("Input")


OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.name: operation
    for operation in (
        _changes(application_shapes.CreateApplicationInput, applications.create),
        _reads(application_shapes.GetApplicationInput, applications.get),
        _reads(application_shapes.BatchGetApplicationsInput, applications.batch_get),
        _reads(application_shapes.ListApplicationsInput, applications.list_),
        _changes(application_shapes.UpdateApplicationInput, applications.update),
        _changes(application_shapes.DeleteApplicationInput, applications.delete),
        _changes(config_shapes.CreateDeploymentConfigInput, configs.create),
        _reads(config_shapes.GetDeploymentConfigInput, configs.get),
        _reads(config_shapes.ListDeploymentConfigsInput, configs.list_),
        _changes(config_shapes.DeleteDeploymentConfigInput, configs.delete),
        _changes(group_shapes.CreateDeploymentGroupInput, groups.create),
        _reads(group_shapes.GetDeploymentGroupInput, groups.get),
        _reads(group_shapes.BatchGetDeploymentGroupsInput, groups.batch_get),
        _reads(group_shapes.ListDeploymentGroupsInput, groups.list_),
        _changes(group_shapes.UpdateDeploymentGroupInput, groups.update),
        _changes(group_shapes.DeleteDeploymentGroupInput, groups.delete),
        _changes(
            revision_shapes.RegisterApplicationRevisionInput, revisions.register, Role.DEPLOYER
        ),
        _reads(revision_shapes.GetApplicationRevisionInput, revisions.get),
        _reads(revision_shapes.BatchGetApplicationRevisionsInput, revisions.batch_get),
        _reads(revision_shapes.ListApplicationRevisionsInput, revisions.list_),
        _changes(
            deployment_shapes.CreateDeploymentInput, deployment_creating.create, Role.DEPLOYER
        ),
        _reads(deployment_shapes.GetDeploymentInput, deployments.get),
        _reads(deployment_shapes.BatchGetDeploymentsInput, deployments.batch_get),
        _reads(deployment_shapes.ListDeploymentsInput, deployments.list_),
        _changes(deployment_shapes.StopDeploymentInput, deployments.stop, Role.DEPLOYER),
        _changes(deployment_shapes.ContinueDeploymentInput, deployments.continue_, Role.DEPLOYER),
        _changes(
            deployment_shapes.SkipWaitTimeForInstanceTerminationInput,
            deployments.skip_wait,
            Role.DEPLOYER,
        ),
        _changes(
            deployment_shapes.PutLifecycleEventHookExecutionStatusInput,
            deployments.put_hook_status,
            Role.DEPLOYER,
        ),
        _reads(target_shapes.ListDeploymentTargetsInput, targets.list_targets),
        _reads(target_shapes.GetDeploymentTargetInput, targets.get_target),
        _reads(target_shapes.BatchGetDeploymentTargetsInput, targets.batch_get_targets),
        _reads(target_shapes.ListDeploymentInstancesInput, targets.list_instances),
        _reads(target_shapes.GetDeploymentInstanceInput, targets.get_instance),
        _reads(target_shapes.BatchGetDeploymentInstancesInput, targets.batch_get_instances),
        _changes(instance_shapes.RegisterOnPremisesInstanceInput, instances.register),
        _changes(instance_shapes.DeregisterOnPremisesInstanceInput, instances.deregister),
        _reads(instance_shapes.GetOnPremisesInstanceInput, instances.get),
        _reads(instance_shapes.BatchGetOnPremisesInstancesInput, instances.batch_get),
        _reads(instance_shapes.ListOnPremisesInstancesInput, instances.list_),
        _changes(instance_shapes.AddTagsToOnPremisesInstancesInput, instances.add_tags),
        _changes(instance_shapes.RemoveTagsFromOnPremisesInstancesInput, instances.remove_tags),
        _changes(tag_shapes.TagResourceInput, resource_tags.tag),
        _changes(tag_shapes.UntagResourceInput, resource_tags.untag),
        _reads(tag_shapes.ListTagsForResourceInput, resource_tags.list_),
        _reads(github_shapes.ListGitHubAccountTokenNamesInput, github.list_names),
        _changes(github_shapes.DeleteGitHubAccountTokenInput, github.delete),
        _changes(external_shapes.DeleteResourcesByExternalIdInput, external.delete_by_external_id),
    )
}
