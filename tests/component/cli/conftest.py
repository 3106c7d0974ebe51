"""A service behind a real socket, whose hosts act by a script: everything but SSH and Celery."""

import contextlib
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from structlog.testing import capture_logs

from component.api.conftest import applications, listening
from parts.ports import free_port
from tidegate.clock import SystemClock
from tidegate.domain.access import Role
from tidegate.domain.ids import DeploymentId, RandomIds, TargetId
from tidegate.drivers.bundles import artifact_store
from tidegate.drivers.hosts import Fact, Finished, HostAddress, HostRun, LogPiece, Wish
from tidegate.engine.advance import advance_deployment
from tidegate.engine.host_runs import HostRuns
from tidegate.engine.step_runs import StepRuns
from tidegate.engine.store_watch import StoreWatch
from tidegate.engine.sweep import sweep
from tidegate.engine.targets import complete_target
from tidegate.engine.tokens import create_token
from tidegate.messages import ADVANCE, CARRY_OUT, COMPLETE, COMPLETE_STEP, RUN_HOOKS
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.health import WORKER_KINDS
from tidegate.store.migrate import upgrade
from tidegate.store.outbox import Message
from tidegate.store.together import Alone
from tidegate.store.unit_of_work import Store
from tidegate.testing.fake_traffic import FakeHooks, FakeTraffic
from tidegate_api.feeds import Feeds
from tidegate_api.parts import Parts
from tidegate_cli.main import run

TIDEGATE = Path(sys.executable).with_name("tidegate")
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBo2n1Cnm5qxLoGAOhK0rRYlFp4Hn1FZMtNHfKf5jcPA"


MINUTE = timedelta(seconds=1)
"""So long a minute of traffic configs and waits lasts."""


