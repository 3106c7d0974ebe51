"""The service on a real database: in process, and behind a real socket."""

import dataclasses
import io
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from parts.databases import Databases
from tidegate.clock import SystemClock
from tidegate.domain.access import Role
from tidegate.domain.ids import RandomIds
from tidegate.drivers.bundles import artifact_store
from tidegate.engine.store_watch import StoreWatch
from tidegate.engine.tokens import create_token
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.outbox import NoSender
from tidegate.store.unit_of_work import Store
from tidegate.testing.fake_traffic import FakeTraffic
from tidegate_api.app import create_app, furnish
from tidegate_api.feeds import Feeds
from tidegate_api.parts import Parts

APPSPEC = "version: 0.0\nos: linux\nfiles:\n  - source: /\n    destination: /srv/app\n"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBo2n1Cnm5qxLoGAOhK0rRYlFp4Hn1FZMtNHfKf5jcPA"


@dataclasses.dataclass
class Service:
    """A service under test, with a client of each role."""

    parts: Parts
    http: httpx2.Client
    tokens: dict[Role, str]
    traffic: FakeTraffic = dataclasses.field(default_factory=lambda: FakeTraffic(SystemClock()))
    """What deployments to Lambda and ECS move."""

    def ask(self, method: str, path: str, *, role: Role = Role.ADMIN, **options: Any):
        headers = {"Authorization": f"Bearer {self.tokens[role]}", **options.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any):
        return self.ask("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any):
        return self.ask("POST", path, json=body, **options)

    def upload(self, application: str, data: bytes, **options: Any):
        path = f"/v1/applications/{application}/revisions"
        return self.ask("POST", path, content=data, **options)

    def with_application(self, name: str = "shop") -> str:
        assert self.post("/v1/applications", {"name": name}).status_code == 201
        return name

    def with_host(self, name: str = "web-1", **more: Any) -> str:
        body = {"name": name, "address": "127.0.0.1", "host_key": HOST_KEY, **more}
        assert self.post("/v1/hosts", body).status_code == 201
        return name

    def with_group(self, name: str = "prod", application: str = "shop", **more: Any) -> str:
        path = f"/v1/applications/{application}/deployment-groups"
        assert self.post(path, {"name": name, **more}).status_code == 201
        return name

    def with_deployment(self, **more: Any) -> str:
        """Application, host, group and revision, and a deployment that nobody works at."""
        self.with_application()
        self.with_host()
        self.with_group(hosts=["web-1"])
        revision = self.upload("shop", bundle()).json()["id"]
        return self.deploy(revision, **more)

    def deploy(self, revision: str, **more: Any) -> str:
        body = {"application": "shop", "deployment_group": "prod", "revision": revision, **more}
        answer = self.post("/v1/deployments", body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]


def bundle(appspec: str = APPSPEC, *, page: str = "hello") -> bytes:
    """A zip with an AppSpec: the same bytes each time, as a `ZipInfo` asks no clock."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("appspec.yml"), appspec)
        archive.writestr(zipfile.ZipInfo("index.html"), page)
    return out.getvalue()


def tgz(appspec: str = APPSPEC) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo("appspec.yml")
        entry.size = len(appspec)
        archive.addfile(entry, io.BytesIO(appspec.encode()))
    return out.getvalue()


def detail_of(answer: Any, status: int) -> str:
    """The one sentence of a problem document, after a look at its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert {"type", "title", "code", "detail"} <= document.keys()
    assert document["detail"].endswith((".", ")", "?")), document["detail"]
    return document["detail"]


def make_service_parts(url: str, folder: Path, **settings: Any) -> Parts:
    chosen = Settings(
        data_dir=folder, database_url=url, broker_url=SecretStr("memory://"), **settings
    )
    store = Store(connect(url), sender=NoSender(), clock=SystemClock(), ids=RandomIds())
    artifacts = artifact_store(chosen.artifacts, reserve=chosen.disk_reserve_bytes)
    Path(chosen.artifacts).mkdir(parents=True, exist_ok=True)
    return Parts(
        settings=chosen,
        store=store,
        artifacts=artifacts,
        watch=StoreWatch(artifacts.check),
        ping_broker=lambda: None,
        feeds=Feeds(store, most_streams=chosen.max_streams),
        uploads=anyio.CapacityLimiter(4),
    )


class Applications:
    """Applications for one test after the other: to put one together takes longer than most."""

    def __init__(self) -> None:
        self._idle: list[FastAPI] = []

    @contextmanager
    def lent(self, parts: Parts) -> Iterator[FastAPI]:
        if self._idle:
            furnish(app := self._idle.pop(), parts)
        else:
            app = create_app(parts.settings, parts)
        yield app
        self._idle.append(app)


class Listening:
    """The same behind real sockets."""

    def __init__(self) -> None:
        self._idle: list[tuple[FastAPI, str]] = []
        self._started = ExitStack()

    @contextmanager
    def lent(self, parts: Parts) -> Iterator[str]:
        if self._idle:
            app, address = self._idle.pop()
            furnish(app, parts)
        else:
            app = create_app(parts.settings, parts)
            address = self._started.enter_context(listening(app))
        yield address
        self._idle.append((app, address))

    def close(self) -> None:
        self._started.close()


@contextmanager
def listening(app: FastAPI, *, port: int = 0) -> Iterator[str]:
    """An application behind a real socket, on a free port unless one is given; its address."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", port))
    # Else each answer waits 40 ms for its acknowledgement: asyncio leaves such a socket alone.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield "http://{}:{}".format(*listener.getsockname())
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


applications, servers = Applications(), Listening()


def make_tokens(parts: Parts) -> dict[Role, str]:
    with parts.store.write() as uow:
        return {role: create_token(role.value, role, uow=uow)[1] for role in Role}


@pytest.fixture
def limits() -> dict[str, int]:
    """Limits that are small enough to be hit."""
    return {"max_body_bytes": 20_000, "max_upload_bytes": 200_000, "max_streams": 3}


@contextmanager
def in_process(url: str, folder: Path, limits: dict[str, int]) -> Iterator[Service]:
    parts = make_service_parts(url, folder, **limits)
    with (
        applications.lent(parts) as app,
        TestClient(app, raise_server_exceptions=False) as http,
    ):
        yield Service(parts, http, make_tokens(parts))
    parts.store.engine.dispose()


@pytest.fixture
def service(database_url: str, tmp_path: Path, limits: dict[str, int]) -> Iterator[Service]:
    with in_process(database_url, tmp_path / "data", limits) as service:
        yield service


@pytest.fixture
def quick(databases: Databases, tmp_path: Path, limits: dict[str, int]) -> Iterator[Service]:
    """A service on SQLite alone, for what no database has a say in."""
    with (
        databases.fresh("sqlite") as url,
        in_process(url, tmp_path / "data", limits) as service,
    ):
        yield service


@contextmanager
def serve(url: str, folder: Path, settings: dict[str, Any]) -> Iterator[Service]:
    """A service behind a socket that others had before: not for streams, which outlive tests."""
    parts = make_service_parts(url, folder, **settings)
    with (
        servers.lent(parts) as address,
        httpx2.Client(base_url=address, timeout=20) as http,
    ):
        yield Service(parts, http, make_tokens(parts))
    parts.store.engine.dispose()


@pytest.fixture(scope="session", autouse=True)
def stopped_servers() -> Iterator[None]:
    yield
    servers.close()


@pytest.fixture
def live(database_url: str, tmp_path: Path, limits: dict[str, int]) -> Iterator[Service]:
    """The same behind a socket of its own, also for streams."""
    parts = make_service_parts(database_url, tmp_path / "data", **limits)
    with (
        applications.lent(parts) as app,
        listening(app) as address,
        httpx2.Client(base_url=address, timeout=20) as http,
    ):
        yield Service(parts, http, make_tokens(parts))
        parts.feeds.close_soon()
    parts.store.engine.dispose()
