"""Installs of the host runner without a run around them: one archive after another, in process."""

import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidegate.hostrunner.parts.base import Failure
from tidegate.hostrunner.parts.install import Install

NOBODY = 65534


@dataclass
class Site:
    """A host's deployment root, for installs of one group."""

    root: Path
    number: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def notes(self) -> Path:
        return self.root / "deployment-instructions" / "group"

    @property
    def list(self) -> Path:
        return self.note("-cleanup")

    @property
    def undo(self) -> Path:
        return self.note("-undo")

    @property
    def pointer(self) -> Path:
        return self.note("_last_successful_install")

    def note(self, suffix: str) -> Path:
        return self.notes.with_name(f"group{suffix}")

    @property
    def archive(self) -> Path:
        """Where the newest revision lies."""
        return self.root / "group" / f"d-{self.number}" / "deployment-archive"

    def unpack(self, files: Mapping[str, str | Path] | None = None) -> Path:
        """Begin the next deployment: *files* are texts, or where a link leads."""
        self.number += 1
        self.archive.mkdir(parents=True)
        self.notes.parent.mkdir(exist_ok=True)
        for name, content in (files or {}).items():
            path = self.archive / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                path.symlink_to(content)
            elif name.endswith("/"):
                path.mkdir()
            else:
                path.write_text(content)
        return self.archive

    def prepare(self, appspec: Mapping[str, Any], **spec: Any) -> Install:
        self.warnings = []
        runner: Any = SimpleNamespace(
            spec={"appspec": dict(appspec), "file_exists_behavior": "DISALLOW"} | spec,
            archive=str(self.archive),
            folder=str(self.archive.parent),
            notes=str(self.notes),
            warnings=self.warnings,
            run=SimpleNamespace(wish=lambda: ""),
        )
        return Install(runner)

    def install(self, appspec: Mapping[str, Any], **spec: Any) -> "list[str]":
        """Install the newest revision and return the warnings of a success."""
        return self.prepare(appspec, **spec).run()

    def recover(self, appspec: Mapping[str, Any]) -> None:
        """Do only what the next install does first with one that was killed."""
        install = self.prepare(appspec)
        try:
            install.recover()
        finally:
            install.places.close()

    def deploy(
        self,
        files: Mapping[str, str | Path],
        destination: Path,
        *,
        source: str = "/",
        behavior: str | None = None,
        **appspec: Any,
    ) -> "list[str]":
        """Unpack *files* and install them."""
        self.unpack(files)
        entry = {"source": source, "destination": str(destination)}
        return self.install(
            {"files": [entry], "file_exists_behavior": behavior, "permissions": []} | appspec
        )


def tree_of(folder: Path) -> dict[str, str]:
    """Return what is in a folder: texts of files, links with an arrow, folders as a slash."""
    return {str(path.relative_to(folder)): text_at(path) for path in sorted(folder.rglob("*"))}


def text_at(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    return "/" if path.is_dir() else path.read_text()


def refusal(site: Site, *arguments: Any, **named: Any) -> str:
    """Return the sentence with which a deployment fails."""
    with pytest.raises(Failure) as refused:
        site.deploy(*arguments, **named)
    return str(refused.value)


def is_root() -> bool:
    return os.geteuid() == 0


def as_nobody(act: Callable[[], None]) -> None:
    """Do something in a process that has nobody's rights, and fail as it does.

    Raises:
        AssertionError: It failed, with its traceback.
    """
    ear, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            act()
        except BaseException:  # noqa: BLE001 - whatever it is, the parent shall know
            os.write(mouth, traceback.format_exc().encode()[-60000:])
        finally:
            os._exit(0)
    os.close(mouth)
    with os.fdopen(ear) as file:
        said = file.read()
    os.waitpid(child, 0)
    assert not said, said
