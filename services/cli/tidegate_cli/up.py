"""`tidegate up`: a whole Tidegate in the foreground, Redis and database included."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from tidegate.clock import monotonic
from tidegate.secret_files import given_to
from tidegate.settings import Settings
from tidegate_cli import ports
from tidegate_cli.asking import ask, reachable_host
from tidegate_cli.folder import DataFolder
from tidegate_cli.lines import LineLog
from tidegate_cli.redis import EmbeddedRedis
from tidegate_cli.refusal import CannotStart, chosen_settings
from tidegate_cli.services import API, WORKERS, Queue, worker_command
from tidegate_cli.supervisor import Child, Program, Supervisor, die_with_parent

READY_WITHIN: Final = 30.0
REDIS_WITHIN: Final = 20.0
_ASK_EVERY: Final = 0.25
_ASK_RARELY: Final = 2.0

# The order in which they stop: nobody is left without what it needs to end well.
_API, _BEAT, _WORKER, _FLOWER, _REDIS = range(5)


DataDir = Annotated[
    Path | None,
    typer.Option(
        envvar="TIDEGATE_DATA_DIR",
        show_default="~/.local/share/tidegate",
        help="Folder for the database, bundles, secrets; one system at a time.",
    ),
]
Host = Annotated[
    str | None,
    typer.Option(envvar="TIDEGATE_HOST", show_default="127.0.0.1", help="Address of the API."),
]
Port = Annotated[
    int | None,
    typer.Option(
        envvar="TIDEGATE_PORT",
        min=0,
        max=65535,
        show_default="8080",
        help="Port of the API; 0 takes a free one.",
    ),
]
FlowerPort = Annotated[
    int | None,
    typer.Option(
        envvar="TIDEGATE_FLOWER_PORT",
        min=0,
        max=65535,
        show_default="5555",
        help="Port of Flower; 0 takes a free one.",
    ),
]
NoFlower = Annotated[
    bool, typer.Option("--no-flower", envvar="TIDEGATE_NO_FLOWER", help="Leave Flower out.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        envvar="TIDEGATE_WORKERS",
        min=0,
        max=64,
        show_default="1",
        help="Workers that hold sessions to hosts, beside one for decisions; 0 starts neither.",
    ),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        envvar="TIDEGATE_CONCURRENCY",
        min=1,
        max=2000,
        show_default="500",
        help="Sessions that one such worker holds at once.",
    ),
]
InsecureNoAuth = Annotated[
    bool,
    typer.Option(
        "--insecure-no-auth",
        envvar="TIDEGATE_INSECURE_NO_AUTH",
        help="Let the AWS API take any signature; on loopback only.",
    ),
]


def up(
    *,
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    flower_port: FlowerPort = None,
    no_flower: NoFlower = False,
    workers: Workers = None,
    concurrency: Concurrency = None,
    insecure_no_auth: InsecureNoAuth = False,
) -> None:
    """Run a whole Tidegate here: API, workers, beat, Flower, Redis and database."""
    settings = chosen_settings(
        data_dir=data_dir,
        host=host,
        port=port,
        flower_port=flower_port,
        no_flower=no_flower or None,
        workers=workers,
        concurrency=concurrency,
        insecure_no_auth=insecure_no_auth or None,
    )
    run_system(settings, LineLog(sys.stdout))


def run_system(settings: Settings, log: LineLog) -> None:
    """Run the system until somebody asks to stop; nothing of it is left when this returns.

    Raises:
        CannotStart: Something is in the way.
    """
    folder = DataFolder(settings.data_dir).claim()
    settings = _with_ports(settings)
    try:
        with Supervisor(log, changed=lambda children: _note(folder, children)) as supervisor:
            System(settings, folder, supervisor, log).run()
            log.say("Stopping.")
    finally:
        folder.write_processes([])
    log.say("Stopped.")


class System:
    """The parts of one embedded system, and the order in which they come up."""

    def __init__(
        self, settings: Settings, folder: DataFolder, supervisor: Supervisor, log: LineLog
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._supervisor = supervisor
        self._log = log
        self._flower_password = folder.secret(
            "flower.password", given=settings.flower_password.get_secret_value()
        )
        values = {
            "PYTHONUNBUFFERED": "1",
            "TIDEGATE_DATA_DIR": str(folder.path),
            "TIDEGATE_DATABASE_URL": settings.database,
            "TIDEGATE_HOST": settings.host,
            "TIDEGATE_PORT": str(settings.port),
            "TIDEGATE_FLOWER_PORT": str(settings.flower_port),
            "TIDEGATE_CONCURRENCY": str(settings.concurrency),
            "TIDEGATE_INSECURE_NO_AUTH": str(settings.insecure_no_auth),
        }
        self._environment = given_to(os.environ, values)

    def run(self) -> None:
        """Bring all up, say when they are ready, and keep them up."""
        broker = {"TIDEGATE_BROKER_URL": self._start_broker()}
        self._environment = given_to(self._environment, broker)
        self._prepare()
        if not self._supervisor.asked_to_stop:
            for program in self._programs():
                self._supervisor.start(program)
            self._await_readiness()
        self._supervisor.run()

    def _start_broker(self) -> str:
        given = self._settings.broker_url.get_secret_value()
        if given:
            return given
        redis = EmbeddedRedis(self._folder)
        self._supervisor.start(
            Program(
                name="redis",
                command=redis.command,
                environment=os.environ,
                port=redis.port,
                stop_turn=_REDIS,
            )
        )
        answers = self._await(redis.answers, within=REDIS_WITHIN)
        if not answers and not self._supervisor.asked_to_stop:
            raise CannotStart(
                f"Redis does not answer after {REDIS_WITHIN:.0f} s; its log is above."
            )
        # For workers that run elsewhere on this machine.
        self._folder.write("broker.url", f"{redis.url}\n")
        return redis.url

    def _prepare(self) -> None:
        """Migrate the database and make the admin's token; a failure has said why itself."""
        preparing = subprocess.Popen(
            [sys.executable, "-m", "tidegate_cli.prepare"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509  # this process has one thread
        )
        self._await(lambda: preparing.poll() is not None)
        if preparing.poll() is None:
            preparing.terminate()
        if preparing.wait() and not self._supervisor.asked_to_stop:
            raise typer.Exit(1)

    def _programs(self) -> Iterator[Program]:
        def program(
            name: str, command: Sequence[str], turn: int, port: int | None = None, **extra: str
        ) -> Program:
            environment = given_to(self._environment, extra)
            return Program(
                name=name, command=command, environment=environment, port=port, stop_turn=turn
            )

        settings = self._settings
        yield program("api", API, _API, settings.port)
        if settings.workers:
            yield program("worker-control", worker_command(Queue.CONTROL), _WORKER)
        hosts = worker_command(Queue.HOSTS, Queue.TRAFFIC)
        for number in range(1, settings.workers + 1):
            yield program(f"worker-hosts-{number}", hosts, _WORKER)
        yield program("beat", (*WORKERS, "beat"), _BEAT)
        if not settings.no_flower:
            password = {"TIDEGATE_FLOWER_PASSWORD": self._flower_password}
            command = (*WORKERS, "flower")
            yield program("flower", command, _FLOWER, settings.flower_port, **password)

    def _await_readiness(self) -> None:
        if not self._await(lambda: self._missing() is None, within=READY_WITHIN):
            if not self._supervisor.asked_to_stop:
                self._log.say(f"Not ready after {READY_WITHIN:.0f} s: {self._missing()}")
            self._await(lambda: self._missing() is None, every=_ASK_RARELY)
        if self._supervisor.asked_to_stop:
            return
        self._log.print(self._ready_line())
        if self._settings.insecure_no_auth:
            self._log.say(
                "WARNING: the AWS API takes any signature (--insecure-no-auth): "
                "whoever can reach this machine's loopback is an admin there."
            )

    def _await(
        self,
        condition: Callable[[], bool],
        *,
        within: float = float("inf"),
        every: float = _ASK_EVERY,
    ) -> bool:
        """Go on until *condition* holds; False when it still does not or somebody asks to stop."""
        deadline = monotonic() + within
        while not (holds := condition()):
            if self._supervisor.asked_to_stop or monotonic() >= deadline:
                break
            self._supervisor.turn(every)
        return holds

    def _missing(self) -> str | None:
        """Return what does not answer yet, as a sentence."""
        settings = self._settings
        # With `--workers 0` they run elsewhere, and may come later than this.
        elsewhere = "" if settings.workers else "NoWorker"
        unready = ask(settings.host, settings.port, "/readyz", well_as=elsewhere)
        if unready is not None:
            return f"The API says: {unready}"
        if settings.no_flower:
            return None
        unready = ask(settings.flower_host, settings.flower_port, "/healthcheck")
        return None if unready is None else f"Flower says: {unready}"

    def _ready_line(self) -> str:
        settings = self._settings
        url = f"http://{reachable_host(settings.host)}:{settings.port}"
        line = f"Tidegate is ready: {url} (API docs {url}/docs)"
        if not settings.no_flower:
            host = reachable_host(settings.flower_host)
            line += (
                f", Flower http://{host}:{settings.flower_port} (user {settings.flower_user},"
                f" password in {self._folder.path / 'flower.password'})"
            )
        return f"{line}, admin token in {self._folder.path / 'admin.token'}"


def _with_ports(settings: Settings) -> Settings:
    port = ports.claim(settings.host, settings.port, option="--port")
    flower_port = settings.flower_port
    if not settings.no_flower:
        flower_port = ports.claim(settings.flower_host, flower_port, option="--flower-port")
        if flower_port == port:
            raise CannotStart(f"The API and Flower cannot both have port {port}.")
    return settings.model_copy(update={"port": port, "flower_port": flower_port})


def _note(folder: DataFolder, children: Sequence[Child]) -> None:
    folder.write_processes(
        [{"name": c.name, "pid": c.pid, "port": c.program.port} for c in children]
    )
