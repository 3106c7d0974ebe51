"""A whole Tidegate as its users start it: `tidegate up`, on a data directory of its own."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx2
import psutil
import redis

from parts.ports import free_port
from parts.processes import (
    end,
    ending_with_us,
    is_alive,
    kill_all,
    living_with,
    wait_until,
)
from parts.rabbitmq import RabbitServer

TIDEGATE = Path(sys.executable).with_name("tidegate")
READY = "Tidegate is ready"
START_WITHIN = 60  # the promise is 30 s on a machine that does nothing else
STOP_WITHIN = 40
MARK = "SYSTEM_UNDER_TEST"
QUEUES = ("control", "hosts", "traffic")


class System:
    """One system. What it prints is in `log()`; nothing of it outlives `stop` or `kill_all`."""

    def __init__(
        self,
        data_dir: Path,
        *,
        database_url: str | None = None,
        workers: int = 1,
        concurrency: int = 50,
        flower: bool = False,
        environment: Mapping[str, str] | None = None,
        rabbitmq: RabbitServer | None = None,
    ) -> None:
        """Make one on *rabbitmq*, else on the Redis that it starts itself."""
        self.data_dir = data_dir
        self.workers = workers
        self.concurrency = concurrency
        self.flower = flower
        self.port = free_port()
        self.flower_port = free_port()
        self._mark = secrets.token_hex(8)
        self._environment = dict(environment or {})
        if database_url is not None:
            self._environment["TIDEGATE_DATABASE_URL"] = database_url
        self._rabbitmq = rabbitmq
        if rabbitmq is not None:
            self._environment["TIDEGATE_BROKER_URL"] = rabbitmq.url
        self._log = data_dir.with_name(f"{data_dir.name}.log")
        self._up: subprocess.Popen[bytes] | None = None
        self._client: httpx2.Client | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return (self.data_dir / "admin.token").read_text().strip()

    @property
    def client(self) -> httpx2.Client:
        """A client with the admin's token; it is closed with the system."""
        if self._client is None:
            headers = {"Authorization": f"Bearer {self.token}"}
            self._client = httpx2.Client(base_url=self.url, headers=headers, timeout=30)
        return self._client

    def start(self) -> Self:
        """Start, and return when it says that it is ready."""
        begun = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._up = subprocess.Popen(
                ending_with_us(self._command()),
                env=self._own_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(
                lambda: READY in self.log()[begun:] or self._has_ended(),
                within=START_WITHIN,
                what=f"the line {READY!r}",
            )
            assert not self._has_ended(), "`tidegate up` ended by itself"
        except AssertionError as failure:
            self.kill_all()
            message = f"{failure}\n{self.tail()}"
            raise AssertionError(message) from None
        return self

    def stop(self) -> None:
        """End it as its user does; everything has to end with it, and well."""
        self._close_client()
        if self._up is None:
            return
        self._up.send_signal(signal.SIGTERM)
        try:
            code = self._up.wait(STOP_WITHIN)
            left = [f"{process.pid} {process.name()}" for process in self.living()]
        except subprocess.TimeoutExpired:
            code, left = None, ["`tidegate up` itself"]
        finally:
            self.kill_all()
        assert code == 0, f"SIGTERM ended it with {code}\n{self.tail()}"
        assert left == [], f"left behind: {left}\n{self.tail()}"

    def kill_all(self) -> None:
        """End every process of it with SIGKILL, as a power cut does."""
        self._close_client()
        if self._up is not None:
            self._up.kill()
        kill_all(self.living())
        if self._up is not None:
            end(self._up)
            self._up = None

    def processes(self) -> dict[str, dict[str, Any]]:
        """What the supervisor says it runs, by name."""
        listed = json.loads((self.data_dir / "processes.json").read_text())
        return {process["name"]: process for process in listed}

    def living(self) -> list[psutil.Process]:
        """Every process of it that lives, whoever its parent is."""
        return living_with(MARK, self._mark)

    def kill(self, name: str) -> int:
        """Kill a process with SIGKILL, and it alone; return the pid that it had."""
        # One that was killed before waits for some seconds until it is started again.
        wait_until(lambda: name in self.processes(), within=60, what=f"{name} runs")
        process = psutil.Process(int(self.processes()[name]["pid"]))
        process.kill()
        wait_until(lambda: not is_alive(process), within=10, what=f"{name} is dead")
        return process.pid

    def wait_for_another(self, name: str, old_pid: int, *, within: float = 30) -> int:
        """Wait until the supervisor runs it again, and return the new pid."""

        def new_pid() -> int:
            pid = int(self.processes().get(name, {"pid": old_pid})["pid"])
            return pid if pid != old_pid and psutil.pid_exists(pid) else 0

        return wait_until(new_pid, within=within, what=f"{name} runs again")

    def empty_broker(self) -> None:
        """Have the broker forget all messages."""
        if self._rabbitmq is not None:
            self._rabbitmq.purge(*QUEUES)
            return
        url = (self.data_dir / "broker.url").read_text().strip()
        url = url.replace("redis+socket://", "unix://").partition("?")[0]
        with closing(redis.Redis.from_url(url)) as client:
            client.flushall()

    def kill_broker(self) -> None:
        """Kill the broker; another one comes up with what was written down."""
        if self._rabbitmq is None:
            self.kill("redis")
        else:
            self._rabbitmq.kill()
            self._rabbitmq.start()

    def lose_broker(self) -> None:
        """Kill the broker; another one comes up with nothing."""
        if self._rabbitmq is None:
            self.empty_broker()
            self.kill("redis")
        else:
            self._rabbitmq.lose_all()

    @contextmanager
    def frozen_broker(self) -> Iterator[None]:
        """The broker takes connections and answers nobody."""
        broker = self._rabbitmq.pid if self._rabbitmq else int(self.processes()["redis"]["pid"])
        os.kill(broker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(broker, signal.SIGCONT)

    def cli(
        self,
        *arguments: str,
        timeout: float = 120,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `tidegate` as the admin of this system, unless the environment says otherwise."""
        return subprocess.run(
            [TIDEGATE, *arguments],
            env={**self._admin(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def access_key(self) -> dict[str, str]:
        """Make an access key of an admin; return the variables by which AWS's clients have it."""
        asked = ("access-key", "create", "--role", "admin", "--data-dir", str(self.data_dir))
        database = {k: v for k, v in self._environment.items() if k == "TIDEGATE_DATABASE_URL"}
        made = self.cli(*asked, environment=database)
        assert made.returncode == 0, made.stderr
        return dict(line.split("=", 1) for line in made.stdout.split())

    def cli_process(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `tidegate` as `cli` does, and leave it to the caller to end it."""
        return subprocess.Popen(
            [TIDEGATE, *arguments],
            env=self._admin(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log().splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill_all()

    def _admin(self) -> dict[str, str]:
        own = {"TIDEGATE_URL": self.url, "TIDEGATE_TOKEN": self.token, "NO_COLOR": "1"}
        return {**os.environ, **own}

    def _command(self) -> list[str]:
        options = {
            "--data-dir": self.data_dir,
            "--port": self.port,
            "--flower-port": self.flower_port,
            "--workers": self.workers,
            "--concurrency": self.concurrency,
        }
        given = [str(part) for option in options.items() for part in option]
        return [str(TIDEGATE), "up", *given, *([] if self.flower else ["--no-flower"])]

    def _own_environment(self) -> dict[str, str]:
        """Ours without any setting of Tidegate, so that a test sees only what it chose."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TIDEGATE_")}
        return {**inherited, **self._environment, MARK: self._mark}

    def _has_ended(self) -> bool:
        return self._up is None or self._up.poll() is not None

    def _close_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
