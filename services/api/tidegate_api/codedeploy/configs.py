"""Operations on deployment configs."""

import contextlib
from datetime import timedelta
from typing import Final

from tidegate.domain.configs import (
    DeploymentConfig,
    MinimumHealthy,
    MinimumHealthyType,
    TrafficRouting,
    TrafficType,
    Zonal,
)
from tidegate.domain.errors import ConfigNotFound
from tidegate.engine.configs import create_config, delete_config
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.names import config_name
from tidegate_api.codedeploy.paging import page_of, read_name
from tidegate_api.codedeploy.platforms import read_platform
from tidegate_api.codedeploy.shapes.configs import (
    CreateDeploymentConfigInput,
    CreateDeploymentConfigOutput,
    DeleteDeploymentConfigInput,
    DeploymentConfigInfo,
    GetDeploymentConfigInput,
    GetDeploymentConfigOutput,
    ListDeploymentConfigsInput,
    ListDeploymentConfigsOutput,
    MinimumHealthyHosts,
    MinimumHealthyHostsPerZone,
    TimeBasedCanary,
    TimeBasedLinear,
    TrafficRoutingConfig,
    ZonalConfig,
)

_LIST: Final = "ListDeploymentConfigs"
_BAD_MINIMUM: Final = "InvalidMinimumHealthyHostValueException"
_BAD_ROUTING: Final = "InvalidTrafficRoutingConfigurationException"
_BAD_ZONAL: Final = "InvalidZonalDeploymentConfigurationException"
_LONGEST_MONITOR: Final = 10**9
"""Seconds; beyond is nothing that a clock can tell."""


def create(call: Call, wanted: CreateDeploymentConfigInput) -> CreateDeploymentConfigOutput:
    config = DeploymentConfig(
        name=config_name(wanted.deployment_config_name),
        compute_platform=read_platform(wanted.compute_platform),
        minimum_healthy=_read_minimum(wanted.minimum_healthy_hosts, _BAD_MINIMUM),
        traffic_routing=_read_routing(wanted.traffic_routing_config),
        zonal=_read_zonal(wanted.zonal_config),
    )
    return CreateDeploymentConfigOutput(deployment_config_id=create_config(config, uow=call.uow).id)


def get(call: Call, wanted: GetDeploymentConfigInput) -> GetDeploymentConfigOutput:
    name = config_name(wanted.deployment_config_name)
    return GetDeploymentConfigOutput(deployment_config_info=_info(call.uow.catalog.config(name)))


def list_(call: Call, wanted: ListDeploymentConfigsInput) -> ListDeploymentConfigsOutput:
    after = read_name(_LIST, wanted.next_token) or ""
    names = [config.name for config in call.uow.catalog.configs() if config.name > after]
    shown, token = page_of(_LIST, names)
    return ListDeploymentConfigsOutput(deployment_configs_list=shown, next_token=token)


def delete(call: Call, wanted: DeleteDeploymentConfigInput) -> None:
    name = config_name(wanted.deployment_config_name)
    with contextlib.suppress(ConfigNotFound):
        delete_config(name, uow=call.uow)


def _read_minimum(
    wanted: MinimumHealthyHosts | MinimumHealthyHostsPerZone | None, code: str
) -> MinimumHealthy | None:
    if wanted is None:
        return None
    try:
        kind = MinimumHealthyType(wanted.type or "")
    except ValueError:
        raise AwsError(code, "The type must be HOST_COUNT or FLEET_PERCENT.") from None
    if wanted.value is None:
        raise AwsError(code, f"A {kind} needs a value.")
    return MinimumHealthy(kind, wanted.value)


def _read_routing(wanted: TrafficRoutingConfig | None) -> TrafficRouting | None:
    if wanted is None:
        return None
    canary, linear = wanted.time_based_canary, wanted.time_based_linear
    match wanted.type:
        case TrafficType.ALL_AT_ONCE if canary is None and linear is None:
            return TrafficRouting(TrafficType.ALL_AT_ONCE)
        case TrafficType.CANARY if canary is not None and linear is None:
            steps = canary.canary_percentage, canary.canary_interval
        case TrafficType.LINEAR if linear is not None and canary is None:
            steps = linear.linear_percentage, linear.linear_interval
        case _:
            raise AwsError(
                _BAD_ROUTING,
                "The type must be AllAtOnce, without more; TimeBasedCanary, with timeBasedCanary; "
                "or TimeBasedLinear, with timeBasedLinear.",
            )
    percentage, interval = steps
    if percentage is None or interval is None:
        raise AwsError(_BAD_ROUTING, f"A {wanted.type} needs a percentage and an interval.")
    return TrafficRouting(TrafficType(wanted.type), percentage, interval)


def _read_zonal(wanted: ZonalConfig | None) -> Zonal | None:
    if wanted is None:
        return None
    minimum = _read_minimum(wanted.minimum_healthy_hosts_per_zone, _BAD_ZONAL)
    if minimum is not None and minimum.type is MinimumHealthyType.MOST_CONCURRENCY:
        raise AwsError(_BAD_ZONAL, "The type must be HOST_COUNT or FLEET_PERCENT.")
    return Zonal(
        monitor=_read_duration(wanted.monitor_duration_in_seconds),
        first_zone_monitor=_read_duration(wanted.first_zone_monitor_duration_in_seconds),
        minimum_per_zone=minimum,
    )


def _read_duration(seconds: int | None) -> timedelta | None:
    if seconds is None:
        return None
    if abs(seconds) > _LONGEST_MONITOR:
        raise AwsError(_BAD_ZONAL, f"No duration has {seconds} seconds.")
    return timedelta(seconds=seconds)


def _info(config: DeploymentConfig) -> DeploymentConfigInfo:
    minimum = config.minimum_healthy
    return DeploymentConfigInfo(
        deployment_config_id=config.id,
        deployment_config_name=config.name,
        minimum_healthy_hosts=minimum
        and MinimumHealthyHosts(type=minimum.type, value=minimum.value),
        create_time=config.created_at,
        compute_platform=config.compute_platform.value,
        traffic_routing_config=config.traffic_routing and _routing(config.traffic_routing),
        zonal_config=config.zonal and _zonal(config.zonal),
    )


def _routing(routing: TrafficRouting) -> TrafficRoutingConfig:
    percentage, interval = routing.percentage, routing.interval_minutes
    match routing.type:
        case TrafficType.ALL_AT_ONCE:
            return TrafficRoutingConfig(type=routing.type.value)
        case TrafficType.CANARY:
            canary = TimeBasedCanary(canary_percentage=percentage, canary_interval=interval)
            return TrafficRoutingConfig(type=routing.type.value, time_based_canary=canary)
        case TrafficType.LINEAR:
            linear = TimeBasedLinear(linear_percentage=percentage, linear_interval=interval)
            return TrafficRoutingConfig(type=routing.type.value, time_based_linear=linear)


def _zonal(zonal: Zonal) -> ZonalConfig:
    minimum = zonal.minimum_per_zone
    return ZonalConfig(
        first_zone_monitor_duration_in_seconds=_seconds(zonal.first_zone_monitor),
        monitor_duration_in_seconds=_seconds(zonal.monitor),
        minimum_healthy_hosts_per_zone=minimum
        and MinimumHealthyHostsPerZone(type=minimum.type, value=minimum.value),
    )


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds())
