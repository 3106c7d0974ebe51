"""What backup.sh copies is what restore.sh brings back, on a real PostgreSQL without containers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from architecture.tree import ROOT
from parts.databases import Databases
from parts.postgres import find_binaries

COMPOSE = f"""\
#!{sys.executable}
import os, sys
stored = os.environ["ARTIFACTS"]
match [word.replace("/var/lib/tidegate/artifacts", stored) for word in sys.argv[1:]]:
    case ["exec", "-T", "postgres", tool, *words]:
        os.execv(os.path.join(os.environ["BINARIES"], tool), [tool, *words])
    case ["exec", "-T", "api", *command]:
        os.execvp(command[0], command)
    case ["run", "--rm", "--no-deps", "-T", "--entrypoint", "tar", "migrate", *words]:
        os.execvp("tar", ["tar", *words])
    case ["stop" | "up", *_]:
        pass
    case unknown:
        sys.exit(f"What is {{unknown}}?")
"""
"""Does in this place what the containers would do in theirs."""


class Stack:
    def __init__(self, folder: Path, server: Path) -> None:
        self.artifacts = folder / "artifacts"
        self.artifacts.mkdir()
        self.backup = folder / "backup"
        self.programs = folder / "programs"
        self.programs.mkdir()
        self._server = server
        self.program("compose", COMPOSE)

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def script(self, name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "deploy" / name, self.backup],
            env={
                **os.environ,
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "TIDEGATE_COMPOSE": str(self.programs / "compose"),
                "ARTIFACTS": str(self.artifacts),
                "BINARIES": str(find_binaries()),
                "PGHOST": str(self._server),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, name: str) -> None:
        ended = self.script(name)
        assert ended.returncode == 0, ended.stderr

    def ask(self, statement: str, database: str = "tidegate") -> list[object]:
        with psycopg.connect(
            host=str(self._server), user="tidegate", dbname=database, autocommit=True
        ) as connection:
            answer = connection.execute(statement.encode())
            return [row[0] for row in answer.fetchall()] if answer.description else []


@pytest.fixture
def stack(databases: Databases, tmp_path: Path) -> Iterator[Stack]:
    server = databases.postgres
    made = Stack(tmp_path, server.folder)
    with psycopg.connect(
        host=str(server.folder), user="tide", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("CREATE ROLE tidegate SUPERUSER LOGIN")
        connection.execute("CREATE DATABASE tidegate OWNER tidegate")
        made.ask("CREATE TABLE deployments (id text PRIMARY KEY)")
        made.ask("INSERT INTO deployments VALUES ('d-1')")
        (made.artifacts / "ab").write_text("bundle")
        try:
            yield made
        finally:
            for database in ("tidegate", "tidegate_restored"):
                connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())
            connection.execute("DROP ROLE tidegate")


def tables(stack: Stack) -> list[object]:
    return stack.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")


def test_a_restore_leaves_nothing_of_what_came_later(stack: Stack):
    stack.done("backup.sh")
    stack.ask("CREATE TABLE newer (of_deployment text REFERENCES deployments)")
    stack.ask("INSERT INTO deployments VALUES ('d-2')")
    (stack.artifacts / "ab").unlink()

    stack.done("restore.sh")

    assert stack.ask("SELECT id FROM deployments") == ["d-1"]
    assert tables(stack) == ["deployments"]
    assert (stack.artifacts / "ab").read_text() == "bundle"


def test_a_dump_that_is_broken_costs_nothing(stack: Stack):
    stack.done("backup.sh")
    dump = stack.backup / "tidegate.dump"
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])

    for _ in range(2):
        assert stack.script("restore.sh").returncode != 0
        assert stack.ask("SELECT id FROM deployments") == ["d-1"]


def test_a_bundle_that_comes_meanwhile_fails_no_backup(stack: Stack):
    stack.program("tar", '#!/bin/sh\n/bin/tar "$@"; exit 1\n')

    stack.done("backup.sh")

    assert (stack.backup / "artifacts.tar").stat().st_size > 0


def test_a_backup_that_fails_leaves_the_one_before(stack: Stack):
    stack.done("backup.sh")
    before = (stack.backup / "artifacts.tar").read_bytes()
    stack.program("tar", "#!/bin/sh\nexit 2\n")

    assert stack.script("backup.sh").returncode != 0

    assert (stack.backup / "artifacts.tar").read_bytes() == before


def test_nobody_else_can_read_a_backup(stack: Stack):
    stack.done("backup.sh")

    modes = {path.stat().st_mode & 0o077 for path in (stack.backup, *stack.backup.iterdir())}
    assert modes == {0}
