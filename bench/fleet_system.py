"""A whole Tidegate for the bench: API, workers, beat, Redis and PostgreSQL, each for itself."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx2

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fleet_work import Hosts

from parts.ports import free_port
from parts.postgres import PostgresServer
from parts.processes import end, ending_with_us, wait_until
from parts.redis import RedisServer

APPLICATION = "bench"
GROUP = "fleet"
FINAL = ("Succeeded", "Failed", "Stopped")
ASK_EVERY = 0.1
WITHIN = 900.0
WORKER = [
    *("-m", "celery", "-A", "tidegate_workers.app", "--quiet", "worker", "-P", "threads"),
    *("-Q", "hosts,control", "--without-gossip", "--without-mingle", "--disable-prefetch"),
]


class System:
    """Its processes by name, and a client with the admin's token."""

    def __init__(
        self,
        base: Path,
        *,
        slots: int = 500,
        statements: bool = False,
        workers: Mapping[str, Sequence[str]] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Have PostgreSQL count *statements*, and start other *workers* than the one of the fleet.

        Those are what Python is started with, by their names. There may be *more* environment.
        """
        self.base = base
        self.slots = slots
        self.workers = workers or {"worker": [*WORKER, "-c", str(slots)]}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.redis = RedisServer(base / "redis")
        self.more = more or {}
        counting = {"shared_preload_libraries": "pg_stat_statements"} if statements else {}
        self.postgres = PostgresServer(durable=True, settings=counting)
        self.port = free_port()
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def __enter__(self) -> Self:
        self.start_stores()
        self.start_processes()
        self.post("/v1/applications", {"name": APPLICATION, "compute_platform": "Server"})
        return self

    def start_stores(self) -> None:
        """Start Redis, and PostgreSQL with a database that is ready."""
        self.redis.start()
        self.postgres.start()
        self.database = self.postgres.create()
        self._run([sys.executable, "-m", "tidegate_cli.prepare"])

    def start_processes(self) -> None:
        """Start all else, and wait until it is ready."""
        token = (self.base / "data" / "admin.token").read_text().strip()
        self.client.headers["Authorization"] = f"Bearer {token}"
        self._start("api", ["-m", "tidegate_api"])
        for name, arguments in self.workers.items():
            self._start(name, arguments)
        self._start("beat", ["-m", "tidegate_workers", "beat"])
        wait_until(self._is_ready, within=180, what="Tidegate is ready")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop all that was started."""
        self.client.close()
        for name in reversed(self.processes):
            end(self.processes[name], within=20)
        self.postgres.stop()
        self.redis.stop()

    @property
    def environment(self) -> dict[str, str]:
        foreign = {name for name in os.environ if name.startswith("TIDEGATE_")}
        return {
            **{name: value for name, value in os.environ.items() if name not in foreign},
            "PYTHONUNBUFFERED": "1",
            "TIDEGATE_DATA_DIR": str(self.base / "data"),
            "TIDEGATE_DATABASE_URL": self.postgres.url(self.database),
            "TIDEGATE_BROKER_URL": self.redis.url,
            "TIDEGATE_PORT": str(self.port),
            "TIDEGATE_CONCURRENCY": str(self.slots),
            **self.more,
        }

    def _run(self, command: Sequence[str]) -> None:
        (self.base / "data").mkdir(exist_ok=True)
        subprocess.run(command, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        with (self.base / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                ending_with_us([sys.executable, *arguments]),
                env=self.environment,
                cwd=self.base,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _is_ready(self) -> bool:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise SystemExit(f"{name} ended: {(self.base / f'{name}.log').read_text()}")
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def pids(self) -> dict[str, int]:
        """The pid of every process of the control side, by name."""
        started = {name: process.pid for name, process in self.processes.items()}
        return {**started, "redis": self.redis.pid, "postgresql": self.postgres.pid}

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path)
        if answer.status_code != 200:
            raise SystemExit(f"GET {path}: {answer.status_code} {answer.text}")
        return dict(answer.json())

    def post(self, path: str, body: object) -> dict[str, Any]:
        answer = self.client.post(path, json=body)
        if answer.status_code not in (200, 201):
            raise SystemExit(f"POST {path}: {answer.status_code} {answer.text}")
        return dict(answer.json())

    def register(self, hosts: Hosts) -> None:
        """Make hosts known, each with the key that it has to present."""
        for host in hosts.each:
            body = {
                "name": host.name,
                "address": host.address,
                "port": host.port,
                "user": hosts.user,
                "identity": f"file:{hosts.identity}",
                "host_key": host.host_key,
                "state_dir": str(hosts.place / "state"),
                "variables": {"PLACE": str(hosts.place / "tidegate")},
            }
            self.post("/v1/hosts", body)

    def group(self, hosts: Hosts) -> str:
        """Make these the hosts of the one group: two would fight for the same destination."""
        body = {
            "hosts": [host.name for host in hosts.each],
            "deployment_config": "CodeDeployDefault.AllAtOnce",
        }
        groups = f"/v1/applications/{APPLICATION}/deployment-groups"
        if self.client.get(f"{groups}/{GROUP}").status_code == 404:
            self.post(groups, {"name": GROUP, **body})
            return GROUP
        answer = self.client.put(f"{groups}/{GROUP}", json=body)
        if answer.status_code != 200:
            raise SystemExit(f"PUT {groups}/{GROUP}: {answer.status_code} {answer.text}")
        return GROUP

    def push(self, data: bytes) -> str:
        path = f"/v1/applications/{APPLICATION}/revisions"
        answer = self.client.post(path, content=data)
        if answer.status_code not in (200, 201):
            raise SystemExit(f"POST {path}: {answer.status_code} {answer.text}")
        return str(answer.json()["id"])

    def deploy(self, group: str, revision: str) -> tuple[str, float]:
        """Deploy, and return the id and the seconds from the request to Succeeded."""
        body = {"application": APPLICATION, "deployment_group": group, "revision": revision}
        begun = time.monotonic()
        deployment = str(self.post("/v1/deployments", body)["id"])
        while time.monotonic() - begun < WITHIN:
            shown = self.get(f"/v1/deployments/{deployment}")
            passed = time.monotonic() - begun
            if shown["status"] in FINAL:
                break
            time.sleep(ASK_EVERY)
        if shown["status"] != "Succeeded":
            raise SystemExit(f"{shown}\n{self._worst(deployment)}")
        return deployment, passed

    def _worst(self, deployment: str) -> object:
        targets = self.get(f"/v1/deployments/{deployment}/targets?limit=1000")["items"]
        return [t for t in targets if t["status"] != "Succeeded"][:2]
