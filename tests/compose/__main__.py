"""`make test-compose`: the stack of deploy/ on a real engine, and what may befall it."""

import json
import shutil
import ssl
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2

from compose.engine import Engine
from compose.fleet import Fleet
from compose.stack import HEALTHY_WITHIN, Stack
from compose.steps import step
from parts.processes import wait_until

PARTS = (
    *("worker-hosts", "worker-control", "worker-traffic", "beat"),
    *("api", "redis", "postgres", "flower"),
)
PATIENCE: Final[dict[str, Any]] = {"within": 120, "what": "Prometheus has scraped the API"}
AWAY = 20
"""Seconds for which PostgreSQL is stopped."""


def main(chapters: Sequence[str]) -> int:
    """Try all, or the chapters that are named: `stack`, `faces`, `rabbitmq`."""
    folder = Path(tempfile.mkdtemp(prefix="tide-compose-", dir="/tmp"))
    try:
        with Engine() as engine:
            with step("images are built, from Debian's packages and deploy/Dockerfile") as notes:
                notes.append(f"tidegate has {engine.build()}")
            stack = Stack(engine, folder)
            stack.prepare()
            # What a run that was killed has left.
            stack.down()
            try:
                for chapter in chapters or CHAPTERS:
                    stack.overrides = ()
                    CHAPTERS[chapter](stack)
                    with step("compose down -v"):
                        stack.down()
            except BaseException:
                sys.stdout.write(stack.compose("ps", "-a") + "\n")
                logs = stack.compose("logs", "--no-color", "--tail", "40")
                sys.stdout.write(logs[-20000:] + "\n")
                raise
            finally:
                stack.down()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def with_redis(stack: Stack) -> None:
    fleet = begin(stack, Fleet(stack))
    for part in PARTS:
        kill(stack, fleet, part)
    stop_postgres(stack, fleet)
    wipe_redis(stack, fleet)
    scale(stack, fleet)
    restore(stack, fleet)
    with step("all ledgers") as notes:
        notes.append(fleet.check())


def begin(stack: Stack, fleet: Fleet) -> Fleet:
    with step("compose up --wait") as notes:
        notes.append(stack.up())
    with step("first token, hosts, application, first deployment over SSH") as notes:
        fleet.let_in()
        fleet.furnish()
        notes.append(fleet.end(fleet.begin(held=False)))
    return fleet


def kill(stack: Stack, fleet: Fleet, part: str) -> None:
    with step(f"kill -9 of {part} in the middle of a hook") as notes:
        id_ = fleet.begin()
        stack.kill(part)
        notes.append(fleet.end(id_))
        wait_healthy(stack, part)


def stop_postgres(stack: Stack, fleet: Fleet) -> None:
    with step(f"PostgreSQL stopped for {AWAY} s in the middle of a hook") as notes:
        id_ = fleet.begin()
        stack.compose("stop", "postgres")
        time.sleep(AWAY)
        stack.compose("start", "postgres")
        notes.append(fleet.end(id_))
        wait_healthy(stack, "postgres", "api")


def wipe_redis(stack: Stack, fleet: Fleet) -> None:
    with step("Redis replaced by an empty one in the middle of a hook") as notes:
        id_ = fleet.begin()
        stack.compose("up", "-d", "--no-deps", "--force-recreate", "redis")
        notes.append(fleet.end(id_))
        wait_healthy(stack, "redis", "worker-hosts", "worker-control", "api")


def scale(stack: Stack, fleet: Fleet) -> None:
    with step("worker-hosts: 3 in the middle of a hook, then 1 again") as notes:
        id_ = fleet.begin()
        stack.up("--no-recreate", "--scale", "worker-hosts=3")
        more = fleet.begin()
        stack.up("--no-recreate", "--scale", "worker-hosts=1")
        assert len(stack.containers("worker-hosts")) == 1
        notes.extend(fleet.end(one) for one in (id_, more))


def restore(stack: Stack, fleet: Fleet) -> None:
    folder = stack.folder / "backup"
    revision = fleet.push()
    id_ = fleet.begin()
    with step("backup in the middle of a hook") as notes:
        before = fleet.known()
        stack.script("backup.sh", str(folder))
        notes.extend(f"{one.name} {one.stat().st_size} bytes" for one in sorted(folder.iterdir()))
    with step("wipe: volumes of database and bundles are deleted"):
        ours = {one["Service"] for one in stack.containers()} - {"host"}
        stack.compose("rm", "-sf", "migrate", *sorted(ours))
        for volume in ("postgres", "artifacts", "cache"):
            stack.remove_volume(volume)
    with step("restore") as notes:
        stack.script("restore.sh", str(folder))
        assert fleet.known() == before
        notes.append(f"all {len(before)} deployments are known")
        notes.append(fleet.end(id_))
    with step("deployment of a revision that was restored") as notes:
        notes.append(fleet.end(fleet.begin(revision=revision, held=False)))


def with_faces(stack: Stack) -> None:
    stack.overrides = ("tls", "monitoring")
    with step("Caddy before two replicas of the API, and Prometheus") as notes:
        # Debian has no Grafana.
        wanted = set(stack.compose("config", "--services").split()) - {"grafana"}
        notes.append(stack.up("--scale", "api=2", *sorted(wanted)))
        stack.script("secrets.sh", "metrics")
        check_tls(stack)
        wait_until(lambda: prometheus_says(stack, 'up{job="tidegate"}') == "1", **PATIENCE)
        workers = prometheus_says(stack, "sum(tidegate_workers)")
        notes.append(f"HTTPS answers, Prometheus counts {workers} workers")
    with step("kill -9 of one replica"):
        stack.kill("api", of=2)
        check_tls(stack)
        wait_healthy(stack, "api")


def check_tls(stack: Stack) -> None:
    """See that the API answers behind a certificate of the authority that Caddy has made."""
    root = stack.compose("exec", "-T", "caddy", "cat", "/data/caddy/pki/authorities/local/root.crt")
    trust = ssl.create_default_context(cadata=root)
    url = f"https://localhost:{stack.https_port}/healthz"
    for _ in range(20):
        assert httpx2.get(url, verify=trust, timeout=30).json() == {"status": "ok"}


def prometheus_says(stack: Stack, query: str) -> str:
    """The value of the first sample, or nothing where there is none."""
    url = f"http://127.0.0.1:9090/api/v1/query?query={quote(query)}"
    told = stack.compose("exec", "-T", "prometheus", "wget", "-q", "-O", "-", url)
    samples = json.loads(told)["data"]["result"]
    return str(samples[0]["value"][1]) if samples else ""


def with_rabbitmq(stack: Stack) -> None:
    stack.overrides = ("rabbitmq",)
    fleet = Fleet(stack)
    with step("compose up --wait with RabbitMQ in place of Redis") as notes:
        notes.append(stack.up())
        assert stack.is_healthy("rabbitmq")
    with step("deployment by way of RabbitMQ, which is killed in the middle of a hook") as notes:
        fleet.let_in()
        fleet.furnish()
        id_ = fleet.begin()
        stack.kill("rabbitmq")
        notes.append(fleet.end(id_))
        wait_healthy(stack, "rabbitmq", "worker-hosts", "worker-control")


def wait_healthy(stack: Stack, *services: str) -> None:
    for service in services:
        wait_until(
            lambda name=service: stack.is_healthy(name),
            within=HEALTHY_WITHIN,
            what=f"{service} is healthy again",
        )


CHAPTERS: Final = {"stack": with_redis, "faces": with_faces, "rabbitmq": with_rabbitmq}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
