"""Deployments to ECS that are ended in each phase, by an alarm or by somebody."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from acceptance.cloud import ROLL_BACK, Cloud
from acceptance.services import AT_ONCE, PHASES, Shop, assert_restored
from acceptance.side_by_side import SideBySide, all_begun
from parts.databases import Databases

SETS = {
    **dict.fromkeys(PHASES, (("ACTIVE", 2), ("PRIMARY", 2))),
    "BeforeInstall": (("PRIMARY", 2),),
    "Install": (("ACTIVE", 0), ("PRIMARY", 2)),
}
"""How the task sets stand in each phase, and how many tasks they run."""
SHARES = {
    **dict.fromkeys(PHASES, (0, 100)),
    **dict.fromkeys(("BeforeInstall", "Install", "AfterInstall"), (0, 0)),
    "AllowTraffic": (10, 100),
    **dict.fromkeys(("AfterAllowTraffic", "Termination"), (100, 100)),
}
"""What green has of the production and of the test listener in each phase."""


def alarm_fires(cloud: Cloud, phase: str) -> None:
    shop, run = begin_with_alarm(cloud, phase)

    info = run.ended("Stopped")

    assert info["errorInformation"]["code"] == "ALARM_ACTIVE"
    assert_restored(shop, run, nothing_moved=phase == "BeforeInstall")


def begin_with_alarm(cloud: Cloud, phase: str) -> tuple[Shop, Any]:
    """Begin a deployment, and light its alarm when it is in that phase."""
    lit: list[str] = []

    def group_settings(region: str) -> dict[str, Any]:
        lit.append(cloud.alarm(region))
        alarms = {"enabled": True, "alarms": [{"name": lit[0]}]}
        return {"alarmConfiguration": alarms, "autoRollbackConfiguration": ROLL_BACK}

    shop, run = PHASES[phase](cloud, settings=group_settings)
    cloud.light(shop.region, lit[0])
    return shop, run


def is_stopped(cloud: Cloud, phase: str) -> None:
    """All stays as it is in that phase, and so the next deployment is refused."""
    shop, run = PHASES[phase](cloud)
    run.stop(autoRollbackEnabled=False)

    assert run.ended("Stopped")["rollbackInfo"] == {}
    assert run.closed()["status"] == "Failed"
    left = shop.settled()
    assert (shop.share(), shop.share(shop.account.test)) == SHARES[phase]
    sets = [(one["status"], one["runningCount"]) for one in left["task sets"]]
    assert tuple(sorted(sets)) == SETS[phase]
    assert [one["externalId"] for one in left["task sets"]][1:] == [run.id][: len(sets) - 1]
    said = " ".join(run.info()["deploymentStatusMessages"])
    told = [one["taskSetArn"] in said for one in left["task sets"]]
    # The ways to end it name what is to be deleted: either of two, and never the only one.
    assert all(told) is (len(sets) > 1), said
    if phase != "BeforeInstall":
        shop.hooks, shop.config = (), AT_ONCE
        refused = shop.deploy().ended("Failed")["errorInformation"]
        assert refused["code"] == "INVALID_ECS_SERVICE"
        assert shop.settled() == left


def is_stopped_and_taken_back(cloud: Cloud, phase: str) -> None:
    shop, run = PHASES[phase](cloud)
    run.stop(autoRollbackEnabled=True)

    run.ended("Stopped")

    assert_restored(shop, run, nothing_moved=phase == "BeforeInstall")


Scenario = Callable[[Cloud], Any]
SCENARIOS: dict[str, Scenario] = {
    f"{how} in {phase}": partial(scenario, phase=phase)
    for how, scenario in (
        ("an alarm fires", alarm_fires),
        ("it is stopped and taken back", is_stopped_and_taken_back),
        ("it is stopped", is_stopped),
    )
    for phase in PHASES
}


@pytest.fixture(scope="module")
def begun(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SideBySide]:
    at_once, folder = 8, tmp_path_factory.mktemp("ecs")
    with all_begun(
        SCENARIOS, at_once=at_once, request=request, databases=databases, folder=folder
    ) as going:
        yield going


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_ends_as_it_should(begun: SideBySide, scenario: str):
    begun.ends(scenario)
