"""CreateDeployment: what a request says of a deployment, as values."""

from typing import Final

from tidegate.domain.deployment import DeploymentMode, DeploymentOptions, FileExistsBehavior
from tidegate.domain.ec2 import TargetInstances
from tidegate.domain.tag_filters import Tags
from tidegate.engine.deployments import DeploymentRequest, create_deployment
from tidegate.engine.revisions import RevisionRequest
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.group_reading import (
    maybe,
    one_of,
    read_alarms,
    read_config,
    read_processes,
    read_rollback,
)
from tidegate_api.codedeploy.locations import read_location
from tidegate_api.codedeploy.names import application_name, group_name
from tidegate_api.codedeploy.shapes import deployments as shapes
from tidegate_api.codedeploy.shapes.revisions import RevisionLocation
from tidegate_api.codedeploy.tag_filters import read_filters

_INSTANCES: Final = "InvalidTargetInstancesException"


def create(call: Call, wanted: shapes.CreateDeploymentInput) -> shapes.CreateDeploymentOutput:
    request = DeploymentRequest(
        application=application_name(wanted.application_name),
        group=group_name(wanted.deployment_group_name),
        revision=maybe(_revision, wanted.revision),
        config_name=maybe(read_config, wanted.deployment_config_name),
        options=_options(wanted),
        names_file_behavior=wanted.file_exists_behavior is not None,
        auto_rollback=maybe(read_rollback, wanted.auto_rollback_configuration),
    )
    deployment = create_deployment(request, uow=call.uow, actor=call.caller.name)
    return shapes.CreateDeploymentOutput(deployment_id=deployment.id)


def _revision(wanted: RevisionLocation) -> RevisionRequest:
    return RevisionRequest(source=read_location(wanted))


def _options(wanted: shapes.CreateDeploymentInput) -> DeploymentOptions:
    behavior, mode = wanted.file_exists_behavior, wanted.deployment_mode
    default = DeploymentOptions()
    return DeploymentOptions(
        description=wanted.description or "",
        ignore_application_stop_failures=wanted.ignore_application_stop_failures or False,
        file_exists_behavior=default.file_exists_behavior
        if behavior is None
        else one_of(FileExistsBehavior, behavior, "InvalidFileExistsBehaviorException"),
        update_outdated_only=wanted.update_outdated_instances_only or False,
        deployment_mode=default.deployment_mode
        if mode is None
        else one_of(DeploymentMode, mode, "InvalidInputException"),
        override_alarms=maybe(read_alarms, wanted.override_alarm_configuration),
        target_instances=maybe(_instances, wanted.target_instances),
        suspended_processes=maybe(read_processes, wanted.ec2_deployment_options),
        moves_one_alias=True,
    )


def _instances(wanted: shapes.TargetInstances) -> TargetInstances:
    sets = wanted.ec2_tag_set and wanted.ec2_tag_set.ec2_tag_set_list
    return TargetInstances(
        tags=Tags(
            flat=read_filters(wanted.tag_filters, _INSTANCES),
            sets=tuple(read_filters(either, _INSTANCES) for either in sets or ()),
        ),
        auto_scaling_groups=tuple(wanted.auto_scaling_groups or ()),
    )
