"""Deployments to Lambda on a whole system: each config, and each way in which one ends."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from acceptance.cloud import ROLL_BACK, Cloud, Run, assert_in_time
from acceptance.lambdas import AFTER, BEFORE, EVENTS, LEFT, PHASES, Shop
from acceptance.side_by_side import SideBySide, all_begun, slow_but
from parts.aliases import REGION
from parts.databases import Databases

LINEAR = list(range(10, 101, 10))
CONFIGS: dict[str, tuple[list[int], int]] = {
    "LambdaAllAtOnce": ([100], 0),
    "LambdaCanary10Percent5Minutes": ([10, 100], 5),
    "LambdaCanary10Percent10Minutes": ([10, 100], 10),
    "LambdaCanary10Percent15Minutes": ([10, 100], 15),
    "LambdaCanary10Percent30Minutes": ([10, 100], 30),
    "LambdaLinear10PercentEvery1Minute": (LINEAR, 1),
    "LambdaLinear10PercentEvery2Minutes": (LINEAR, 2),
    "LambdaLinear10PercentEvery3Minutes": (LINEAR, 3),
    "LambdaLinear10PercentEvery10Minutes": (LINEAR, 10),
}
"""The weights of each, and the minutes in between."""
NOTHING = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)


def moves(cloud: Cloud, config: str) -> None:
    weights, minutes = CONFIGS[config]
    shop = Shop(cloud=cloud, config=config)
    run = shop.deploy()

    info = run.ended("Succeeded")

    target = run.target()
    began = target["lifecycleEvents"][1]["startTime"].timestamp()
    times = [call.at - began for call in shop.function.calls()]
    assert_in_time(shop.function.history(), times, weights, minutes)
    assert shop.stands("2")
    assert info["deploymentOverview"] == {**NOTHING, "Succeeded": 1}
    assert (info["creator"], info["computePlatform"]) == ("user", "Lambda")
    assert info["deploymentConfigName"] == f"CodeDeployDefault.{config}"
    assert run.events() == dict.fromkeys(EVENTS, "Succeeded")
    assert (target["status"], target["lambdaFunctionInfo"]) == (
        "Succeeded",
        {
            "functionName": shop.function.function,
            "functionAlias": "live",
            "currentVersion": "1",
            "targetVersion": "2",
            "targetVersionWeight": 1.0,
        },
    )


def is_watched(cloud: Cloud) -> None:
    """A canary looks so while it goes on; then a hook says yes."""
    hooks = {"BeforeAllowTraffic": BEFORE, "AfterAllowTraffic": AFTER}
    shop = Shop(cloud=cloud, config="LambdaCanary10Percent10Minutes", hooks=hooks)
    run = shop.deploy()
    run.called(BEFORE)
    assert run.events() == dict(zip(EVENTS, ("InProgress", "Pending", "Pending"), strict=True))
    assert run.target()["lambdaFunctionInfo"]["targetVersionWeight"] == 0.0
    assert shop.stands("1")

    run.says(BEFORE)
    shop.wait_for(10)
    info, target = run.info(), run.target()

    assert shop.stands("1", v2=0.1)
    assert (info["status"], target["status"]) == ("InProgress", "InProgress")
    assert "deploymentOverview" not in info
    assert "completeTime" not in info
    run.says(AFTER)
    assert run.ended("Succeeded")["deploymentOverview"] == {**NOTHING, "Succeeded": 1}
    assert shop.stands("2")
    with pytest.raises(run.codedeploy.exceptions.LifecycleEventAlreadyCompletedException):
        run.says(AFTER, "Failed")


def hook_fails(cloud: Cloud, phase: str) -> None:
    shop, run = PHASES[phase](cloud)
    run.says({"before": BEFORE, "after": AFTER}[phase], "Failed")

    info = run.ended("Failed")

    assert info["errorInformation"] == {
        "code": "HOOK_EXECUTION_FAILURE",
        "message": "The deployment failed because one or more of the lifecycle event validation "
        "functions failed.",
    }
    assert run.events() == dict(
        zip(
            EVENTS,
            ("Failed", "Skipped", "Skipped")
            if phase == "before"
            else ("Succeeded", "Succeeded", "Failed"),
            strict=True,
        )
    )
    assert_taken_back(shop, run, phase)


def alarm_fires(cloud: Cloud, phase: str) -> None:
    alarm = cloud.alarm(REGION)
    alarms = {"enabled": True, "alarms": [{"name": alarm}]}
    settings = {"alarmConfiguration": alarms, "autoRollbackConfiguration": ROLL_BACK}
    shop, run = PHASES[phase](cloud, settings=settings)
    cloud.light(REGION, alarm)

    info = run.ended("Stopped")

    assert info["errorInformation"]["code"] == "ALARM_ACTIVE"
    assert alarm in info["errorInformation"]["message"]
    assert_taken_back(shop, run, phase)


def alarm_is_lit_before(cloud: Cloud) -> None:
    alarm = cloud.alarm(REGION)
    cloud.light(REGION, alarm)
    alarms = {"enabled": True, "alarms": [{"name": alarm}]}
    shop = Shop(cloud=cloud, settings={"alarmConfiguration": alarms})
    run = shop.deploy()

    assert run.ended("Stopped")["errorInformation"]["code"] == "ALARM_ACTIVE"
    assert shop.stands("1")
    assert shop.function.calls() == []

    again = shop.deploy(overrideAlarmConfiguration={"enabled": False})
    again.ended("Succeeded")
    assert shop.stands("2")


def is_stopped(cloud: Cloud, phase: str) -> None:
    shop, run = PHASES[phase](cloud)
    version, weights = LEFT[phase]
    run.stop(autoRollbackEnabled=False)

    info = run.ended("Stopped")

    assert info["rollbackInfo"] == {}
    run.closed()
    assert shop.stands(version, **weights)
    if phase != "before":
        again = shop.deploy().ended("Failed")
        assert again["errorInformation"]["code"] == "INVALID_LAMBDA_CONFIGURATION"
        assert shop.stands(version, **weights)


def is_stopped_and_taken_back(cloud: Cloud, phase: str) -> None:
    shop, run = PHASES[phase](cloud)
    run.stop(autoRollbackEnabled=True)

    run.ended("Stopped")

    assert_taken_back(shop, run, phase)


def assert_taken_back(shop: Shop, run: Run, phase: str) -> None:
    """See that the alias is what it was, and that a deployment of its own says so."""
    target = run.closed()
    assert target["status"] == "Failed"
    assert run.info()["deploymentOverview"] == {**NOTHING, "Failed": 1}
    if phase == "before":
        assert "rollbackDeploymentId" not in run.info()["rollbackInfo"]
        assert shop.function.calls() == []
        assert shop.stands("1")
        return
    rollback = run.rollback()
    info = rollback.ended("Succeeded")
    assert (info["creator"], info["deploymentConfigName"]) == (
        "codeDeployRollback",
        "CodeDeployDefault.LambdaAllAtOnce",
    )
    assert info["rollbackInfo"] == {
        "rollbackTriggeringDeploymentId": run.id,
        "rollbackMessage": f"Deployment {rollback.id} is triggered to roll back deployment "
        f"{run.id}.",
    }
    assert run.info()["rollbackInfo"] == {
        "rollbackDeploymentId": rollback.id,
        "rollbackMessage": f"Deployment {run.id} terminated. Automatic rollback is triggered with "
        f"a DeploymentId {rollback.id}.",
    }
    assert rollback.events() == dict.fromkeys(EVENTS, "Succeeded")
    assert rollback.target()["lambdaFunctionInfo"]["targetVersionWeight"] == 0.0
    assert shop.function.history()[-1] == 0
    assert shop.stands("1")


Scenario = Callable[[Cloud], object]
ENDS: dict[str, Scenario] = {
    "a canary is watched": is_watched,
    "an alarm is lit before": alarm_is_lit_before,
    **{f"the hook {one} fails": partial(hook_fails, phase=one) for one in ("before", "after")},
    **{f"an alarm fires in {one}": partial(alarm_fires, phase=one) for one in PHASES},
    **{f"it is stopped in {one}": partial(is_stopped, phase=one) for one in PHASES},
    **{
        f"it is stopped in {one} and taken back": partial(is_stopped_and_taken_back, phase=one)
        for one in PHASES
    },
}
SCENARIOS: dict[str, Scenario] = {
    **{config: partial(moves, config=config) for config in CONFIGS},
    **ENDS,
}


@pytest.fixture(scope="module")
def begun(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SideBySide]:
    at_once, folder = len(CONFIGS) + 4, tmp_path_factory.mktemp("lambda")
    with all_begun(
        SCENARIOS, at_once=at_once, request=request, databases=databases, folder=folder
    ) as going:
        yield going


@pytest.mark.parametrize(
    "scenario",
    slow_but(
        ENDS,
        "a canary is watched",
        "the hook before fails",
        "an alarm fires in canary",
        "it is stopped in canary and taken back",
    ),
)
def test_it_ends_as_it_should(begun: SideBySide, scenario: str):
    begun.ends(scenario)


@pytest.mark.parametrize(
    "scenario",
    slow_but(
        CONFIGS,
        "LambdaAllAtOnce",
        "LambdaCanary10Percent5Minutes",
        "LambdaLinear10PercentEvery1Minute",
    ),
)
def test_each_config_moves_the_alias_as_its_name_says(begun: SideBySide, scenario: str):
    begun.ends(scenario)
