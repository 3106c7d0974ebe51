"""Deployments to ECS on a whole system: each config, its waits, and hooks that say no."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from acceptance.cloud import Cloud, assert_in_time, until
from acceptance.services import (
    EVENTS,
    HOOKED,
    LONG_WAIT,
    Shop,
    assert_restored,
    hook_of,
    outcome_after,
    waits,
)
from acceptance.side_by_side import SideBySide, all_begun, slow_but
from contract.traffic.ecs_course import outcome
from parts.databases import Databases
from parts.ecs_account import CLUSTER, SERVICE

LINEAR = list(range(10, 101, 10))
CONFIGS: dict[str, tuple[list[int], int]] = {
    "ECSAllAtOnce": ([100], 0),
    "ECSCanary10Percent5Minutes": ([10, 100], 5),
    "ECSCanary10Percent15Minutes": ([10, 100], 15),
    "ECSLinear10PercentEvery1Minutes": (LINEAR, 1),
    "ECSLinear10PercentEvery3Minutes": (LINEAR, 3),
}
"""The weights of each, and the minutes in between."""
NOTHING = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)


def moves(cloud: Cloud, config: str) -> None:
    weights, minutes = CONFIGS[config]
    shop = Shop(cloud=cloud, config=config)
    run = shop.deploy()

    info = run.ended("Succeeded")

    assert run.events() == dict.fromkeys(EVENTS, "Succeeded")
    target = run.target()
    began = target["lifecycleEvents"][6]["startTime"].timestamp()
    found = [(at - began, share) for at, share in shop.shares() if share]
    assert_in_time([share for _, share in found], [at for at, _ in found], weights, minutes)
    assert outcome(shop.account) == outcome_after(run.id)
    assert_the_rest_stands(shop)
    assert info["deploymentOverview"] == {**NOTHING, "Succeeded": 1}
    assert (info["creator"], info["computePlatform"]) == ("user", "ECS")
    assert info["instanceTerminationWaitTimeStarted"] is False
    assert target["targetId"] == f"{CLUSTER}:{SERVICE}"
    assert target["status"] == "Succeeded"
    [green] = target["taskSetsInfo"]
    assert green.pop("identifer").startswith("ecs-svc/")
    assert green == {
        "desiredCount": 2,
        "pendingCount": 0,
        "runningCount": 2,
        "status": "PRIMARY",
        "trafficWeight": 100.0,
        "targetGroup": {"name": "green"},
        "taskSetLabel": "Green",
    }


def assert_the_rest_stands(shop: Shop) -> None:
    """See that what the service itself is, and green but for its definition, is as it was."""
    before, after = shop.before, shop.settled()
    own = ("taskSets", "taskDefinition", "loadBalancers")
    services = [
        {name: value for name, value in one["service"][0].items() if name not in own}
        for one in (before, after)
    ]
    assert services[0] == services[1]
    own = ("id", "taskSetArn", "externalId", "taskDefinition", "loadBalancers", "startedBy")
    sets = [
        {name: value for name, value in one["task sets"][0].items() if name not in own}
        for one in (before, after)
    ]
    assert sets[0] == sets[1]
    listeners = [
        [{**listener, "DefaultActions": []} for listener in one["listeners"]]
        for one in (before, after)
    ]
    assert listeners[0] == listeners[1]


def hooks_say_yes(cloud: Cloud) -> None:
    """All five hooks are called, each in its event, and nothing goes on before it has spoken."""
    shop = Shop(cloud=cloud, hooks=HOOKED)
    run = shop.deploy()
    for event in HOOKED:
        run.called(hook_of(event))
        at = EVENTS.index(event)
        wanted = ["Succeeded"] * at + ["InProgress"] + ["Pending"] * (len(EVENTS) - at - 1)
        assert run.events() == dict(zip(EVENTS, wanted, strict=True))
        assert shop.share() == (100 if event == "AfterAllowTraffic" else 0)
        tested = at > EVENTS.index("AllowTestTraffic")
        assert shop.share(shop.account.test) == (100 if tested else 0)
        run.says(hook_of(event))

    run.ended("Succeeded")
    assert outcome(shop.account) == outcome_after(run.id)


def hook_fails(cloud: Cloud, event: str) -> None:
    shop = Shop(cloud=cloud, hooks=(event,))
    run = shop.deploy()
    run.says(hook_of(event), "Failed")

    info = run.ended("Failed")

    assert info["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"
    at = EVENTS.index(event)
    wanted = ["Succeeded"] * at + ["Failed"] + ["Skipped"] * (len(EVENTS) - at - 1)
    assert run.events() == dict(zip(EVENTS, wanted, strict=True))
    assert_restored(shop, run, nothing_moved=event == "BeforeInstall")


def waits_until_it_may_go_on(cloud: Cloud) -> None:
    shop = Shop(cloud=cloud, waits=waits(ready=LONG_WAIT, termination=LONG_WAIT))
    run = shop.deploy()
    until(lambda: run.info()["status"] == "Ready", what="it is ready")
    assert shop.share() == 0
    assert shop.share(shop.account.test) == 100
    run.codedeploy.continue_deployment(deploymentId=run.id, deploymentWaitType="READY_WAIT")

    until(lambda: run.info()["instanceTerminationWaitTimeStarted"], what="blue is kept")

    assert run.info()["status"] == "InProgress"
    assert run.events() == dict.fromkeys(EVENTS, "Succeeded")
    sets = {one["taskSetLabel"]: one for one in run.target()["taskSetsInfo"]}
    told = {label: (one["status"], one["trafficWeight"]) for label, one in sets.items()}
    assert told == {"Blue": ("ACTIVE", 0.0), "Green": ("PRIMARY", 100.0)}
    assert {one["status"] for one in shop.account.task_sets()} == {"ACTIVE", "PRIMARY"}
    run.codedeploy.continue_deployment(deploymentId=run.id, deploymentWaitType="TERMINATION_WAIT")
    run.ended("Succeeded")
    assert outcome(shop.account) == outcome_after(run.id)


def skips_the_wait(cloud: Cloud) -> None:
    shop = Shop(cloud=cloud, waits=waits(termination=LONG_WAIT))
    run = shop.deploy()
    until(lambda: run.info()["instanceTerminationWaitTimeStarted"], what="blue is kept")
    run.codedeploy.skip_wait_time_for_instance_termination(deploymentId=run.id)
    run.ended("Succeeded")
    assert outcome(shop.account) == outcome_after(run.id)


def nobody_says_that_it_may_go_on(cloud: Cloud) -> None:
    """The ready wait ends by itself: stopped, and by its own word rolled back by nobody."""
    shop = Shop(cloud=cloud, waits=waits(ready=1))
    run = shop.deploy()
    info = run.ended("Stopped")
    assert "while waiting for a notification to continue" in info["errorInformation"]["message"]
    assert "rollbackDeploymentId" not in info["rollbackInfo"]
    assert shop.share() == 0


def a_wait_ends_by_itself(cloud: Cloud) -> None:
    """There, and back with the target groups' parts exchanged."""
    shop = Shop(cloud=cloud, waits=waits(termination=2))
    run = shop.deploy()
    run.ended("Succeeded")
    assert outcome(shop.account) == outcome_after(run.id)

    back = shop.deploy()
    back.ended("Succeeded")
    assert outcome(shop.account) == outcome_after(back.id, green="blue", blue="green")


