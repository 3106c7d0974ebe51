"""A real Prometheus on loopback that scrapes what a test says, once a second."""

import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from parts.ports import free_port
from parts.processes import end, ending_with_us, wait_until

UNPACKED = Path(sys.prefix) / "prometheus/usr/bin/prometheus"
HOW_TO_GET_IT = "no prometheus here: install it, or run `make test` as root, which unpacks it"
CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def program() -> str | None:
    return shutil.which("prometheus") or (str(UNPACKED) if os.access(UNPACKED, os.X_OK) else None)


class Metrics:
    """What there is to scrape: *text* in Prometheus's own format."""

    def __init__(self) -> None:
        self.text = ""
        metrics = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(metrics.text.encode())

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class PrometheusServer:
    """Serves while it is entered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.metrics = Metrics()
        self.url = ""

    def __enter__(self) -> Self:
        found = program()
        if found is None:
            self.metrics.close()
            pytest.skip(HOW_TO_GET_IT)
        config = self._folder / "prometheus.yml"
        config.write_text(CONFIG.format(port=self.metrics.port))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [
            found,
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--query.lookback-delta=5s",
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(ending_with_us(command), stdout=log, stderr=log)
        wait_until(self._is_ready, within=60, what=f"Prometheus is ready, see {self._folder}/log")
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)
        self.metrics.close()

    def show(self, text: str) -> None:
        """Have it scrape this, and wait until its queries tell so."""
        self.metrics.text = text
        wanted = dict(line.rsplit(" ", 1) for line in text.splitlines())
        wait_until(
            lambda: all(repr(self._value(one)) == repr(float(wanted[one])) for one in wanted),
            within=60,
            what=f"Prometheus tells of {text!r}",
        )

    def wait_for(self, query: str, value: float | None) -> None:
        """Wait until a query gives a value, or with None no series at all."""
        wait_until(lambda: self._value(query) == value, within=60, what=f"{query} gives {value}")

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            return httpx2.get(f"{self.url}/-/ready", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False

    def _value(self, query: str) -> float | None:
        answer: Any = httpx2.get(f"{self.url}/api/v1/query", params={"query": query}).json()
        found = answer["data"]["result"]
        return float(found[0]["value"][1]) if found else None
