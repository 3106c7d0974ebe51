"""Entry of the Celery processes: `python -m tidegate_workers worker|beat|flower`."""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Final

import structlog
from celery.exceptions import SecurityWarning

from tidegate.logs import configure_logging
from tidegate.messages import CONTROL, HOSTS, TRAFFIC, is_rabbitmq
from tidegate.signs import Sign
from tidegate.store.database import connect
from tidegate.store.schema import misfit_in_time
from tidegate_workers.app import app, settings

log = structlog.get_logger(__name__)
FLOWER_SIGN: Final = Sign(settings.signs, "flower")
_COMMON: Final = ("--without-gossip", "--without-mingle")


def worker_arguments(queues: Sequence[str], concurrency: int | None) -> list[str]:
    """Return Celery's arguments for a worker of some queues; the first one names it."""
    level = f"--loglevel={settings.log_level}"
    # A session leaves Redis only when a slot is free, so that none hides in a full worker;
    # for RabbitMQ, where this says nothing, see `FewAhead`.
    special = ["--disable-prefetch"] if HOSTS in queues and not is_rabbitmq(settings) else []
    slots = concurrency or _slots(queues)
    name = f"{queues[0]}@%h-{os.getpid()}"
    pool = ["-P", "threads", "-c", str(slots), "-Q", ",".join(queues), "-n", name]
    return ["worker", *pool, level, *_COMMON, *special]


def _slots(queues: Sequence[str]) -> int:
    if HOSTS in queues:
        return settings.concurrency
    return settings.traffic_concurrency if TRAFFIC in queues else settings.control_concurrency


def beat_arguments() -> list[str]:
    """Return Celery's arguments for the beat."""
    scheduler = "tidegate_workers.schedule:NotedScheduler"
    return ["beat", "-S", scheduler, "--max-interval=1", f"--loglevel={settings.log_level}"]


def flower_arguments() -> list[str]:
    """Return the arguments of Flower, which looks and changes nothing."""
    os.environ["FLOWER_BASIC_AUTH"] = (
        f"{settings.flower_user}:{settings.flower_password.get_secret_value()}"
    )
    return [
        "flower",
        f"--address={settings.flower_host}",
        f"--port={settings.flower_port}",
        "--read_only=True",
        "--max_tasks=20000",
        "--tasks_columns=name,kwargs,state,received,runtime,worker,uuid",
        "--purge_offline_workers=3600",
        "--logging=error",
    ]


def shut_open_page() -> None:
    """Take the one page out of Flower that tells of tasks without asking who looks.

    Tidegate has metrics of its own, behind a token; what `/healthcheck` says is "OK".
    """
    # No other process has room for Flower.
    from flower.urls import handlers  # noqa: PLC0415
    from flower.views.monitor import Metrics  # noqa: PLC0415

    handlers.remove(("/metrics", Metrics))


def is_fit() -> bool:
    """Tell whether the database has a schema for this code, which may take a while to come."""
    configure_logging(settings.log_format, settings.log_level)
    engine = connect(settings.database, pool_size=1)
    try:
        found = misfit_in_time(
            engine,
            within=settings.start_wait,
            say=lambda reason: log.warning("start_waits", why=reason),
        )
    finally:
        engine.dispose()
    if found is not None:
        log.error("cannot_start", why=found.reason)
    return found is None


def _leave_sign_of_flower() -> None:
    where = settings.flower_host, settings.flower_port, "/healthcheck"
    try:
        FLOWER_SIGN.answers_at(*where)
    except OSError as error:
        log.warning("sign_not_left", why=str(error))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one process until it is asked to end."""
    parser = argparse.ArgumentParser(prog="tidegate_workers")
    kinds = parser.add_subparsers(dest="kind", required=True)
    worker = kinds.add_parser("worker")
    queues = (HOSTS, TRAFFIC, CONTROL)
    worker.add_argument("--queue", choices=queues, action="append", required=True)
    worker.add_argument("--concurrency", type=int)
    kinds.add_parser("beat")
    kinds.add_parser("flower")
    options = parser.parse_args(arguments)
    if options.kind == "flower" and not settings.flower_password.get_secret_value():
        sys.stderr.write(
            "Flower would be open to everybody; set TIDEGATE_FLOWER_PASSWORD and start again.\n"
        )
        return 1
    if options.kind != "flower" and not is_fit():
        return 1
    match options.kind:
        case "worker":
            celery = worker_arguments(options.queue, options.concurrency)
        case "beat":
            celery = beat_arguments()
        case _:
            shut_open_page()
            _leave_sign_of_flower()
            celery = flower_arguments()
    # Celery warns a superuser of pickled messages; ours are JSON and nothing else is taken.
    warnings.simplefilter("ignore", SecurityWarning)
    app.start(["--quiet", *celery])
    return 0


if __name__ == "__main__":
    sys.exit(main())
