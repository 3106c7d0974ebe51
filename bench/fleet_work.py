"""The work that every tool does on every host: a bundle to install, and five hooks to run."""

import gzip
import io
import os
import random
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILES = 50
FILE_SIZE = 20_000
"""Random bytes, so that one megabyte really travels, packed or not."""
BEFORE = ("ApplicationStop", "BeforeInstall")
AFTER = ("AfterInstall", "ApplicationStart", "ValidateService")
HOOKS = (*BEFORE, *AFTER)

HOOK = """\
#!/bin/sh
echo "{event} of revision {revision}"
{sleep}touch "$PLACE/{event}"
"""
PAUSE = """\
touch "$PLACE/began"
read go < "$PLACE/go"
sleep {sleep}
"""
"""All hosts sleep at the same time: each waits here until it is let go."""


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the farm."""

    name: str
    address: str
    port: int
    host_key: str
    folder: Path
    """What the host itself calls the place."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Some hosts of the farm, and how to log in to them."""

    place: Path
    identity: Path
    user: str
    each: Sequence[Host]

    def first(self, count: int) -> "Hosts":
        return Hosts(self.place, self.identity, self.user, self.each[:count])

    def write_known_hosts(self, path: Path) -> Path:
        lines = [f"[{host.address}]:{host.port} {host.host_key}\n" for host in self.each]
        path.write_text("".join(lines))
        return path


def bundle(revision: str, place: Path, *, sleep: float = 0) -> bytes:
    """A tgz; no two revisions have a payload in common. *sleep* is for ApplicationStart."""
    chance = random.Random(revision)
    entries = {f"app/file-{n:02}": chance.randbytes(FILE_SIZE) for n in range(FILES - 1)}
    entries["app/revision"] = revision.ljust(FILE_SIZE).encode()
    entries["appspec.yml"] = appspec(place).encode()
    for event in HOOKS:
        pause = PAUSE.format(sleep=sleep) if sleep and event == "ApplicationStart" else ""
        text = HOOK.format(event=event, revision=revision, sleep=pause)
        entries[f"hooks/{event}"] = text.encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o755 if name.startswith("hooks/") else 0o644
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), compresslevel=1, mtime=0)


def appspec(place: Path) -> str:
    lines = ["version: 0.0", "os: linux", "files:", "  - source: app"]
    lines += [f"    destination: {place}/tidegate/app", "hooks:"]
    for event in HOOKS:
        lines += [f"  {event}:", f"    - location: hooks/{event}", "      timeout: 600"]
    return "\n".join(lines) + "\n"


def forget(hosts: Hosts, tool: str) -> None:
    """Take away what the hooks of the last round touched, and make the place if there is none."""
    for host in hosts.each:
        (host.folder / tool).mkdir(exist_ok=True)
        for event in HOOKS:
            (host.folder / tool / event).unlink(missing_ok=True)


def check(hosts: Hosts, tool: str, revision: str) -> None:
    """Stop everything unless every host has all files of *revision*, and ran every hook."""
    for host in hosts.each:
        place = host.folder / tool
        missing = [event for event in HOOKS if not (place / event).exists()]
        if missing:
            raise SystemExit(f"{tool} did not run {missing} on {host.name}")
        files = sorted((place / "app").iterdir())
        there = (place / "app" / "revision").read_text().strip()
        if len(files) != FILES or there != revision:
            raise SystemExit(f"{tool} left {len(files)} files of {there!r} on {host.name}")


def hold_back(hosts: Hosts, tool: str) -> None:
    """Have the hook wait on every host until it is let go."""
    for host in hosts.each:
        (host.folder / tool / "began").unlink(missing_ok=True)
        go = host.folder / tool / "go"
        if not go.exists():
            os.mkfifo(go)


def have_begun(hosts: Hosts, tool: str) -> int:
    """On how many hosts the hook waits, or has waited."""
    return sum((host.folder / tool / "began").exists() for host in hosts.each)


def let_go(hosts: Hosts, tool: str) -> None:
    """Let the hook go on every host where it waits; on others it would be waited for in vain."""
    for host in hosts.each:
        if (host.folder / tool / "began").exists():
            (host.folder / tool / "go").write_text("\n")
