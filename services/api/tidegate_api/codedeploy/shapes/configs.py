"""Deployment configs."""

from tidegate_api.codedeploy.shapes.shape import Long, Moment, Shape, Text, Whole


class MinimumHealthyHosts(Shape):
    type: Text | None = None
    value: Whole | None = None


class TimeBasedCanary(Shape):
    canary_percentage: Whole | None = None
    canary_interval: Whole | None = None


class TimeBasedLinear(Shape):
    linear_percentage: Whole | None = None
    linear_interval: Whole | None = None


class TrafficRoutingConfig(Shape):
    type: Text | None = None
    time_based_canary: TimeBasedCanary | None = None
    time_based_linear: TimeBasedLinear | None = None


class MinimumHealthyHostsPerZone(Shape):
    type: Text | None = None
    value: Whole | None = None


class ZonalConfig(Shape):
    first_zone_monitor_duration_in_seconds: Long | None = None
    monitor_duration_in_seconds: Long | None = None
    minimum_healthy_hosts_per_zone: MinimumHealthyHostsPerZone | None = None


class DeploymentConfigInfo(Shape):
    deployment_config_id: Text | None = None
    deployment_config_name: Text | None = None
    minimum_healthy_hosts: MinimumHealthyHosts | None = None
    create_time: Moment | None = None
    compute_platform: Text | None = None
    traffic_routing_config: TrafficRoutingConfig | None = None
    zonal_config: ZonalConfig | None = None


class CreateDeploymentConfigInput(Shape):
    deployment_config_name: Text | None = None
    minimum_healthy_hosts: MinimumHealthyHosts | None = None
    traffic_routing_config: TrafficRoutingConfig | None = None
    compute_platform: Text | None = None
    zonal_config: ZonalConfig | None = None


class CreateDeploymentConfigOutput(Shape):
    deployment_config_id: Text | None = None


class GetDeploymentConfigInput(Shape):
    deployment_config_name: Text | None = None


class GetDeploymentConfigOutput(Shape):
    deployment_config_info: DeploymentConfigInfo | None = None


class ListDeploymentConfigsInput(Shape):
    next_token: Text | None = None


class ListDeploymentConfigsOutput(Shape):
    deployment_configs_list: list[Text] | None = None
    next_token: Text | None = None


class DeleteDeploymentConfigInput(Shape):
    deployment_config_name: Text | None = None