Scenario = Callable[[Cloud], Any]
COURSES: dict[str, Scenario] = {
    "a wait ends by itself": a_wait_ends_by_itself,
    "hooks say yes": hooks_say_yes,
    **{f"the hook {event} fails": partial(hook_fails, event=event) for event in HOOKED},
    "it waits until it may go on": waits_until_it_may_go_on,
    "it skips the wait": skips_the_wait,
    "nobody says that it may go on": nobody_says_that_it_may_go_on,
}
SCENARIOS: dict[str, Scenario] = {
    **{config: partial(moves, config=config) for config in CONFIGS},
    **COURSES,
}


@pytest.fixture(scope="module")
def begun(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SideBySide]:
    at_once, folder = len(CONFIGS) + 4, tmp_path_factory.mktemp("ecs")
    with all_begun(
        SCENARIOS, at_once=at_once, request=request, databases=databases, folder=folder
    ) as going:
        yield going


@pytest.mark.parametrize(
    "scenario",
    slow_but(COURSES, "hooks say yes", "the hook AfterInstall fails", "it skips the wait"),
)
def test_it_goes_its_course(begun: SideBySide, scenario: str):
    begun.ends(scenario)


@pytest.mark.parametrize(
    "scenario",
    slow_but(
        CONFIGS,
        "ECSAllAtOnce",
        "ECSCanary10Percent5Minutes",
        "ECSLinear10PercentEvery1Minutes",
    ),
)
def test_each_config_moves_the_listener_as_its_name_says(begun: SideBySide, scenario: str):
    begun.ends(scenario)
