"""Deployment configurations: how many may go at once, how traffic moves."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import Invalid

PREDEFINED_PREFIX: Final = "CodeDeployDefault."
MAX_SHIFT_MINUTES: Final = 2880
MAX_CUSTOM_CONFIGS: Final = 50


class MinimumHealthyType(StrEnum):
    HOST_COUNT = "HOST_COUNT"
    FLEET_PERCENT = "FLEET_PERCENT"
    MOST_CONCURRENCY = "MOST_CONCURRENCY"
    """Only in CodeDeploy's own OneAtATime: all but so many stay healthy."""


@dataclass(frozen=True, slots=True)
class MinimumHealthy:
    """How many hosts must stay healthy while a deployment goes on."""

    type: MinimumHealthyType
    value: int

    def of(self, total: int) -> int:
        """Return the number for a fleet of *total* (user guide, "Minimum healthy instances")."""
        match self.type:
            case MinimumHealthyType.HOST_COUNT:
                return self.value
            case MinimumHealthyType.FLEET_PERCENT:
                return math.ceil(total * self.value / 100)
            case MinimumHealthyType.MOST_CONCURRENCY:
                return max(total - self.value, 0)


class TrafficType(StrEnum):
    ALL_AT_ONCE = "AllAtOnce"
    CANARY = "TimeBasedCanary"
    LINEAR = "TimeBasedLinear"


@dataclass(frozen=True, slots=True)
class TrafficRouting:
    """How traffic moves: *percentage* at each step, *interval_minutes* between steps."""

    type: TrafficType
    percentage: int = 100
    interval_minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Zonal:
    """How a deployment goes from one availability zone to the next."""

    monitor: timedelta | None = None
    first_zone_monitor: timedelta | None = None
    """Instead of *monitor*, after the first zone."""
    minimum_per_zone: MinimumHealthy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentConfig:
    id: str = ""
    """Empty until it is created."""
    name: str
    compute_platform: ComputePlatform
    minimum_healthy: MinimumHealthy | None = None
    traffic_routing: TrafficRouting | None = None
    zonal: Zonal | None = None
    created_at: datetime | None = None

    @property
    def is_predefined(self) -> bool:
        return self.name.startswith(PREDEFINED_PREFIX)


def _server(number: int, name: str, kind: MinimumHealthyType, value: int) -> DeploymentConfig:
    return DeploymentConfig(
        id=_predefined_id(number),
        name=PREDEFINED_PREFIX + name,
        compute_platform=ComputePlatform.SERVER,
        minimum_healthy=MinimumHealthy(kind, value),
    )