class Outcome(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class ScriptedHosts:
    """Runs every event in *pace* seconds; those in *failing* (host, event) fail."""

    def __init__(self) -> None:
        self.pace = 0.0
        self.failing: set[tuple[str, str]] = set()

    def follow(self, address: HostAddress, run: HostRun, *, seen: Any, report: Any) -> Finished:
        failed, wish = False, Wish.GO_ON
        for offset, name in enumerate(run.spec["events"], start=1):  # type: ignore[arg-type]
            over = failed or wish is not Wish.GO_ON
            if not over:
                report([self._fact(offset, name, "InProgress")])
                time.sleep(self.pace)
                failed = (address.name, name) in self.failing
                report([LogPiece(name, 0, f"[stdout]{name} on {address.name}\n".encode())])
            status = "Skipped" if over else "Failed" if failed else "Succeeded"
            wish = report([self._fact(offset, name, status)])
        return Finished()

    def _fact(self, offset: int, name: str, status: str) -> Fact:
        body: dict[str, object] = {"fact": "event", "name": name, "status": status}
        body["at"] = time.time()
        if status == "Failed":
            body |= {"exit_code": 1, "error_code": "ScriptFailed", "script": "check.sh"}
            body["message"] = "Script at check.sh failed with exit code 1."
        return Fact(offset, body)

    def close(self) -> None:
        """Nothing is held."""


class Worker:
    """Takes messages as Celery would, and does what its tasks do."""

    def __init__(self, system: "System") -> None:
        self._system = system
        self._pool = ThreadPoolExecutor(16)

    def send_all(self, messages: Sequence[Message]) -> Sequence[str]:
        for message in messages:
            self._pool.submit(self._work, message)
        return [message.id for message in messages]

    def _work(self, message: Message) -> None:
        id_ = DeploymentId(message.arguments["deployment_id"])
        target = TargetId(message.arguments.get("target", ""))
        for link in message.links:
            if link == ADVANCE:
                advance_deployment(id_, store=self._system.store)
            elif link == RUN_HOOKS:
                self._system.runs.run(id_, target)
            elif link == COMPLETE:
                with self._system.store.write() as uow:
                    complete_target(id_, target, uow=uow)
            elif link == CARRY_OUT:
                with self._system.store.write() as uow:
                    uow.heartbeats.beat("test", WORKER_KINDS["traffic"], uow.now())
                if not self._system.steps.run(id_, target):
                    return
            elif link == COMPLETE_STEP:
                advance_deployment(id_, store=self._system.store)

    def close(self) -> None:
        self._pool.shutdown(wait=True)


class System:
    """The whole, with its API on a port that stays the same over restarts."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder)
        folder.mkdir()
        upgrade(self.settings.database)
        self.hosts = ScriptedHosts()
        self.port = free_port()
        self._worker = Worker(self)
        self.store = Store(
            connect(self.settings.database),
            sender=self._worker,
            clock=SystemClock(),
            ids=RandomIds(),
            minute=MINUTE,
        )
        self.traffic = FakeTraffic(self.store.clock)
        self.steps = StepRuns(
            store=self.store,
            driver=lambda _: self.traffic,
            call_hook=FakeHooks(),
            attending=lambda _: contextlib.nullcontext(),
            is_leaving=lambda: False,
            owner="test",
        )
        self._artifacts = artifact_store(self.settings.artifacts, reserve=0)
        self.runs = HostRuns(
            store=self.store,
            together=Alone(self.store),
            driver=lambda _name: self.hosts,
            artifacts=self._artifacts,
            settings=self.settings,
            owner="test",
        )
        with self.store.write() as uow:
            self.tokens: dict[str, str] = {
                role: create_token(role, role, uow=uow)[1] for role in Role
            }
        self.start_api()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, role: str = Role.ADMIN) -> dict[str, str]:
        return {
            "TIDEGATE_URL": self.url,
            "TIDEGATE_TOKEN": self.tokens[role],
            "TIDEGATE_DATA_DIR": str(self.settings.data_dir),
        }

    def cli(self, *arguments: str, role: str = Role.ADMIN) -> Outcome:
        """Run a command in this process: a process for each would be most of the time."""
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            for name, value in self.environment(role).items():
                patch.setenv(name, value)
            code = run(arguments)
        return Outcome(int(code), out.getvalue(), err.getvalue())

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command and leave it running; it ends with the block."""
        with subprocess.Popen(
            [TIDEGATE, *arguments],
            env={**os.environ, **self.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextlib.contextmanager
    def sweeping(self) -> Iterator[None]:
        """Have what is due looked at while the block lasts, as beat does."""
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(0.1):
                sweep(store=self.store, lease=timedelta(seconds=30))

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(timeout=10)

    def start_api(self) -> None:
        self._feeds = Feeds(self.store, most_streams=5)
        parts = Parts(
            settings=self.settings,
            store=self.store,
            artifacts=self._artifacts,
            watch=StoreWatch(self._artifacts.check),
            ping_broker=lambda: None,
            feeds=self._feeds,
            uploads=anyio.CapacityLimiter(4),
        )
        self._api = contextlib.ExitStack()
        app = self._api.enter_context(applications.lent(parts))
        self._api.enter_context(listening(app, port=self.port))

    def stop_api(self) -> None:
        self._feeds.close_soon()
        self._api.close()

    def close(self) -> None:
        self.stop_api()
        self._worker.close()
        self.store.engine.dispose()

    def with_group(self, *hosts: str, config: str = "OneAtATime", rollback: str = "none") -> None:
        """Hosts, an application and a group of all of them."""
        for name in hosts:
            self.must(
                "host",
                "add",
                name,
                "--ssh",
                "root@127.0.0.1",
                "--host-key",
                HOST_KEY,
                "--identity",
                "agent",
                "--tag",
                "env=prod",
            )
        self.must("app", "create", "shop", "--platform", "Server")
        self.must(
            "group",
            "create",
            "shop",
            "prod",
            "--tag",
            "env=prod",
            "--config",
            f"CodeDeployDefault.{config}",
            "--rollback-on",
            rollback,
        )

    def must(self, *arguments: str) -> str:
        done = self.cli(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    # What the service logs would stand in what a command prints.
    with capture_logs():
        system = System(tmp_path / "data")
        yield system
        system.close()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "appspec.yml").write_text(
        "version: 0.0\nos: linux\nfiles:\n  - source: /\n    destination: /srv/app\n"
    )
    return folder
