"""`make test-compose`: the stack of deploy/ on a real engine, and what may befall it."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from compose.engine import Engine
from compose.fleet import Fleet
from compose.stack import HEALTHY_WITHIN, Stack
from compose.steps import step
from parts.processes import wait_until

PARTS = (
    *("worker-hosts", "worker-control", "worker-traffic", "beat"),
    *("api", "redis", "postgres", "flower"),
)
AWAY = 20
"""Seconds for which PostgreSQL is stopped."""


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="tide-compose-", dir="/tmp"))
    try:
        with Engine() as engine:
            with step("images are built, from Debian's packages and deploy/Dockerfile") as notes:
                notes.append(f"tidegate has {engine.build()}")
            stack = Stack(engine, folder)
            stack.prepare()
            try:
                try_all(stack)
            except BaseException:
                sys.stdout.write(stack.compose("ps", "-a") + "\n")
                logs = stack.compose("logs", "--no-color", "--tail", "40")
                sys.stdout.write(logs[-20000:] + "\n")
                raise
            finally:
                stack.compose("down", "-v", "--remove-orphans", "-t", "5")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def try_all(stack: Stack) -> None:
    fleet = begin(stack, Fleet(stack))
    for part in PARTS:
        kill(stack, fleet, part)
    stop_postgres(stack, fleet)
    wipe_redis(stack, fleet)
    scale(stack, fleet)
    restore(stack, fleet)
    with step("all ledgers") as notes:
        notes.append(fleet.check())
    with step("compose down -v"):
        stack.compose("down", "-v", "-t", "10")
    with_rabbitmq(stack)


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
    revision = fleet.push()
    with step("backup") as notes:
        before = fleet.known()
        stack.script("backup.sh", str(stack.folder / "backup"))
        made = sorted((stack.folder / "backup").iterdir())
        notes.extend(f"{one.name} {one.stat().st_size} bytes" for one in made)
    with step("wipe: volumes of database and bundles are deleted"):
        ours = [one["Service"] for one in stack.containers() if one["Service"] != "host"]
        stack.compose("rm", "-sf", "migrate", *sorted(set(ours)))
        for volume in ("postgres", "artifacts", "cache"):
            stack.remove_volume(volume)
    with step("restore") as notes:
        stack.script("restore.sh", str(stack.folder / "backup"))
        assert fleet.known() == before
        notes.append(f"all {len(before)} deployments are known")
        notes.append(fleet.end(fleet.begin(revision=revision)))


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


if __name__ == "__main__":
    sys.exit(main())
