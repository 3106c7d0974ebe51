"""A worker process that is stopped between its look and its change, and goes on much later."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from component.engine.traffic import functions, lambda_appspec
from parts import freezable
from parts.aliases import Aliases, make_function
from parts.between import Between, Forward, Reply
from parts.databases import Databases
from parts.s3 import S3Server
from tidegate.clock import SystemClock
from tidegate.domain.ids import DeploymentId, RandomIds
from tidegate.domain.notices import NoticeSettings
from tidegate.domain.region import DEFAULT_REGION
from tidegate.drivers.traffic.lambda_ import LambdaTraffic
from tidegate.engine.deployments import stop_deployment
from tidegate.engine.sweep import sweep
from tidegate.messages import CARRY_OUT
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.unit_of_work import Store
from tidegate.testing.fake_broker import FakeBroker
from tidegate.testing.fake_worker import FakeArtifacts, FakeWorker

LEASE = timedelta(seconds=8)
PATIENCE = 120.0


class Scene:
    """A canary that is about to shift, and a worker in this process."""

    def __init__(self, url: str, folder: Path, aliases: Aliases) -> None:
        self.url, self.aliases, self.broker = url, aliases, FakeBroker()
        self._engine = connect(url)
        self.store = Store(
            self._engine,
            sender=self.broker,
            clock=SystemClock(),
            ids=RandomIds(),
            notices=NoticeSettings(),
        )
        nobody: Any = None
        self.rescuer = FakeWorker(
            "rescuer",
            store=self.store,
            broker=self.broker,
            hosts=nobody,
            artifacts=FakeArtifacts(folder),
            settings=Settings(data_dir=folder),
            traffic=LambdaTraffic(),
        )
        self.shop = functions(self, "LambdaCanary10Percent5Minutes")  # type: ignore[arg-type]

    def settle(self, *, before: Callable[[], bool] = lambda: False) -> None:
        while self.broker.queue and not before():
            self.rescuer.show_life()
            self.rescuer.perform(self.broker.queue.pop(0))

    def rescue(self, done: Callable[[], bool]) -> None:
        """Sweep and work until it is done."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < deadline
            sweep(store=self.store, lease=LEASE)
            self.settle()
            time.sleep(0.2)

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def scene(
    databases: Databases,
    tmp_path: Path,
    between: Between,
    lambda_server: S3Server,
    function_role: str,
) -> Iterator[Scene]:
    aws = boto3.client("lambda", region_name=DEFAULT_REGION, endpoint_url=lambda_server.url)
    aliases = make_function(aws, between, function_role)
    with databases.fresh("postgresql") as url:
        scene = Scene(url, tmp_path, aliases)
        yield scene
        scene.close()


@contextmanager
def frozen(scene: Scene, id_: DeploymentId) -> Iterator[subprocess.Popen[str]]:
    """Another worker process, stopped when it has seen how the alias stands before its shift."""
    stands = threading.Event()

    def stop(forward: Forward) -> Reply:
        reply = forward()
        os.kill(process.pid, signal.SIGSTOP)
        stands.set()
        return reply

    scene.aliases.between.next["GetAlias"].append(stop)
    target = f"{scene.aliases.function}:live"
    process = subprocess.Popen(
        [sys.executable, freezable.__file__, scene.url, "frozen", id_, target],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert stands.wait(PATIENCE)
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.wait(PATIENCE)
        if process.stdout:
            process.stdout.close()


def goes_on(process: subprocess.Popen[str]) -> bool:
    """Have it go on, and tell whether its chain does."""
    process.send_signal(signal.SIGCONT)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    return said.splitlines()[-1] == "goes on: True"


def begun(scene: Scene) -> DeploymentId:
    """Have a deployment be about to shift its first share."""
    id_ = scene.shop.go(lambda_appspec(scene.aliases.function))
    scene.settle(before=lambda: is_next(scene) and is_over(scene, id_, "0 look"))
    scene.broker.queue.clear()
    return id_


def is_next(scene: Scene) -> bool:
    return scene.broker.queue[0].links[0] == CARRY_OUT


def is_over(scene: Scene, id_: DeploymentId, step: str) -> bool:
    return scene.shop.kinds(id_)[step] == "Succeeded"


def test_a_worker_that_was_stopped_moves_nothing_that_another_has_moved(scene: Scene):
    id_ = begun(scene)
    with frozen(scene, id_) as process:
        scene.rescue(lambda: is_over(scene, id_, "1 shift 10"))

        went_on = goes_on(process)

    assert not went_on
    assert [update["RoutingConfig"] for update in scene.aliases.updates()] == [
        {"AdditionalVersionWeights": {"2": 0.1}}
    ]
    assert scene.shop.errand(id_).failing_since is None


def test_a_worker_that_was_stopped_moves_nothing_that_was_taken_back(scene: Scene):
    id_ = begun(scene)
    with frozen(scene, id_) as process:
        with scene.store.write() as uow:
            stop_deployment(id_, uow=uow, actor="tester", rollback=True)
        scene.rescue(lambda: rollback_is_over(scene, id_))

        went_on = goes_on(process)

    assert not went_on
    assert scene.aliases.updates() == []
    assert scene.aliases.routes() == ("1", {})


def rollback_is_over(scene: Scene, id_: DeploymentId) -> bool:
    rollback = scene.shop.deployment(id_).rollback_deployment_id
    return rollback is not None and scene.shop.deployment(rollback).status == "Succeeded"


def test_a_worker_that_was_stopped_for_a_moment_goes_on(scene: Scene):
    id_ = begun(scene)
    with frozen(scene, id_) as process:
        sweep(store=scene.store, lease=timedelta(minutes=1))

        went_on = goes_on(process)

    assert went_on
    assert scene.aliases.routes() == ("1", {"2": 0.1})
