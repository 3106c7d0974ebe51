"""Each predefined traffic config, by a clock that a test moves: each share at its second."""

from datetime import timedelta

import pytest

from component.engine.system import System
from component.engine.traffic import (
    ALIAS,
    SERVICE,
    TrafficShop,
    ecs_appspec,
    functions,
    lambda_appspec,
    service,
)
from tidegate.domain.configs import PREDEFINED
from tidegate.domain.deployment import ComputePlatform

LINEAR = tuple(range(10, 101, 10))
CONFIGS: dict[str, tuple[tuple[int, ...], int]] = {
    "LambdaAllAtOnce": ((100,), 0),
    "LambdaCanary10Percent5Minutes": ((10, 100), 5),
    "LambdaCanary10Percent10Minutes": ((10, 100), 10),
    "LambdaCanary10Percent15Minutes": ((10, 100), 15),
    "LambdaCanary10Percent30Minutes": ((10, 100), 30),
    "LambdaLinear10PercentEvery1Minute": (LINEAR, 1),
    "LambdaLinear10PercentEvery2Minutes": (LINEAR, 2),
    "LambdaLinear10PercentEvery3Minutes": (LINEAR, 3),
    "LambdaLinear10PercentEvery10Minutes": (LINEAR, 10),
    "ECSAllAtOnce": ((100,), 0),
    "ECSCanary10Percent5Minutes": ((10, 100), 5),
    "ECSCanary10Percent15Minutes": ((10, 100), 15),
    "ECSLinear10PercentEvery1Minutes": (LINEAR, 1),
    "ECSLinear10PercentEvery3Minutes": (LINEAR, 3),
}
"""The shares that the new side gets in turn, and the minutes in between."""


def begin(system: System, config: str) -> tuple[TrafficShop, str, str]:
    if config.startswith("Lambda"):
        shop = functions(system, config)
        return shop, shop.go(lambda_appspec()), ALIAS
    shop = service(system, config)
    return shop, shop.go(ecs_appspec()), SERVICE


def test_there_are_no_others():
    names = {
        config.name.removeprefix("CodeDeployDefault.")
        for config in PREDEFINED.values()
        if config.compute_platform is not ComputePlatform.SERVER
    }
    assert names == set(CONFIGS)


@pytest.mark.parametrize("config", CONFIGS)
def test_each_share_comes_in_its_second_and_no_sooner(system: System, config: str):
    weights, interval = CONFIGS[config]
    shop, id_, name = begin(system, config)
    system.settle()
    seen = system.traffic.weights[name]
    assert seen == [0, weights[0]]

    for at, weight in enumerate(weights[1:], start=1):
        system.clock.advance(timedelta(minutes=interval) - timedelta(seconds=1))
        system.sweep()
        system.settle()
        assert seen == [0, *weights[:at]]
        system.sweep(after=1)
        system.settle()
        assert seen == [0, *weights[: at + 1]], weight

    assert shop.deployment(id_).status == "Succeeded"
