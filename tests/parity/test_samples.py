"""Bundles as the public CodeDeploy samples are: they work unchanged, in folders of the system.

They install below /var, which is a folder of the test's own for the command and what it starts.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

SAMPLES = Path(__file__).parent / "samples"
TIDEGATE = Path(sys.executable).with_name("tidegate")
PRIVATE = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /var && exec "$@"']

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a /var of its own")


@dataclass
class Server:
    """A machine with a /var of its own, where some tools only write down how they were called."""

    place: Path
    python: str

    @property
    def var(self) -> Path:
        return self.place / "var"

    def calls(self) -> list[str]:
        ledger = self.place / "ledger"
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        ledger.unlink(missing_ok=True)
        return lines

    def stand_in(self, *names: str) -> None:
        for name in names:
            path = self.place / "tools" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f'#!/bin/sh\necho {name} "$@" >>{self.place}/ledger\n')
            path.chmod(0o755)

    def deploy(self, sample: str, kind: str) -> dict[str, Any]:
        words = [TIDEGATE, "local", "--json", "-l", self.bundle(sample, kind), "-t", kind]
        words += ["--root", self.place / "root", "-g", sample, "--python", self.python]
        done = subprocess.run(
            [*PRIVATE[:4], PRIVATE[4], self.var, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={
                "PATH": f"{self.place}/tools:{os.environ['PATH']}",
                "HOME": str(self.place),
                "TMPDIR": str(self.place),
            },
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def bundle(self, sample: str, kind: str) -> Path:
        if kind == "directory":
            return SAMPLES / sample
        form = {"zip": "zip", "tgz": "gztar", "tar": "tar"}[kind]
        return Path(shutil.make_archive(str(self.place / sample), form, SAMPLES / sample))


@pytest.fixture
def server(place: Path, python: str) -> Server:
    (place / "var").mkdir()
    return Server(place, python)


def succeeded(said: dict[str, Any]) -> dict[str, Any]:
    assert said["outcome"] == "succeeded", said["diagnostics"]
    return said


@pytest.mark.parametrize("kind", ["directory", "tgz", "zip"])
def test_a_web_server_with_its_pages(server: Server, kind):
    server.stand_in("apt-get", "service", "httpd")

    succeeded(server.deploy("apache", kind))
    first = server.calls()
    succeeded(server.deploy("apache", kind))

    assert first == ["apt-get install -y apache2", "service httpd start", "httpd -t"]
    assert server.calls() == ["service httpd status", "service httpd stop", *first]
    html = server.var / "www" / "html"
    assert {path.name for path in html.iterdir()} == {"appspec.yml", "index.html", "scripts"}
    assert (html / "index.html").read_bytes() == (SAMPLES / "apache/index.html").read_bytes()


@pytest.mark.parametrize("kind", ["directory", "tgz", "zip"])
def test_an_application_that_belongs_to_a_user_and_runs_as_that_user(server: Server, kind):
    said = succeeded(server.deploy("orders", kind))

    orders = server.var / "lib" / "orders"
    modes = {
        str(path.relative_to(orders)): (path.owner(), stat.S_IMODE(path.stat().st_mode))
        for path in (orders, *orders.rglob("*"))
    }
    assert modes == {
        ".": ("daemon", 0o750),
        "queue": ("daemon", 0o750),
        "queue/README": ("daemon", 0o640),
        "queue/started-by-daemon": ("daemon", 0o644),
        "conf": ("daemon", 0o750),
        "conf/orders.conf": ("daemon", 0o640),
        "schema.sql": ("daemon", 0o640),
        "schema.applied": ("daemon", 0o640),
    }
    assert [event["noop"] for event in said["events"]] == [True, False, True, *[False] * 3, True]


@pytest.fixture
def no_ticker_left() -> Iterator[None]:
    yield
    for process in tickers():
        process.kill()


def tickers() -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "/var/opt/ticker/ticker" in (process.info["cmdline"] or [])  # a zombie has none
    ]


@pytest.mark.usefixtures("no_ticker_left")
def test_a_daemon_that_keeps_its_output_outlives_the_deployment_until_the_next(server: Server):
    begun_at = time.monotonic()
    said = succeeded(server.deploy("ticker", "tgz"))
    assert time.monotonic() - begun_at < 9, "the event waited for the daemon"
    (daemon,) = tickers()
    tick = (server.var / "opt" / "last-tick").stat().st_mtime_ns
    assert any("ticker" in warning for warning in said["warnings"]), said["warnings"]

    time.sleep(1)
    assert (server.var / "opt" / "last-tick").stat().st_mtime_ns > tick
    succeeded(server.deploy("ticker", "tgz"))

    assert not daemon.is_running() or daemon.status() == psutil.STATUS_ZOMBIE
    assert len(tickers()) == 1
