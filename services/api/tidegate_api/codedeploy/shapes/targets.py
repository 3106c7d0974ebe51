"""Targets of a deployment, also under their old name of instances."""

from tidegate_api.codedeploy.shapes.group_settings import TargetGroupInfo
from tidegate_api.codedeploy.shapes.shape import Long, Moment, Number, Shape, Text


class Diagnostics(Shape):
    error_code: Text | None = None
    script_name: Text | None = None
    message: Text | None = None
    log_tail: Text | None = None


class LifecycleEvent(Shape):
    lifecycle_event_name: Text | None = None
    diagnostics: Diagnostics | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    status: Text | None = None


class LambdaFunctionInfo(Shape):
    function_name: Text | None = None
    function_alias: Text | None = None
    current_version: Text | None = None
    target_version: Text | None = None
    target_version_weight: Number | None = None


class ECSTaskSet(Shape):
    identifer: Text | None = None
    desired_count: Long | None = None
    pending_count: Long | None = None
    running_count: Long | None = None
    status: Text | None = None
    traffic_weight: Number | None = None
    target_group: TargetGroupInfo | None = None
    task_set_label: Text | None = None


class CloudFormationTarget(Shape):
    deployment_id: Text | None = None
    target_id: Text | None = None
    last_updated_at: Moment | None = None
    lifecycle_events: list[LifecycleEvent] | None = None
    status: Text | None = None
    resource_type: Text | None = None
    target_version_weight: Number | None = None


class ECSTarget(Shape):
    deployment_id: Text | None = None
    target_id: Text | None = None
    target_arn: Text | None = None
    last_updated_at: Moment | None = None
    lifecycle_events: list[LifecycleEvent] | None = None
    status: Text | None = None
    task_sets_info: list[ECSTaskSet] | None = None


class InstanceTarget(Shape):
    deployment_id: Text | None = None
    target_id: Text | None = None
    target_arn: Text | None = None
    status: Text | None = None
    last_updated_at: Moment | None = None
    lifecycle_events: list[LifecycleEvent] | None = None
    instance_label: Text | None = None


class LambdaTarget(Shape):
    deployment_id: Text | None = None
    target_id: Text | None = None
    target_arn: Text | None = None
    status: Text | None = None
    last_updated_at: Moment | None = None
    lifecycle_events: list[LifecycleEvent] | None = None
    lambda_function_info: LambdaFunctionInfo | None = None


class DeploymentTarget(Shape):
    deployment_target_type: Text | None = None
    instance_target: InstanceTarget | None = None
    lambda_target: LambdaTarget | None = None
    ecs_target: ECSTarget | None = None
    cloud_formation_target: CloudFormationTarget | None = None


class InstanceSummary(Shape):
    deployment_id: Text | None = None
    instance_id: Text | None = None
    status: Text | None = None
    last_updated_at: Moment | None = None
    lifecycle_events: list[LifecycleEvent] | None = None
    instance_type: Text | None = None


class ListDeploymentTargetsInput(Shape):
    deployment_id: Text | None = None
    next_token: Text | None = None
    target_filters: dict[Text, list[Text]] | None = None


class ListDeploymentTargetsOutput(Shape):
    target_ids: list[Text] | None = None
    next_token: Text | None = None


class GetDeploymentTargetInput(Shape):
    deployment_id: Text | None = None
    target_id: Text | None = None


class GetDeploymentTargetOutput(Shape):
    deployment_target: DeploymentTarget | None = None


class BatchGetDeploymentTargetsInput(Shape):
    deployment_id: Text | None = None
    target_ids: list[Text] | None = None


class BatchGetDeploymentTargetsOutput(Shape):
    deployment_targets: list[DeploymentTarget] | None = None


class ListDeploymentInstancesInput(Shape):
    deployment_id: Text | None = None
    next_token: Text | None = None
    instance_status_filter: list[Text] | None = None
    instance_type_filter: list[Text] | None = None


class ListDeploymentInstancesOutput(Shape):
    instances_list: list[Text] | None = None
    next_token: Text | None = None


class GetDeploymentInstanceInput(Shape):
    deployment_id: Text | None = None
    instance_id: Text | None = None


class GetDeploymentInstanceOutput(Shape):
    instance_summary: InstanceSummary | None = None


class BatchGetDeploymentInstancesInput(Shape):
    deployment_id: Text | None = None
    instance_ids: list[Text] | None = None


class BatchGetDeploymentInstancesOutput(Shape):
    instances_summary: list[InstanceSummary] | None = None
    error_message: Text | None = None
