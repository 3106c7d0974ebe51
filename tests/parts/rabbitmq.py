"""A real RabbitMQ, Debian's, with its own folders, ports, cookie and port mapper."""

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, Self

import pytest
from kombu import Connection
from kombu.exceptions import KombuError

from parts.ports import free_port, is_listening
from parts.processes import end, ending_with_us, wait_until

UNPACKED: Final = Path(sys.prefix) / "rabbitmq"
HOW_TO_GET_IT: Final = "no RabbitMQ here: run `make test` as root on Debian, which unpacks it"
ADDRESS: Final = "127.0.0.1"
VHOST: Final = "tidegate"
UP_WITHIN: Final = 120
"""Seconds; it is five where nothing else runs."""
CONFIG = """\
listeners.tcp.local = {address}:{port}
default_vhost = {vhost}
default_user = tidegate
default_pass = {password}
loopback_users = none
log.file = false
log.console = true
log.console.level = warning
"""


def root() -> Path | None:
    """Where its packages lie: unpacked beside our environment, or installed."""
    for folder in (UNPACKED, Path("/")):
        if list(folder.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")):
            return folder
    return None


class RabbitServer:
    """One server on free ports of loopback; what it stores outlives a kill."""

    def __init__(self, folder: Path) -> None:
        found = root()
        if found is None:
            pytest.skip(HOW_TO_GET_IT)
        self.folder = folder
        self.password = secrets.token_urlsafe(12)
        self.port = self._mapper_port = self._node_port = 0
        self._server = next(found.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*"))
        unpacked = found / "usr/lib/erlang"
        self._erlang = unpacked if unpacked.is_dir() else Path("/usr/lib/erlang")
        self._mapper: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://tidegate:{self.password}@{ADDRESS}:{self.port}/{VHOST}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "RabbitMQ is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start, on the same ports as before if it ran before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for _ in range(5):
            self.port = self.port or free_port()
            self._node_port = self._node_port or free_port()
            self._launch()
            wait_until(
                lambda: self._answers() or self._has_ended(),
                within=UP_WITHIN,
                what=f"RabbitMQ is up, see {self.folder}/log",
            )
            if not self._has_ended():
                return self
            self.port = self._node_port = 0  # somebody took one of them first: others
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None
        if self._mapper is not None:
            end(self._mapper)
            self._mapper = None

    def kill(self) -> None:
        """End it with no time to write anything down."""
        assert self._process is not None, "RabbitMQ is not running"
        self._process.kill()
        self._process.wait()
        self._process = None

    def lose_all(self) -> None:
        """Kill it, and start one that knows nothing of what there was."""
        self.kill()
        shutil.rmtree(self.folder / "mnesia")
        self.start()

    def purge(self, *queues: str) -> None:
        """Have it forget what waits in *queues*."""
        with Connection(self.url) as connection, connection.channel() as channel:
            for queue in queues:
                channel.queue_purge(queue)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self) -> None:
        with (self.folder / "log").open("ab") as log:
            if self._mapper is None:
                # RabbitMQ would start one for all of this machine, which outlives everybody.
                self._mapper_port = free_port()
                mapper = [next(self._erlang.glob("erts-*/bin/epmd")), "-port", self._mapper_port]
                self._mapper = subprocess.Popen(
                    ending_with_us([*map(str, mapper), "-address", ADDRESS]), stdout=log, stderr=log
                )
            self._process = subprocess.Popen(
                ending_with_us([str(self._server / "sbin/rabbitmq-server"), "-noinput"]),
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        config, plugins = folder / "rabbitmq.conf", folder / "plugins"
        config.touch(mode=0o600)
        config.write_text(
            CONFIG.format(address=ADDRESS, port=self.port, vhost=VHOST, password=self.password)
        )
        plugins.write_text("[].\n")
        return {
            "PATH": f"{self._erlang / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),  # of the cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": ADDRESS,
            "RABBITMQ_NODENAME": f"tide{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_LOG_BASE": str(folder),
            # It becomes the Erlang machine then instead of waiting for one: a signal meets it.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 1 -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    def _answers(self) -> bool:
        if not is_listening(ADDRESS, self.port):
            return False
        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1, interval_start=0)
        except (KombuError, OSError):
            return False
        return True

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None
