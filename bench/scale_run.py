"""One deployment to many hosts that stand nowhere: how long it takes, and what it costs."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psutil
from findings import percentiles
from fleet_gauge import Peak, cpu_of
from fleet_profile import commands
from fleet_system import APPLICATION, System
from fleet_work import bundle
from scale_control import ADVANCE, PLAN, READ, WHOLE
from scale_hosts import DRIVER, installed_in
from sqlalchemy import Engine, insert, text

from tidegate.domain.region import DEFAULT_REGION
from tidegate.store.database import connect
from tidegate.store.statements import plain_table
from tidegate.store.tables import HostRow

WORKER = ("-m", "tidegate_workers", "worker")
CONTROL = str(Path(__file__).with_name("scale_control.py"))
WARM, WARM_SECONDS = 20, 1.0
TENTH = "Bench.TenPercent"
CONFIGS = {"AllAtOnce": "CodeDeployDefault.AllAtOnce", "10 %": TENTH}
LOOK_EVERY = 2.0
COUNTED = """
SELECT coalesce(sum(calls), 0), coalesce(sum(total_exec_time), 0) FROM pg_stat_statements
WHERE query !~ 'pg_stat_statements|of the bench|^(BEGIN|COMMIT|ROLLBACK)'
"""
IN_FLIGHT = "SELECT count(*) /* of the bench */ FROM targets WHERE lease_owner IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Gauge:
    """Everything that is counted, at one moment."""

    at: float
    cpu: Mapping[str, float]
    busy: float
    """Seconds of processor time of the whole machine."""
    statements: float
    milliseconds: float
    commands: Counter[str]


@dataclass(frozen=True, slots=True)
class Run:
    """What one deployment took; all but seconds, memory and percentiles is per target."""

    hosts: int
    config: str
    answer: float
    """Seconds that each host takes."""
    seconds: float
    in_flight: int
    """The most targets that workers held at once."""
    cpu: Mapping[str, float]
    """Milliseconds of processor time, by process."""
    memory: Mapping[str, int]
    """Bytes at the highest (PSS), by process."""
    statements: float
    milliseconds: float
    """In PostgreSQL; waiting for locks counts."""
    messages: float
    commands: float
    """To Redis."""
    advances: int
    advance: Sequence[float]
    """Milliseconds of an advance's transaction, from when it has the deployment's row until it has
    committed: the percentiles 0 to 100."""
    whole: Sequence[float]
    """The same with waiting for the row, which those who report on hosts have in turn."""
    plan: Sequence[float]
    """The same of the planner alone."""
    read: float
    """Milliseconds in which all hosts are looked through, once and without a lock."""
    others: float
    """Cores that were busy with what is none of ours."""


class Lab:
    """A system with two workers for hosts and one for decisions."""

    def __init__(self, folder: Path, slots: int) -> None:
        self.folder = folder
        self.durations = folder / "durations.txt"
        (folder / "system").mkdir()
        hosts = [*WORKER, "--queue", "hosts", "--queue", "traffic"]
        self.system = System(
            folder / "system",
            slots=slots,
            statements=True,
            workers={
                "control": [CONTROL, str(self.durations), "worker", "--queue", "control"],
                "hosts-1": hosts,
                "hosts-2": hosts,
            },
            more={"PYTHONPATH": installed_in(folder / "standin")},
        )

    def __enter__(self) -> Self:
        self.system.start_stores()
        self.engine = connect(self.system.postgres.url(self.system.database))
        with self.engine.begin() as connection:
            connection.execute(text("CREATE EXTENSION pg_stat_statements"))
        self.system.start_processes()
        self.system.post("/v1/applications", {"name": APPLICATION, "compute_platform": "Server"})
        healthy = {"type": "FLEET_PERCENT", "value": 90}
        config = {"name": TENTH, "minimum_healthy_hosts": healthy}
        self.system.post("/v1/deployment-configs", config)
        self.revision = self.system.push(bundle("scale", self.folder))
        self.deploy(WARM, "AllAtOnce", WARM_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()
        self.system.stop()

    def deploy(self, count: int, config: str, answer: float) -> tuple[str, float]:
        """Deploy to hosts that there were not before."""
        fleet = f"{count}-{config}"
        add_hosts(self.engine, fleet, count, answer)
        group = {
            "name": fleet.replace(" ", "").replace("%", "percent"),
            "tag_filters": [[{"key": "fleet", "value": fleet}]],
            "deployment_config": CONFIGS[config],
        }
        path = f"/v1/applications/{APPLICATION}/deployment-groups"
        name = str(self.system.post(path, group)["name"])
        return self.system.deploy(name, self.revision)

    def run(
        self, count: int, config: str, answer: float, watch: AbstractContextManager[Any]
    ) -> Run:
        with self.engine.begin() as connection:
            connection.execute(text("SELECT pg_stat_statements_reset()"))
        self.durations.write_text("")
        with ExitStack() as opened:
            opened.enter_context(watch)
            peaks = {
                name: opened.enter_context(Peak([pid])) for name, pid in self.system.pids().items()
            }
            flights = opened.enter_context(Flights(self.engine))
            before = self._gauge()
            _, seconds = self.deploy(count, config, answer)
            after = self._gauge()
        cpu = {name: 1000 * (after.cpu[name] - before.cpu[name]) / count for name in before.cpu}
        sent = after.commands - before.commands
        durations = self._durations()
        return Run(
            hosts=count,
            config=config,
            answer=answer,
            seconds=seconds,
            in_flight=flights.most,
            cpu=cpu,
            memory={name: peak.bytes for name, peak in peaks.items()},
            statements=(after.statements - before.statements) / count,
            milliseconds=(after.milliseconds - before.milliseconds) / count,
            messages=sent["lpush"] / count,
            commands=sent.total() / count,
            advances=len(durations[ADVANCE]),
            advance=percentiles(durations[ADVANCE]),
            whole=percentiles(durations[WHOLE]),
            plan=percentiles(durations[PLAN]),
            read=max(durations[READ], default=0.0),
            others=max(0.0, after.busy - before.busy - sum(cpu.values()) * count / 1000)
            / (after.at - before.at),
        )

    def _gauge(self) -> Gauge:
        with self.engine.connect() as connection:
            calls, milliseconds = connection.execute(text(COUNTED)).one()
        times = psutil.cpu_times()
        return Gauge(
            at=time.time(),
            cpu={name: cpu_of(pid) for name, pid in self.system.pids().items()},
            busy=times.user + times.nice + times.system,
            statements=float(calls),
            milliseconds=float(milliseconds),
            commands=commands(self.system),
        )

    def _durations(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {what: [] for what in (ADVANCE, WHOLE, READ, PLAN)}
        for line in self.durations.read_text().splitlines():
            what, seconds = line.split()
            found[what].append(1000 * float(seconds))
        return found


class Flights:
    """Counts what workers hold while it is entered."""

    def __init__(self, engine: Any) -> None:
        self.most = 0
        self._engine = engine
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            with self._engine.connect() as connection:
                now = connection.execute(text(IN_FLIGHT)).scalar_one()
            self.most = max(self.most, now)


def add_hosts(engine: Engine, fleet: str, count: int, answer: float = 0.0) -> None:
    """Write *count* hosts with tag *fleet* that take *answer* seconds each."""
    now = datetime.now(UTC)
    rows = [
        {
            "id": f"{fleet}-{number}"[-36:],
            "region": DEFAULT_REGION,
            "name": f"{fleet}-{number:05}",
            "driver": DRIVER,
            "settings": {"seconds": answer},
            "tags": {"fleet": fleet},
            "variables": {},
            "instance_suffix": f"{number:010}",
            "registered_at": now,
            "created_at": now,
        }
        for number in range(1, count + 1)
    ]
    with engine.begin() as connection:
        connection.execute(insert(plain_table(HostRow)), rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
