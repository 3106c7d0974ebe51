"""A machine on which `tidegate local` is called: a folder of its own, and what was left there."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from parity import zygote
from parity.bundles import Files, Kind, pack
from tidegate.domain.lifecycle import HOST_EVENTS

GROUP = "default-local-deployment-group"
NOBODY = 65534


class Commands:
    """Runs commands that were imported once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, zygote.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )

    def run(self, **order: object) -> int:
        """Run one command to its end, and return its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@dataclass(frozen=True)
class Done:
    """What a command said, and where it left its deployment."""

    code: int
    said: dict[str, Any]
    stderr: str
    folder: Path

    @property
    def failed_event(self) -> str | None:
        return self.said["failed_event"]

    @property
    def diagnostics(self) -> dict[str, str]:
        assert self.said["diagnostics"] is not None, "it succeeded"
        return self.said["diagnostics"]

    @property
    def message(self) -> str:
        return self.diagnostics["message"]

    @property
    def warnings(self) -> list[str]:
        return self.said["warnings"]

    def statuses(self) -> list[str]:
        return [event["status"] for event in self.said["events"]]

    def noops(self) -> list[str]:
        return [event["event"] for event in self.said["events"] if event["noop"]]

    @property
    def archive(self) -> Path:
        return self.folder / "deployment-archive"

    @property
    def scripts_log(self) -> str:
        path = self.folder / "logs" / "scripts.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def succeeded(self) -> Self:
        """Insist on it."""
        assert self.said["outcome"] == "succeeded", self.said["diagnostics"]
        assert (self.code, self.failed_event, self.said["diagnostics"]) == (0, None, None)
        return self

    def failed(self, event: str, *words: str, code: str = "UnknownError", script: str = "") -> Self:
        """Insist that it failed there, with a message that has these words."""
        assert self.said["outcome"] == "failed"
        assert self.code == 1
        assert self.failed_event == event, self.diagnostics
        found = (self.diagnostics["error_code"], self.diagnostics["script_name"])
        assert found == (code, script), self.diagnostics
        for word in words:
            assert word.lower() in self.message.lower(), self.message
        if not script:
            assert self.diagnostics["log"] == ""
        return self


@dataclass
class Machine:
    """One folder for everything that a test's commands read and write."""

    place: Path
    commands: Commands
    python: str
    uid: int | None = None
    """Whom commands become; none to stay who the tests are."""
    count: int = 0
    env: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.place / "root"

    @property
    def user_id(self) -> int:
        return os.geteuid() if self.uid is None else self.uid

    def path(self, name: str) -> Path:
        return self.place / name

    def give(self, path: Path) -> Path:
        """Let the commands' user own a path and all that is below it."""
        if self.uid is not None:
            for each in [path, *path.rglob("*")]:
                os.chown(each, self.uid, self.uid, follow_symlinks=False)
        return path

    def folder(self, name: str, files: Mapping[str, str] | None = None) -> Path:
        """Make a folder of the commands' user, with files in it."""
        path = self.path(name)
        path.mkdir(parents=True, exist_ok=True)
        for file, text in (files or {}).items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            (path / file).write_text(text)
        self.give(self.place / path.relative_to(self.place).parts[0] if name else path)
        return path

    def here(self, text: str) -> str:
        """Put this machine's folder where the text says @."""
        return text.replace("@", str(self.place))

    def bundle(self, files: Files, kind: Kind = "directory") -> Path:
        """Make a bundle; an @ in its AppSpec stands for this machine's folder."""
        self.count += 1
        ending = "" if kind == "directory" else f".{kind}"
        mended = {
            name: self.here(each) if isinstance(each, str) else each for name, each in files.items()
        }
        return self.give(pack(mended, kind, self.path(f"bundle-{self.count}{ending}")))

    def deploy(
        self,
        files: Files | Path | str | None,
        *,
        kind: Kind = "directory",
        events: Sequence[str] | None = HOST_EVENTS,
        options: Sequence[str] = (),
        **named: object,
    ) -> Done:
        """Call `tidegate local --json`; *named* are its options, None leaves one away."""
        location = self.bundle(files, kind) if isinstance(files, Mapping) else files
        self.count += 1
        group = str(named.get("deployment_group_id", GROUP))
        defaults = {
            "bundle_location": location,
            "type": kind,
            "events": events and ",".join(events),
            "root": self.root,
            "deployment_id": f"d-{self.count:09}",
            "python": self.python,
        }
        given = {**defaults, **named}
        args = ["local", "--json", *options]
        for name, value in given.items():
            if value is not None:
                args += [f"--{name.replace('_', '-')}", str(value)]
        folder = self.root / group / str(given["deployment_id"]).rpartition("/")[2]
        return self.call(args, folder)

    def call(
        self, args: Sequence[str], folder: Path, *, cwd: Path | None = None, umask: int = 0o022
    ) -> Done:
        """Run a command, and read the object that it prints last."""
        out, err = (self.path(f"{name}-{self.count}") for name in ("stdout", "stderr"))
        code = self.commands.run(
            args=args,
            cwd=str(cwd or self.place),
            umask=umask,
            uid=self.uid,
            env=self.environment(),
            stdout=str(out),
            stderr=str(err),
        )
        stderr = err.read_text(errors="replace")
        lines = out.read_text().splitlines()
        assert len(lines) == 1, (code, lines, stderr)
        return Done(code, json.loads(lines[0]), stderr, folder)

    def environment(self) -> dict[str, str]:
        own = {"HOME": str(self.place), "TMPDIR": str(self.path("tmp")), "LANG": "C.UTF-8"}
        return {"PATH": os.environ["PATH"], **own, **self.env}
