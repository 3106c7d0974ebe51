"""Deployment configurations: the 17 that AWS ships, and the limits of custom ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.configs import (
    DEFAULT_CONFIG,
    PREDEFINED,
    DeploymentConfig,
    MinimumHealthy,
    MinimumHealthyType,
    TrafficRouting,
    TrafficType,
    check_config,
)
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import Invalid

SERVER, ECS, LAMBDA = ComputePlatform.SERVER, ComputePlatform.ECS, ComputePlatform.LAMBDA
COUNT, PERCENT = MinimumHealthyType.HOST_COUNT, MinimumHealthyType.FLEET_PERCENT
CANARY, LINEAR = TrafficType.CANARY, TrafficType.LINEAR

NAMES = [
    "OneAtATime",
    "HalfAtATime",
    "AllAtOnce",
    "ECSLinear10PercentEvery1Minutes",
    "ECSLinear10PercentEvery3Minutes",
    "ECSCanary10Percent5Minutes",
    "ECSCanary10Percent15Minutes",
    "ECSAllAtOnce",
    "LambdaCanary10Percent5Minutes",
    "LambdaCanary10Percent10Minutes",
    "LambdaCanary10Percent15Minutes",
    "LambdaCanary10Percent30Minutes",
    "LambdaLinear10PercentEvery1Minute",
    "LambdaLinear10PercentEvery2Minutes",
    "LambdaLinear10PercentEvery3Minutes",
    "LambdaLinear10PercentEvery10Minutes",
    "LambdaAllAtOnce",
]


def server(kind, value):
    return DeploymentConfig(
        name="mine", compute_platform=SERVER, minimum_healthy=MinimumHealthy(kind, value)
    )


def traffic(kind, percentage, minutes, platform=LAMBDA):
    routing = TrafficRouting(kind, percentage, minutes)
    return DeploymentConfig(name="mine", compute_platform=platform, traffic_routing=routing)


def test_the_predefined_ones_are_those_of_aws():
    assert set(PREDEFINED) == {f"CodeDeployDefault.{name}" for name in NAMES}
    assert len(NAMES) == 17
    assert all(config.is_predefined for config in PREDEFINED.values())


@pytest.mark.parametrize("name", PREDEFINED)
def test_a_predefined_one_does_what_its_name_says(name):
    config, words = PREDEFINED[name], name.removeprefix("CodeDeployDefault.")

    if config.compute_platform is SERVER:
        assert config.minimum_healthy is not None
        return
    routing = config.traffic_routing
    assert words.startswith(config.compute_platform.value)
    assert ("Canary" in words) == (routing.type is CANARY)
    assert ("Linear" in words) == (routing.type is LINEAR)
    if "10Percent" in words:
        assert routing.percentage == 10
        assert f"{routing.interval_minutes}Minute" in words


def test_every_platform_has_a_default_of_its_own():
    assert {PREDEFINED[name].compute_platform for name in DEFAULT_CONFIG.values()} == set(
        ComputePlatform
    )


@pytest.mark.parametrize(
    "config",
    [
        server(COUNT, 0),
        server(COUNT, 5000),
        server(PERCENT, 0),
        server(PERCENT, 99),
        traffic(CANARY, 1, 2880),
        traffic(CANARY, 99, 1),
        traffic(LINEAR, 25, 960, ECS),
        traffic(LINEAR, 10, 320),
        traffic(TrafficType.ALL_AT_ONCE, 100, 0),
    ],
)
def test_a_custom_config_within_the_limits_is_taken(config):
    check_config(config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (server(COUNT, -1), "0 or more, not -1"),
        (server(PERCENT, 100), "0 to 99, not 100"),
        (server(PERCENT, -1), "not -1"),
        (server(MinimumHealthyType.MOST_CONCURRENCY, 1), "HOST_COUNT or FLEET_PERCENT"),
        (DeploymentConfig(name="mine", compute_platform=SERVER), "needs minimum_healthy_hosts"),
        (DeploymentConfig(name="mine", compute_platform=ECS), "needs traffic_routing"),
        (traffic(CANARY, 10, 5, SERVER), "minimum_healthy_hosts"),
        (traffic(CANARY, 0, 5), "1 to 99, not 0"),
        (traffic(LINEAR, 100, 5), "1 to 99, not 100"),
        (traffic(LINEAR, 10, 0), "1 minute or more, not 0"),
        (traffic(CANARY, 10, 2881), "2881 minutes; the limit is 2880"),
        (traffic(LINEAR, 10, 321), "2889 minutes; the limit is 2880"),
    ],
)
def test_a_custom_config_beyond_the_limits_is_refused(config, words):
    with pytest.raises(Invalid, match=words):
        check_config(config)


def test_the_prefix_of_the_predefined_ones_is_theirs():
    config = DeploymentConfig(
        name="CodeDeployDefault.Mine",
        compute_platform=SERVER,
        minimum_healthy=MinimumHealthy(COUNT, 1),
    )

    with pytest.raises(Invalid, match="kept for the predefined"):
        check_config(config)


@given(st.integers(1, 10_000), st.integers(0, 99))
def test_a_percentage_is_rounded_up(total, percent):
    minimum = MinimumHealthy(PERCENT, percent).of(total)

    assert minimum * 100 >= total * percent
    assert (minimum - 1) * 100 < total * percent


@given(st.integers(1, 10_000))
def test_one_at_a_time_is_all_but_one(total):
    assert PREDEFINED["CodeDeployDefault.OneAtATime"].minimum_healthy.of(total) == total - 1
