"""The control plane is killed while traffic moves, in each phase: all ends right all the same."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx2
import pytest

from acceptance import lambdas, services
from acceptance.cloud import Cloud, Run, running_cloud, until
from acceptance.services import hook_of, outcome_after
from contract.traffic.ecs_course import outcome
from parts.between import Forward
from parts.databases import Databases


@pytest.fixture(scope="module")
def shared_cloud(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("crashes")
    with databases.empty("postgresql") as url, running_cloud(folder, database_url=url) as cloud:
        yield cloud


@pytest.fixture
def cloud(shared_cloud: Cloud) -> Cloud:
    """The shared one, without what the last test made in it."""
    shared_cloud.forget()
    return shared_cloud


def kill(name: str, cloud: Cloud) -> None:
    old = cloud.system.kill(name)
    cloud.system.wait_for_another(name, old, within=60)


def lose_redis(cloud: Cloud) -> None:
    cloud.system.empty_broker()
    kill("redis", cloud)


def lose_all(cloud: Cloud) -> None:
    cloud.system.empty_broker()
    old = {name: cloud.system.kill(name) for name in cloud.system.processes()}
    for name, pid in old.items():
        cloud.system.wait_for_another(name, pid, within=90)


def cut_the_power(cloud: Cloud) -> None:
    cloud.system.kill_all()
    cloud.system.start()


CRASHES: dict[str, Callable[[Cloud], None]] = {
    "worker-hosts-1": partial(kill, "worker-hosts-1"),
    "worker-control": partial(kill, "worker-control"),
    "beat": partial(kill, "beat"),
    "redis": lose_redis,
    "all": lose_all,
    "tidegate up": cut_the_power,
}
FUNCTIONS: dict[str, Callable[[Cloud], Any]] = {
    **lambdas.PHASES,
    "canary": partial(lambdas.phase_canary, config="LambdaCanary10Percent10Minutes"),
}
SERVICES: dict[str, Callable[[Cloud], Any]] = {
    **services.PHASES,
    "Install": services.phase_begun,
    "AllowTraffic": partial(services.phase_canary, minutes=10),
}


def in_each_phase(cloud: Cloud, phases: dict[str, Callable[[Cloud], Any]]) -> dict[str, Any]:
    """Have a deployment in each phase; some are begun at the same time."""
    with ThreadPoolExecutor(6) as pool:
        begun = {phase: pool.submit(begin, cloud) for phase, begin in phases.items()}
    return {phase: one.result() for phase, one in begun.items()}


def let_go_on(phase: str, run: Run) -> None:
    """Say to a deployment what it waits for."""
    match phase:
        case "before":
            run.says(lambdas.BEFORE)
        case "after":
            run.says(lambdas.AFTER)
        case "Ready":
            run.codedeploy.continue_deployment(deploymentId=run.id)
        case "Termination":
            run.codedeploy.skip_wait_time_for_instance_termination(deploymentId=run.id)
        case event if event in services.HOOKED:
            run.says(hook_of(event))


def is_back(cloud: Cloud) -> bool:
    try:
        return bool(cloud.system.client.get("/readyz").status_code == 200)
    except httpx2.TransportError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_in_any_phase_changes_nothing(cloud: Cloud, crash: str):
    functions, own = in_each_phase(cloud, FUNCTIONS), in_each_phase(cloud, SERVICES)
    begun = {**functions, **own}

    CRASHES[crash](cloud)

    until(lambda: is_back(cloud), what="the system is ready again")
    for phase, (_, run) in begun.items():
        let_go_on(phase, run)
    for _, run in begun.values():
        run.ended("Succeeded")
    for phase, (shop, run) in functions.items():
        assert shop.stands("2")
        assert shop.function.history() == ([10, 100] if phase == "canary" else [100])
        assert run.events() == dict.fromkeys(lambdas.EVENTS, "Succeeded")
    for phase, (shop, run) in own.items():
        assert outcome(shop.account) == outcome_after(run.id)
        shares = [share for _, share in shop.shares() if share]
        assert shares == ([10, 100] if phase == "AllowTraffic" else [100])
        assert run.events() == dict.fromkeys(services.EVENTS, "Succeeded")


@pytest.mark.slow
@pytest.mark.parametrize("crash", ["worker-hosts-1", "tidegate up"])
def test_a_worker_that_dies_in_a_call_has_made_it_once(cloud: Cloud, crash: str):
    """What was asked of AWS arrived, and nobody heard the answer."""
    arrived = threading.Event()

    def last(forward: Forward) -> None:
        forward()
        arrived.set()
        # Who hears that it was cut off asks again before anybody can be killed.
        cloud.between.hangs(forward)

    alias, service = lambdas.Shop(cloud=cloud), services.Shop(cloud=cloud)
    cloud.between.next["UpdateAlias"].append(last)
    cloud.between.next["CreateTaskSet"].append(last)
    runs = [alias.deploy(), service.deploy()]
    assert arrived.wait(60)

    CRASHES[crash](cloud)

    until(lambda: is_back(cloud), what="the system is ready again")
    for run in runs:
        run.ended("Succeeded")
    assert alias.function.history() == [100]
    assert alias.stands("2")
    assert outcome(service.account) == outcome_after(runs[1].id)
