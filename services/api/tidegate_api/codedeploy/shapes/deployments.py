"""Deployments."""

from pydantic import Field

from tidegate_api.codedeploy.shapes.group_settings import (
    AlarmConfiguration,
    AutoRollbackConfiguration,
    BlueGreenDeploymentConfiguration,
    DeploymentStyle,
    EC2DeploymentOptions,
    LoadBalancerInfo,
)
from tidegate_api.codedeploy.shapes.revisions import RevisionLocation
from tidegate_api.codedeploy.shapes.shape import Flag, Long, Moment, Shape, Text
from tidegate_api.codedeploy.shapes.tags import EC2TagFilter, EC2TagSet


class DeploymentOverview(Shape):
    pending: Long | None = Field(default=None, alias="Pending")
    in_progress: Long | None = Field(default=None, alias="InProgress")
    succeeded: Long | None = Field(default=None, alias="Succeeded")
    failed: Long | None = Field(default=None, alias="Failed")
    skipped: Long | None = Field(default=None, alias="Skipped")
    ready: Long | None = Field(default=None, alias="Ready")


class ErrorInformation(Shape):
    code: Text | None = None
    message: Text | None = None


class RelatedDeployments(Shape):
    auto_update_outdated_instances_root_deployment_id: Text | None = None
    auto_update_outdated_instances_deployment_ids: list[Text] | None = None


class RollbackInfo(Shape):
    rollback_deployment_id: Text | None = None
    rollback_triggering_deployment_id: Text | None = None
    rollback_message: Text | None = None


class TargetInstances(Shape):
    tag_filters: list[EC2TagFilter] | None = None
    auto_scaling_groups: list[Text] | None = None
    ec2_tag_set: EC2TagSet | None = None


class TimeRange(Shape):
    start: Moment | None = None
    end: Moment | None = None


class DeploymentInfo(Shape):
    application_name: Text | None = None
    deployment_group_name: Text | None = None
    deployment_config_name: Text | None = None
    deployment_id: Text | None = None
    previous_revision: RevisionLocation | None = None
    revision: RevisionLocation | None = None
    status: Text | None = None
    error_information: ErrorInformation | None = None
    create_time: Moment | None = None
    start_time: Moment | None = None
    complete_time: Moment | None = None
    deployment_overview: DeploymentOverview | None = None
    description: Text | None = None
    creator: Text | None = None
    ignore_application_stop_failures: Flag | None = None
    auto_rollback_configuration: AutoRollbackConfiguration | None = None
    update_outdated_instances_only: Flag | None = None
    rollback_info: RollbackInfo | None = None
    deployment_style: DeploymentStyle | None = None
    target_instances: TargetInstances | None = None
    instance_termination_wait_time_started: Flag | None = None
    blue_green_deployment_configuration: BlueGreenDeploymentConfiguration | None = None
    load_balancer_info: LoadBalancerInfo | None = None
    additional_deployment_status_info: Text | None = None
    file_exists_behavior: Text | None = None
    deployment_mode: Text | None = None
    deployment_status_messages: list[Text] | None = None
    compute_platform: Text | None = None
    external_id: Text | None = None
    related_deployments: RelatedDeployments | None = None
    override_alarm_configuration: AlarmConfiguration | None = None
    ec2_deployment_options: EC2DeploymentOptions | None = None


class CreateDeploymentInput(Shape):
    application_name: Text | None = None
    deployment_group_name: Text | None = None
    revision: RevisionLocation | None = None
    deployment_config_name: Text | None = None
    description: Text | None = None
    ignore_application_stop_failures: Flag | None = None
    target_instances: TargetInstances | None = None
    auto_rollback_configuration: AutoRollbackConfiguration | None = None
    update_outdated_instances_only: Flag | None = None
    file_exists_behavior: Text | None = None
    deployment_mode: Text | None = None
    override_alarm_configuration: AlarmConfiguration | None = None
    ec2_deployment_options: EC2DeploymentOptions | None = None


class CreateDeploymentOutput(Shape):
    deployment_id: Text | None = None


class GetDeploymentInput(Shape):
    deployment_id: Text | None = None


class GetDeploymentOutput(Shape):
    deployment_info: DeploymentInfo | None = None


class BatchGetDeploymentsInput(Shape):
    deployment_ids: list[Text] | None = None


class BatchGetDeploymentsOutput(Shape):
    deployments_info: list[DeploymentInfo] | None = None


class ListDeploymentsInput(Shape):
    application_name: Text | None = None
    deployment_group_name: Text | None = None
    external_id: Text | None = None
    include_only_statuses: list[Text] | None = None
    create_time_range: TimeRange | None = None
    next_token: Text | None = None


class ListDeploymentsOutput(Shape):
    deployments: list[Text] | None = None
    next_token: Text | None = None


class StopDeploymentInput(Shape):
    deployment_id: Text | None = None
    auto_rollback_enabled: Flag | None = None


class StopDeploymentOutput(Shape):
    status: Text | None = None
    status_message: Text | None = None


class ContinueDeploymentInput(Shape):
    deployment_id: Text | None = None
    deployment_wait_type: Text | None = None


class SkipWaitTimeForInstanceTerminationInput(Shape):
    deployment_id: Text | None = None


class PutLifecycleEventHookExecutionStatusInput(Shape):
    deployment_id: Text | None = None
    lifecycle_event_hook_execution_id: Text | None = None
    status: Text | None = None


class PutLifecycleEventHookExecutionStatusOutput(Shape):
    lifecycle_event_hook_execution_id: Text | None = None