def _predefined_id(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def _traffic(
    number: int, platform: ComputePlatform, name: str, kind: TrafficType, *steps: int
) -> DeploymentConfig:
    return DeploymentConfig(
        id=_predefined_id(number),
        name=PREDEFINED_PREFIX + name,
        compute_platform=platform,
        traffic_routing=TrafficRouting(kind, *steps),
    )


_ECS, _LAMBDA = ComputePlatform.ECS, ComputePlatform.LAMBDA
_CANARY, _LINEAR, _AT_ONCE = TrafficType.CANARY, TrafficType.LINEAR, TrafficType.ALL_AT_ONCE

PREDEFINED: Final = {
    config.name: config
    for config in (
        _server(1, "OneAtATime", MinimumHealthyType.MOST_CONCURRENCY, 1),
        _server(2, "HalfAtATime", MinimumHealthyType.FLEET_PERCENT, 50),
        _server(3, "AllAtOnce", MinimumHealthyType.FLEET_PERCENT, 0),
        _traffic(23, _ECS, "ECSLinear10PercentEvery1Minutes", _LINEAR, 10, 1),
        _traffic(24, _ECS, "ECSLinear10PercentEvery3Minutes", _LINEAR, 10, 3),
        _traffic(21, _ECS, "ECSCanary10Percent5Minutes", _CANARY, 10, 5),
        _traffic(22, _ECS, "ECSCanary10Percent15Minutes", _CANARY, 10, 15),
        _traffic(20, _ECS, "ECSAllAtOnce", _AT_ONCE),
        _traffic(11, _LAMBDA, "LambdaCanary10Percent5Minutes", _CANARY, 10, 5),
        _traffic(12, _LAMBDA, "LambdaCanary10Percent10Minutes", _CANARY, 10, 10),
        _traffic(13, _LAMBDA, "LambdaCanary10Percent15Minutes", _CANARY, 10, 15),
        _traffic(14, _LAMBDA, "LambdaCanary10Percent30Minutes", _CANARY, 10, 30),
        _traffic(15, _LAMBDA, "LambdaLinear10PercentEvery1Minute", _LINEAR, 10, 1),
        _traffic(16, _LAMBDA, "LambdaLinear10PercentEvery2Minutes", _LINEAR, 10, 2),
        _traffic(17, _LAMBDA, "LambdaLinear10PercentEvery3Minutes", _LINEAR, 10, 3),
        _traffic(18, _LAMBDA, "LambdaLinear10PercentEvery10Minutes", _LINEAR, 10, 10),
        _traffic(10, _LAMBDA, "LambdaAllAtOnce", _AT_ONCE),
    )
}
"""The 17 that AWS ships (user guide, "Predefined deployment configurations").

Of the numbers in their ids, AWS is known to use 1 and 22; the others are ours.
"""

DEFAULT_CONFIG: Final = {
    ComputePlatform.SERVER: PREDEFINED_PREFIX + "OneAtATime",
    ComputePlatform.ECS: PREDEFINED_PREFIX + "ECSAllAtOnce",
    ComputePlatform.LAMBDA: PREDEFINED_PREFIX + "LambdaAllAtOnce",
}


def check_config(config: DeploymentConfig) -> None:
    """Refuse a custom config that breaks CreateDeploymentConfig's rules (AWS API reference).

    Raises:
        Invalid: It does; the sentence names the value.
    """
    if config.is_predefined:
        raise Invalid(
            f"The name {config.name!r} begins with {PREDEFINED_PREFIX!r}, which is kept for the "
            "predefined configs; choose another.",
            code="InvalidDeploymentConfigNameException",
        )
    if config.compute_platform is ComputePlatform.SERVER:
        _check_server(config)
    else:
        _check_traffic(config)
    _check_zonal(config)


def _check_zonal(config: DeploymentConfig) -> None:
    zonal = config.zonal
    code = "InvalidZonalDeploymentConfigurationException"
    if zonal is None:
        return
    if config.compute_platform is not ComputePlatform.SERVER:
        raise Invalid(
            f"A config for {config.compute_platform} takes no zonal config; Server does.",
            code=code,
        )
    for duration in (zonal.monitor, zonal.first_zone_monitor):
        if duration is not None and duration < timedelta(0):
            seconds = int(duration.total_seconds())
            raise Invalid(f"A duration must be 0 seconds or more, not {seconds}.", code=code)
    minimum = zonal.minimum_per_zone
    if minimum is None:
        return
    if minimum.value < 0:
        raise Invalid(f"The value per zone must be 0 or more, not {minimum.value}.", code=code)
    if minimum.type is MinimumHealthyType.FLEET_PERCENT and minimum.value > 99:
        raise Invalid(f"A FLEET_PERCENT per zone must be 0 to 99, not {minimum.value}.", code=code)


def _check_server(config: DeploymentConfig) -> None:
    minimum = config.minimum_healthy
    code = "InvalidMinimumHealthyHostValueException"
    if minimum is None:
        raise Invalid("A config for Server needs minimum_healthy_hosts.", code=code)
    if config.traffic_routing is not None:
        raise Invalid(
            "A config for Server takes minimum_healthy_hosts, not traffic_routing.",
            code="InvalidTrafficRoutingConfigurationException",
        )
    if minimum.type is MinimumHealthyType.MOST_CONCURRENCY:
        raise Invalid("The type must be HOST_COUNT or FLEET_PERCENT.", code=code)
    if minimum.value < 0:
        raise Invalid(f"The value must be 0 or more, not {minimum.value}.", code=code)
    if minimum.type is MinimumHealthyType.FLEET_PERCENT and minimum.value > 99:
        raise Invalid(f"A FLEET_PERCENT must be 0 to 99, not {minimum.value}.", code=code)


def _check_traffic(config: DeploymentConfig) -> None:
    routing = config.traffic_routing
    code = "InvalidTrafficRoutingConfigurationException"
    if config.minimum_healthy is not None:
        raise Invalid(
            f"A config for {config.compute_platform} takes traffic_routing, "
            "not minimum_healthy_hosts.",
            code="InvalidMinimumHealthyHostValueException",
        )
    if routing is None:
        raise Invalid(f"A config for {config.compute_platform} needs traffic_routing.", code=code)
    if routing.type is TrafficType.ALL_AT_ONCE:
        return
    if not 1 <= routing.percentage <= 99:
        raise Invalid(f"The percentage must be 1 to 99, not {routing.percentage}.", code=code)
    if routing.interval_minutes < 1:
        raise Invalid(
            f"The interval must be 1 minute or more, not {routing.interval_minutes}.", code=code
        )
    steps = 1 if routing.type is TrafficType.CANARY else math.ceil(100 / routing.percentage) - 1
    if steps * routing.interval_minutes > MAX_SHIFT_MINUTES:
        raise Invalid(
            f"From first to last shift this takes {steps * routing.interval_minutes} minutes; "
            f"the limit is {MAX_SHIFT_MINUTES}.",
            code=code,
        )
