"""What watches over the service itself, and the process that it is."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from component.api import worker
from component.api.conftest import Service, detail_of
from parts.databases import Databases
from parts.ports import free_port
from tidegate.clock import SystemClock
from tidegate.domain.access import Role
from tidegate.domain.ids import RandomIds
from tidegate.engine.health import WORKER_WITHIN
from tidegate.engine.tokens import create_token
from tidegate.store.database import connect
from tidegate.store.health import BEAT, WORKER_KINDS
from tidegate.store.migrate import upgrade
from tidegate.store.outbox import NoSender
from tidegate.store.unit_of_work import Store
from tidegate_api.app import create_app


def give_life(service: Service) -> None:
    with service.parts.store.write() as uow:
        for kind in (BEAT, *WORKER_KINDS.values()):
            uow.heartbeats.beat(kind, kind, uow.now())


def test_health_is_open_to_everybody(quick: Service):
    assert quick.http.get("/healthz").json() == {"status": "ok"}


def test_a_service_without_workers_is_not_ready(service: Service):
    assert "beat" in detail_of(service.http.get("/readyz"), 503)


def test_a_service_with_all_parts_is_ready(service: Service):
    give_life(service)

    assert service.http.get("/readyz").status_code == 200


def test_a_worker_without_the_store_is_named_while_another_one_has_it(service: Service):
    give_life(service)
    with service.parts.store.write() as uow:
        uow.heartbeats.beat("hosts-2", WORKER_KINDS["hosts"], uow.now(), trouble="S3 is away.")
        uow.heartbeats.beat("control-2", WORKER_KINDS["control"], uow.now(), trouble="No folder.")

    answer = service.http.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "troubles": [
            {"worker": "control-2", "reason": "No folder."},
            {"worker": "hosts-2", "reason": "S3 is away."},
        ],
    }


def test_nobody_who_reaches_the_store_is_not_ready(service: Service):
    give_life(service)
    hosts = WORKER_KINDS["hosts"]
    with service.parts.store.write() as uow:
        uow.heartbeats.beat(hosts, hosts, uow.now(), trouble="The folder is gone.")
        uow.heartbeats.beat("hosts-2", hosts, uow.now(), trouble="S3 is away.")

    answer = service.http.get("/readyz")

    assert answer.json()["code"] == "NoStore"
    assert detail_of(answer, 503) == (
        "No worker reaches the artifact store. Worker hosts-2: S3 is away. "
        f"Worker {hosts}: The folder is gone."
    )


def test_the_process_itself_says_that_it_has_no_store(quick: Service):
    give_life(quick)
    watch = SimpleNamespace(trouble=lambda: "S3 is away.")
    parts = dataclasses.replace(quick.parts, watch=watch)

    with TestClient(create_app(parts.settings, parts)) as http:
        answer = http.get("/readyz")

    assert answer.json()["troubles"] == [{"worker": "api", "reason": "S3 is away."}]


def test_a_broker_that_is_away_is_told_without_its_address(quick: Service):
    give_life(quick)
    parts = dataclasses.replace(quick.parts, ping_broker=lambda: "redis://:secret@h refused")

    with TestClient(create_app(parts.settings, parts)) as http:
        answer = http.get("/readyz")

    assert detail_of(answer, 503) == "The broker does not answer."


def test_a_database_that_is_away_is_told(quick: Service, monkeypatch: pytest.MonkeyPatch):
    def fail():
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(quick.parts.store, "read", fail)

    assert "The database does not answer" in detail_of(quick.http.get("/readyz"), 503)
    assert quick.http.get("/healthz").status_code == 200


def test_metrics_are_what_prometheus_reads(service: Service):
    id_ = service.with_deployment()
    worker.finish(service, worker.begin(service, id_))
    with service.parts.store.write() as uow:
        uow.heartbeats.beat("worker-1", WORKER_KINDS["hosts"], uow.now())
        uow.heartbeats.beat("worker-0", WORKER_KINDS["traffic"], uow.now() - WORKER_WITHIN * 2)

    answer = service.get("/metrics", role=Role.VIEWER)

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {one.name: one for one in text_string_to_metric_families(answer.text)}
    statuses = {one.labels["status"]: one.value for one in families["tidegate_deployments"].samples}
    assert statuses["Succeeded"] == 1
    hooks = {(one.name, one.labels["event"]) for one in families["tidegate_hook_seconds"].samples}
    assert ("tidegate_hook_seconds_count", "AfterInstall") in hooks
    assert {
        "tidegate_outbox_age_seconds",
        "tidegate_lease_age_seconds",
        "tidegate_notice_age_seconds",
        "tidegate_sweep_lag_seconds",
    } <= families.keys()
    workers = {one.labels["queue"]: one.value for one in families["tidegate_workers"].samples}
    assert workers == {"control": 0, "traffic": 0, "hosts": 1}
    (lag,) = families["tidegate_sweep_lag_seconds"].samples
    assert lag.value == float("inf"), "there was no sweep yet, and that is what the alert is for"
    (lost,) = families["tidegate_leases_lost"].samples
    assert (lost.name, lost.value) == ("tidegate_leases_lost_total", 0)
    notices = {tuple(one.labels.values()) for one in families["tidegate_notices"].samples}
    assert ("sns", "dropped") in notices


@pytest.fixture
def environment(databases: Databases, tmp_path: Path):
    with databases.fresh("sqlite") as url:
        yield {
            **os.environ,
            "TIDEGATE_DATA_DIR": str(tmp_path),
            "TIDEGATE_DATABASE_URL": url,
            "TIDEGATE_BROKER_URL": "memory://",
            "TIDEGATE_PORT": str(free_port()),
            "TIDEGATE_START_WAIT": "0",
        }


@contextmanager
def started(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate_api"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_the_process_serves_and_ends_at_once_though_somebody_listens(environment):
    engine = connect(environment["TIDEGATE_DATABASE_URL"])
    store = Store(engine, sender=NoSender(), clock=SystemClock(), ids=RandomIds())
    with store.write() as uow:
        _, secret = create_token("admin", Role.ADMIN, uow=uow)
    url = f"http://127.0.0.1:{environment['TIDEGATE_PORT']}"

    token = {"Authorization": f"Bearer {secret}"}
    with (
        started(environment) as process,
        httpx2.Client(base_url=url, headers=token, timeout=30) as http,
    ):
        wait_for(http)
        service = Service(None, http, {Role.ADMIN: secret})  # type: ignore[arg-type]
        id_ = service.with_deployment()
        headers = {"Accept": "text/event-stream"}
        with http.stream("GET", f"/v1/deployments/{id_}/events", headers=headers) as answer:
            lines = answer.iter_lines()
            while not next(lines).startswith("data"):
                pass
            asked = time.monotonic()
            process.send_signal(signal.SIGTERM)
            rest = list(lines)
        output, _ = process.communicate(timeout=20)

    assert time.monotonic() - asked < 9
    assert not any("event: end" in line for line in rest)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert secret not in output
    engine.dispose()


def wait_for(http: httpx2.Client) -> None:
    for _ in range(300):
        try:
            http.get("/healthz")
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("It never answered.")


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"TIDEGATE_PORT": "many"}, 2, "TIDEGATE_PORT cannot be taken"),
        ({"TIDEGATE_DATABASE_URL": "sqlite:////nowhere/at/all.db"}, 1, "database does not answer"),
        (
            {"TIDEGATE_DATABASE_URL": "nonsense"},
            2,
            "TIDEGATE_DATABASE_URL cannot be taken: it begins",
        ),
    ],
)
def test_a_process_that_cannot_serve_says_why(environment, changes, code, said):
    with started({**environment, **changes}) as process:
        output, _ = process.communicate(timeout=60)

    assert (process.returncode, said in output) == (code, True), output
    assert "Traceback" not in output


def test_a_process_on_an_old_schema_says_what_to_do(environment, tmp_path: Path):
    empty = f"sqlite:///{tmp_path / 'empty.db'}"
    with started({**environment, "TIDEGATE_DATABASE_URL": empty}) as process:
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "tidegate migrate" in output


def test_a_process_waits_at_its_start_for_the_migration_beside_it(environment, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'soon.db'}"
    waiting = {"TIDEGATE_DATABASE_URL": url, "TIDEGATE_START_WAIT": "60"}
    with started({**environment, **waiting}) as process:
        assert process.stdout is not None
        while "start_waits" not in process.stdout.readline():
            assert process.poll() is None

        upgrade(url)

        with httpx2.Client(base_url=f"http://127.0.0.1:{environment['TIDEGATE_PORT']}") as http:
            wait_for(http)
