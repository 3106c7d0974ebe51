"""Code of earlier schemas goes on with the new one, and takes turns with the new code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory

from component import two_versions
from component.two_versions import HOSTS
from parts.versions import Version, environment_of, unpack, versions_before
from tidegate.store.migrate import migration_config, oldest_code
from tidegate.store.schema import HEAD

ALL_DONE = dict.fromkeys(HOSTS, "Succeeded")
Old = Callable[..., Any]
"""`old("whole", url)`: what code of before makes of it."""


def versions() -> list[Version]:
    """The code of the schema before this one, and the oldest that this one has room for."""
    scripts = ScriptDirectory.from_config(migration_config("sqlite://"))
    found = versions_before(HEAD, floor=oldest_code(scripts, HEAD))
    return [*found[:1], *found[1:][-1:]]


@pytest.fixture(
    scope="module",
    params=versions() or [None],
    ids=lambda version: f"schema-{version.schema}" if version else "no-history",
)
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Old:
    if request.param is None:
        pytest.skip("git knows no code of an earlier schema: this is no clone, or a shallow one")
    folder = tmp_path_factory.mktemp("old")
    environment = environment_of(unpack(request.param, folder / "tree"))
    numbers = count(1)

    def run(verb: str, *words: str) -> Any:
        work = folder / str(next(numbers))
        work.mkdir()
        done = subprocess.run(
            [sys.executable, "-P", two_versions.__file__, verb, str(work), *words],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    assert run("schema") == request.param.schema
    return run


def test_the_code_of_before_does_all_its_work(old: Old, database_url: str):
    told = old("whole", database_url)

    assert told == {
        "good": "Succeeded",
        "bad": "Failed",
        "rollback": "Succeeded",
        "stopped": "Stopped",
        "lost": "Succeeded",
        "targets": ALL_DONE,
    }


def test_what_the_new_code_begins_the_code_of_before_ends(
    old: Old, database_url: str, tmp_path: Path
):
    begun = two_versions.begin(tmp_path, database_url)

    ended = old("finish", database_url, begun["id"])

    assert list(begun["targets"].values()) == ["Succeeded", "Pending", "Pending"]
    assert ended == {"status": "Succeeded", "targets": ALL_DONE}


def test_what_the_code_of_before_begins_the_new_code_ends(
    old: Old, database_url: str, tmp_path: Path
):
    begun = old("begin", database_url)

    ended = two_versions.finish(tmp_path, database_url, begun["id"])

    assert list(begun["targets"].values()) == ["Succeeded", "Pending", "Pending"]
    assert ended == {"status": "Succeeded", "targets": ALL_DONE}
