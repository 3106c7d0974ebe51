"""The processes of a Tidegate one by one, as production runs them."""

import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final, NoReturn

import typer

from tidegate.settings import Settings
from tidegate_cli.lines import LineLog
from tidegate_cli.refusal import CannotStart, chosen_settings
from tidegate_cli.supervisor import Program, Supervisor

API: Final = (sys.executable, "-m", "tidegate_api")
WORKERS: Final = (sys.executable, "-m", "tidegate_workers")


class Queue(StrEnum):
    CONTROL = "control"
    """Decisions; short tasks."""
    HOSTS = "hosts"
    """What holds a session to a host."""
    TRAFFIC = "traffic"
    """What calls AWS."""


def worker_command(*queues: Queue) -> tuple[str, ...]:
    """Return the command of a worker; how many slots it has stands in its environment."""
    wanted = [word for queue in queues for word in ("--queue", queue.value)]
    return (*WORKERS, "worker", *wanted)


ALL_QUEUES: Final = ((Queue.CONTROL,), (Queue.HOSTS, Queue.TRAFFIC))
"""The workers that together serve all queues, each by what it serves."""


def api(
    *,
    host: Annotated[
        str | None,
        typer.Option(
            envvar="TIDEGATE_HOST", show_default="127.0.0.1", help="Address to listen on."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(envvar="TIDEGATE_PORT", show_default="8080", help="Port to listen on."),
    ] = None,
) -> None:
    """Run the API alone."""
    settings = _with_broker(chosen_settings(host=host, port=port))
    _become(API, {"TIDEGATE_HOST": settings.host, "TIDEGATE_PORT": str(settings.port)})


def worker(
    *,
    queue: Annotated[
        Queue | None,
        typer.Option(help="Serve this queue only.", show_default="all, in two processes"),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            show_default="500 for hosts, 32 for traffic, 8 for control",
            help="Slots: sessions at once for hosts (and if all are served), else threads.",
        ),
    ] = None,
) -> None:
    """Run a worker alone: for all queues, or for one."""
    match queue:
        case Queue.CONTROL:
            settings = chosen_settings(control_concurrency=concurrency)
        case Queue.TRAFFIC:
            settings = chosen_settings(traffic_concurrency=concurrency)
        case Queue.HOSTS | None:
            settings = chosen_settings(concurrency=concurrency)
    _with_broker(settings)
    slots = {
        "TIDEGATE_CONCURRENCY": str(settings.concurrency),
        "TIDEGATE_CONTROL_CONCURRENCY": str(settings.control_concurrency),
        "TIDEGATE_TRAFFIC_CONCURRENCY": str(settings.traffic_concurrency),
    }
    if queue is not None:
        _become(worker_command(queue), slots)
    _run_all_queues(slots)


def beat() -> None:
    """Run the beat alone: it wakes up what is due, every second."""
    _with_broker(chosen_settings())
    _become((*WORKERS, "beat"), {})


def flower(
    *,
    host: Annotated[
        str | None,
        typer.Option(
            envvar="TIDEGATE_FLOWER_HOST", show_default="127.0.0.1", help="Address to listen on."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(envvar="TIDEGATE_FLOWER_PORT", show_default="5555", help="Port to listen on."),
    ] = None,
) -> None:
    """Run Flower alone, behind TIDEGATE_FLOWER_USER and TIDEGATE_FLOWER_PASSWORD."""
    settings = _with_broker(chosen_settings(flower_host=host, flower_port=port))
    if not settings.flower_password.get_secret_value():
        raise CannotStart("Flower is not shown to everybody: set TIDEGATE_FLOWER_PASSWORD.")
    _become(
        (*WORKERS, "flower"),
        {
            "TIDEGATE_FLOWER_HOST": settings.flower_host,
            "TIDEGATE_FLOWER_PORT": str(settings.flower_port),
        },
    )


def migrate() -> None:
    """Bring the database to the schema of this version; a newer one may stay."""
    # With SQLAlchemy and Alembic in its tow, which no other command here needs.
    from tidegate_cli.prepare import migrate_database  # noqa: PLC0415

    migrate_database(chosen_settings())
    typer.echo("The database has a schema that this version works with.")


def _with_broker(settings: Settings) -> Settings:
    if not settings.broker_url.get_secret_value():
        raise CannotStart(
            "There is no broker: set TIDEGATE_BROKER_URL,"
            " or start a whole system, Redis included, with `tidegate up`."
        )
    return settings


def _become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    os.execve(command[0], list(command), {**os.environ, **environment})  # noqa: S606  # no shell


def _run_all_queues(slots: Mapping[str, str]) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **slots}
    with Supervisor(LineLog(sys.stdout)) as supervisor:
        for queues in ALL_QUEUES:
            command = worker_command(*queues)
            name = f"worker-{queues[0]}"
            supervisor.start(Program(name=name, command=command, environment=environment))
        supervisor.run()
