"""A tiny controller: speaks the runner's protocol to the real command over pipes."""

import base64
import hashlib
import io
import json
import os
import select
import subprocess
import tarfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tidegate.appspec import InvalidAppSpec, parse_appspec
from tidegate.hostrunner import BOOT, COMMAND, RUNNER_SHA256, runner_source

EVENTS = (
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
)
GROUP = "5f2b8f3e-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Bundle:
    data: bytes
    type: str = "tgz"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def bundle_of(files: Mapping[str, str | bytes], modes: Mapping[str, int] | None = None) -> Bundle:
    """Pack *files* as a tgz."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            info.mode = (modes or {}).get(name, 0o644)
            info.uid, info.gid = os.geteuid(), os.getegid()
            archive.addfile(info, io.BytesIO(data))
    return Bundle(out.getvalue())


def appspec_of(
    *,
    files: Mapping[str, str] | None = None,
    hooks: Mapping[str, list[object]] | None = None,
    **more: object,
) -> dict[str, object]:
    """Build what the controller sends for an AppSpec file; a hook is a location or an entry."""
    entry = {"timeout": 3600, "runas": None, "sudo": False}
    return {
        "version": 0.0,
        "os": "linux",
        "file_exists_behavior": None,
        "files": [{"source": s, "destination": d} for s, d in (files or {}).items()],
        "permissions": [],
        "hooks": {
            event: [entry | ({"location": h} if isinstance(h, str) else h) for h in entries]
            for event, entries in (hooks or {}).items()
        },
    } | more


def appspec_or_error(text: bytes) -> Mapping[str, object]:
    """Answer as a controller does."""
    try:
        return {"appspec": parse_appspec(text).as_json()}
    except InvalidAppSpec as error:
        return {"error": error.message}


@dataclass
class Told:
    """What one session was told."""

    facts: list[dict] = field(default_factory=list)
    offset: int = 0
    logs: dict[str, bytes] = field(default_factory=lambda: defaultdict(bytes))
    pieces: list[tuple[str, int, bytes]] = field(default_factory=list)
    others: list[dict] = field(default_factory=list)

    def event(self, name: str) -> dict:
        return [f for f in self.facts if f.get("name") == name][-1]

    def statuses(self) -> dict[str, str]:
        return {f["name"]: f["status"] for f in self.facts if f["fact"] == "event"}

    @property
    def outcome(self) -> str:
        return self.facts[-1]["outcome"]

    @property
    def last(self) -> dict:
        return self.others[-1]

    def seen(self) -> dict[str, object]:
        logs = {event: len(data) for event, data in self.logs.items()}
        return {"journal": self.offset, "logs": logs}

    def needs(self) -> list[str]:
        return [m["what"] for m in self.others if m["t"] == "need"]


class Session:
    """One session with a host; leaving it open or closing it changes nothing there."""

    def __init__(self, host: "Host", header: dict, bundle: Bundle | None) -> None:
        self.told = Told()
        self.bundle = bundle
        self.read_appspec = host.read_appspec
        self.marker = header["marker"].encode()
        self.process = subprocess.Popen(
            [*host.wrapper, "sh", "-c", host.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=os.environ | host.env,
        )
        self.buffer = b""
        self.started = False
        self.send(json.dumps(header).encode() + b"\n")

    def ends(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self.process.stdin.write(view) :]
        except BrokenPipeError:
            return

    def command(self, op: str) -> None:
        self.send(json.dumps({"op": op}).encode() + b"\n")

    def read_line(self, timeout: float = 30) -> bytes | None:
        assert self.process.stdout is not None
        until = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[
                0
            ]:
                raise TimeoutError(f"nothing was said; before: {self.told}")
            data = self.process.stdout.read(1 << 16)
            if not data:
                return None
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def next(self, timeout: float = 30) -> dict | None:
        """Return the next message, none at the end, and answer what is asked for."""
        while True:
            line = self.read_line(timeout)
            if line is None:
                return None
            if self.started:
                break
            self.started = line == self.marker
        message = json.loads(line)
        self.note(message)
        return message

    def note(self, message: dict) -> None:
        match message["t"]:
            case "fact":
                self.told.facts.append(message["f"])
                self.told.offset = message["o"]
            case "log":
                data = base64.b64decode(message["b"])
                self.told.logs[message["e"]] += data
                self.told.pieces.append((message["e"], message["at"], data))
            case "need":
                self.told.others.append(message)
                if message["what"] == "runner":
                    self.send(runner_source())
                elif message["what"] == "appspec":
                    answer = self.read_appspec(base64.b64decode(message["text"]))
                    self.send(json.dumps(answer).encode() + b"\n")
                elif self.bundle is not None:
                    self.send(self.bundle.data)
            case _:
                self.told.others.append(message)

    def until(self, what, timeout: float = 30) -> dict:
        """Read until a message satisfies *what*."""
        while True:
            message = self.next(timeout)
            assert message is not None, f"the session ended early: {self.told}"
            if what(message):
                return message

    def until_running(self, event: str) -> None:
        self.until(
            lambda m: (
                m["t"] == "fact"
                and m["f"].get("name") == event
                and m["f"]["status"] == "InProgress"
            )
        )

    def to_the_end(self, timeout: float = 30) -> Told:
        while self.next(timeout) is not None:
            continue
        self.close()
        return self.told

    def close(self) -> Told:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        return self.told


@dataclass
class Host:
    """A folder that plays a host."""

    state: Path
    python: str = "python3"
    prelude: str = ""
    wrapper: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    read_appspec: Callable[[bytes], Mapping[str, object]] = appspec_or_error

    @property
    def command(self) -> str:
        command = COMMAND
        if self.python != "python3":
            command = f"exec {self.python} -I -S -E -c '{BOOT}'"
        return self.prelude + command

    def header(self, **values: object) -> dict:
        return {
            "v": 1,
            "marker": "5eaf00d",
            "runner": {"sha256": RUNNER_SHA256, "size": len(runner_source())},
            "state_dir": str(self.state),
        } | values

    def session(
        self,
        *,
        deployment: str = "d-AAAAAAAA1",
        key: str | None = None,
        appspec: Mapping[str, object] | None = None,
        bundle: Bundle | None = None,
        seen: Told | None = None,
        wish: str | None = None,
        op: str = "run",
        **spec: object,
    ) -> Session:
        told = seen or Told()
        whole = {
            "deployment_id": deployment,
            "application_name": "shop",
            "group_id": GROUP,
            "group_name": "shop-web",
            "target": "web-1",
            "creator": "user",
            "events": list(EVENTS),
            "appspec": None if "appspec_error" in spec else appspec or appspec_of(),
            "environment": {},
            "revision": {},
            "ignore_application_stop_failures": False,
            "file_exists_behavior": "DISALLOW",
            "working_directory": "/",
            "max_revisions": 5,
            "limits": {"unpacked_bytes": 1 << 32, "entries": 100000, "log_bytes": 10485760},
        } | spec
        header = self.header(
            op=op,
            wish=wish,
            key=key or f"{deployment}.{'0' * 64}",
            seen=told.seen(),
            bundle=bundle
            and {"sha256": bundle.sha256, "size": len(bundle.data), "type": bundle.type},
            spec=whole,
        )
        return Session(self, header, bundle)

    def run(self, timeout: float = 60, **values) -> Told:
        """Deploy and wait for the end."""
        return self.session(**values).to_the_end(timeout)

    def probe(self) -> dict:
        return Session(self, self.header(op="probe"), None).to_the_end().last

    def journal(self, deployment: str = "d-AAAAAAAA1") -> Path:
        return self.state / "runs" / f"{deployment}.{'0' * 64}" / "journal.jsonl"

    def runner_pid(self, deployment: str = "d-AAAAAAAA1") -> int:
        return json.loads(self.journal(deployment).read_text().splitlines()[0])["pid"]


def open_to_all(state: Path) -> None:
    """Let everybody through to a state folder: pytest's folders are their owner's alone."""
    for folder in state.parents:
        if folder.stat().st_mode & 0o011 != 0o011:
            folder.chmod(folder.stat().st_mode | 0o011)
