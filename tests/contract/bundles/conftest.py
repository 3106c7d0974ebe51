"""A stand-in for S3 on loopback, and an HTTP server that serves what a test says."""

import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest

from parts.ports import free_port
from tidegate.drivers.bundles.aws import s3_client

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=log,
            stderr=log,
        ) as server,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url)
            yield url
        finally:
            server.terminate()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, "moto's server does not answer"
            time.sleep(0.1)


@pytest.fixture
def aws(s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of a process that finds S3 at the stand-in."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


_buckets = count()


@pytest.fixture
def bucket(aws: None) -> str:
    name = f"bucket-{next(_buckets)}"
    s3_client().create_bucket(Bucket=name)
    return name


class Web:
    """An HTTP server on loopback; *answers* says what lies at which path."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: list[BaseHTTPRequestHandler] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.seen.append(self)
                answer = web.answers.get(self.path.partition("?")[0], _not_found)
                answer(self)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


def _not_found(request: BaseHTTPRequestHandler) -> None:
    request.send_error(404)


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()
