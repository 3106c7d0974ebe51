"""What a deployment group settles for its deployments."""

from tidegate_api.codedeploy.shapes.shape import Flag, Shape, Text, Whole


class Alarm(Shape):
    name: Text | None = None


class AlarmConfiguration(Shape):
    enabled: Flag | None = None
    ignore_poll_alarm_failure: Flag | None = None
    alarms: list[Alarm] | None = None


class AutoRollbackConfiguration(Shape):
    enabled: Flag | None = None
    events: list[Text] | None = None


class AutoScalingGroup(Shape):
    name: Text | None = None
    hook: Text | None = None
    termination_hook: Text | None = None


class BlueInstanceTerminationOption(Shape):
    action: Text | None = None
    termination_wait_time_in_minutes: Whole | None = None


class DeploymentReadyOption(Shape):
    action_on_timeout: Text | None = None
    wait_time_in_minutes: Whole | None = None


class GreenFleetProvisioningOption(Shape):
    action: Text | None = None


class BlueGreenDeploymentConfiguration(Shape):
    terminate_blue_instances_on_deployment_success: BlueInstanceTerminationOption | None = None
    deployment_ready_option: DeploymentReadyOption | None = None
    green_fleet_provisioning_option: GreenFleetProvisioningOption | None = None


class DeploymentStyle(Shape):
    deployment_type: Text | None = None
    deployment_option: Text | None = None


class EC2DeploymentOptions(Shape):
    auto_scaling_group_processes_to_suspend: list[Text] | None = None


class ECSService(Shape):
    service_name: Text | None = None
    cluster_name: Text | None = None


class ELBInfo(Shape):
    name: Text | None = None


class TargetGroupInfo(Shape):
    name: Text | None = None


class TrafficRoute(Shape):
    listener_arns: list[Text] | None = None


class TargetGroupPairInfo(Shape):
    target_groups: list[TargetGroupInfo] | None = None
    prod_traffic_route: TrafficRoute | None = None
    test_traffic_route: TrafficRoute | None = None


class LoadBalancerInfo(Shape):
    elb_info_list: list[ELBInfo] | None = None
    target_group_info_list: list[TargetGroupInfo] | None = None
    target_group_pair_info_list: list[TargetGroupPairInfo] | None = None


class TriggerConfig(Shape):
    trigger_name: Text | None = None
    trigger_target_arn: Text | None = None
    trigger_events: list[Text] | None = None
