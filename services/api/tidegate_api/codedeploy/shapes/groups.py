"""Deployment groups."""

from tidegate_api.codedeploy.shapes.group_settings import (
    AlarmConfiguration,
    AutoRollbackConfiguration,
    AutoScalingGroup,
    BlueGreenDeploymentConfiguration,
    DeploymentStyle,
    EC2DeploymentOptions,
    ECSService,
    LoadBalancerInfo,
    TriggerConfig,
)
from tidegate_api.codedeploy.shapes.revisions import RevisionLocation
from tidegate_api.codedeploy.shapes.shape import Flag, Moment, Shape, Text
from tidegate_api.codedeploy.shapes.tags import (
    EC2TagFilter,
    EC2TagSet,
    OnPremisesTagSet,
    Tag,
    TagFilter,
)


class LastDeploymentInfo(Shape):
    deployment_id: Text | None = None
    status: Text | None = None
    end_time: Moment | None = None
    create_time: Moment | None = None


class DeploymentGroupInfo(Shape):
    application_name: Text | None = None
    deployment_group_id: Text | None = None
    deployment_group_name: Text | None = None
    deployment_config_name: Text | None = None
    ec2_tag_filters: list[EC2TagFilter] | None = None
    on_premises_instance_tag_filters: list[TagFilter] | None = None
    auto_scaling_groups: list[AutoScalingGroup] | None = None
    service_role_arn: Text | None = None
    target_revision: RevisionLocation | None = None
    trigger_configurations: list[TriggerConfig] | None = None
    alarm_configuration: AlarmConfiguration | None = None
    auto_rollback_configuration: AutoRollbackConfiguration | None = None
    deployment_style: DeploymentStyle | None = None
    outdated_instances_strategy: Text | None = None
    blue_green_deployment_configuration: BlueGreenDeploymentConfiguration | None = None
    load_balancer_info: LoadBalancerInfo | None = None
    last_successful_deployment: LastDeploymentInfo | None = None
    last_attempted_deployment: LastDeploymentInfo | None = None
    ec2_tag_set: EC2TagSet | None = None
    on_premises_tag_set: OnPremisesTagSet | None = None
    compute_platform: Text | None = None
    ecs_services: list[ECSService] | None = None
    ec2_deployment_options: EC2DeploymentOptions | None = None
    termination_hook_enabled: Flag | None = None


class CreateDeploymentGroupInput(Shape):
    application_name: Text | None = None
    deployment_group_name: Text | None = None
    deployment_config_name: Text | None = None
    ec2_tag_filters: list[EC2TagFilter] | None = None
    on_premises_instance_tag_filters: list[TagFilter] | None = None
    auto_scaling_groups: list[Text] | None = None
    service_role_arn: Text | None = None
    trigger_configurations: list[TriggerConfig] | None = None
    alarm_configuration: AlarmConfiguration | None = None
    auto_rollback_configuration: AutoRollbackConfiguration | None = None
    outdated_instances_strategy: Text | None = None
    deployment_style: DeploymentStyle | None = None
    blue_green_deployment_configuration: BlueGreenDeploymentConfiguration | None = None
    load_balancer_info: LoadBalancerInfo | None = None
    ec2_tag_set: EC2TagSet | None = None
    ecs_services: list[ECSService] | None = None
    on_premises_tag_set: OnPremisesTagSet | None = None
    tags: list[Tag] | None = None
    ec2_deployment_options: EC2DeploymentOptions | None = None
    termination_hook_enabled: Flag | None = None


class CreateDeploymentGroupOutput(Shape):
    deployment_group_id: Text | None = None


class UpdateDeploymentGroupInput(Shape):
    application_name: Text | None = None
    current_deployment_group_name: Text | None = None
    new_deployment_group_name: Text | None = None
    deployment_config_name: Text | None = None
    ec2_tag_filters: list[EC2TagFilter] | None = None
    on_premises_instance_tag_filters: list[TagFilter] | None = None
    auto_scaling_groups: list[Text] | None = None
    service_role_arn: Text | None = None
    trigger_configurations: list[TriggerConfig] | None = None
    alarm_configuration: AlarmConfiguration | None = None
    auto_rollback_configuration: AutoRollbackConfiguration | None = None
    outdated_instances_strategy: Text | None = None
    deployment_style: DeploymentStyle | None = None
    blue_green_deployment_configuration: BlueGreenDeploymentConfiguration | None = None
    load_balancer_info: LoadBalancerInfo | None = None
    ec2_tag_set: EC2TagSet | None = None
    ecs_services: list[ECSService] | None = None
    on_premises_tag_set: OnPremisesTagSet | None = None
    ec2_deployment_options: EC2DeploymentOptions | None = None
    termination_hook_enabled: Flag | None = None


class UpdateDeploymentGroupOutput(Shape):
    hooks_not_cleaned_up: list[AutoScalingGroup] | None = None


class GetDeploymentGroupInput(Shape):
    application_name: Text | None = None
    deployment_group_name: Text | None = None


class GetDeploymentGroupOutput(Shape):
    deployment_group_info: DeploymentGroupInfo | None = None


class BatchGetDeploymentGroupsInput(Shape):
    application_name: Text | None = None
    deployment_group_names: list[Text] | None = None


class BatchGetDeploymentGroupsOutput(Shape):
    deployment_groups_info: list[DeploymentGroupInfo] | None = None
    error_message: Text | None = None


class ListDeploymentGroupsInput(Shape):
    application_name: Text | None = None
    next_token: Text | None = None


class ListDeploymentGroupsOutput(Shape):
    application_name: Text | None = None
    deployment_groups: list[Text] | None = None
    next_token: Text | None = None


class DeleteDeploymentGroupInput(Shape):
    application_name: Text | None = None
    deployment_group_name: Text | None = None


class DeleteDeploymentGroupOutput(Shape):
    hooks_not_cleaned_up: list[AutoScalingGroup] | None = None
