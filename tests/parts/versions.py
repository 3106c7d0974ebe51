"""Versions of this repository that git remembers, each as a tree to run code of."""

import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SCHEMA: Final = "shared/tidegate/store/schema.py"
FOLDERS: Final = ("shared", "services/api", "services/workers", "services/cli", "tests")
NO_GIT: Final = (subprocess.CalledProcessError, FileNotFoundError)
"""What comes of asking where there is no clone, no git, or no such commit."""
_HEAD: Final = re.compile(r'^HEAD: Final = "(\d{4})"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Version:
    """The last commit with a schema."""

    schema: str
    commit: str


def versions_before(schema: str, *, floor: str) -> list[Version]:
    """Return the last commits of the schemas before *schema*, down to *floor*; newest first."""
    found: dict[str, str] = {}
    for commit in _commits():
        old = schema_at(commit)
        if old is not None and floor <= old < schema:
            found.setdefault(old, commit)
    return [Version(old, found[old]) for old in sorted(found, reverse=True)]


def _commits() -> Iterator[str]:
    """Every commit that may be the last one of a schema, newest first."""
    yield "HEAD"
    try:
        changed = _git("log", "--format=%H", "--", SCHEMA).decode().split()
    except NO_GIT:
        return
    for commit in changed:
        yield commit
        yield f"{commit}^"


def schema_at(commit: str) -> str | None:
    """Return the newest migration at a commit, or None where there is no such commit or file."""
    try:
        found = _HEAD.search(_git("show", f"{commit}:{SCHEMA}").decode())
    except NO_GIT:
        return None
    return found and found[1]


def unpack(version: Version, folder: Path) -> Path:
    """Leave the tree of *version* in a folder, and return that."""
    archive = _git("archive", "--format=tar", version.commit, *FOLDERS)
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def environment_of(tree: Path) -> Mapping[str, str]:
    """Return what has Python take everything from *tree*, and not from what is installed."""
    return {"PYTHONPATH": ":".join(str(tree / folder) for folder in FOLDERS)}


def _git(*words: str) -> bytes:
    command = ["git", "-c", "safe.directory=*", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
