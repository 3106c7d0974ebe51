"""Bundles whose hooks write down what they do, and hold or fail when a test says so."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

EVENTS = ("ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService")
"""The events for which every bundle has a hook."""

HOOK = """\
#!/bin/sh
here=$(dirname "$0")
LEDGER="${LEDGER:-$HOME/ledger}"
note() { echo "$DEPLOYMENT_ID $LIFECYCLE_EVENT $1 $(date +%s.%N)" >> "$LEDGER"; }
note begin
echo "$LIFECYCLE_EVENT of revision $(cat "$here/revision")"
while [ -e "$LEDGER.hold.$LIFECYCLE_EVENT" ]; do sleep 0.05; done
sleep "${HOOK_SECONDS:-0}"
if grep -qx "$LIFECYCLE_EVENT" "$here/fails" || [ -e "$LEDGER.fail.$LIFECYCLE_EVENT" ]; then
  echo "$LIFECYCLE_EVENT does not work here" >&2
  note fail
  exit 3
fi
note end
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a ledger."""

    deployment_id: str
    event: str
    what: str
    at: float


class Ledger:
    """What the hooks of one host wrote down, and what they are told to do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self, deployment_id: str | None = None) -> list[Entry]:
        if not self.path.exists():
            return []
        fields = [line.split() for line in self.path.read_text().splitlines()]
        entries = [Entry(d, event, what, float(at)) for d, event, what, at in fields]
        return [e for e in entries if deployment_id in (None, e.deployment_id)]

    def told(self, deployment_id: str) -> list[str]:
        """The lines of one deployment without their times."""
        return [f"{entry.event} {entry.what}" for entry in self.entries(deployment_id)]

    def hold(self, event: str) -> None:
        """Have the hook of *event* wait, once it has written that it began."""
        self._word("hold", event).touch()

    def release(self, event: str) -> None:
        self._word("hold", event).unlink(missing_ok=True)

    def fail(self, event: str) -> None:
        """Have the hook of *event* fail on this host, whatever the revision."""
        self._word("fail", event).touch()

    def mend(self) -> None:
        """Take back everything that the hooks of this host were told."""
        for word in self.path.parent.glob(f"{self.path.name}.*"):
            word.unlink()

    def _word(self, what: str, event: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{what}.{event}")


def appspec(*, events: Iterable[str] = EVENTS, files: Mapping[str, Path] | None = None) -> str:
    lines = ["version: 0.0", "os: linux"]
    if files:
        lines.append("files:")
    for source, destination in (files or {}).items():
        lines += [f"  - source: {source}", f"    destination: {destination}"]
    lines.append("hooks:")
    for event in events:
        lines += [f"  {event}:", "    - location: hook.sh", "      timeout: 600"]
    return "\n".join(lines) + "\n"


def bundle(
    revision: str,
    *,
    fails: Iterable[str] = (),
    text: str | None = None,
    events: Iterable[str] = EVENTS,
    files: Mapping[str, Path] | None = None,
) -> bytes:
    """A tgz, the same bytes each time.

    *fails* are events whose hook fails on every host, *text* is another AppSpec.
    """
    contents = {
        "appspec.yml": text or appspec(events=events, files=files),
        "hook.sh": HOOK,
        "revision": f"{revision}\n",
        "fails": "".join(f"{event}\n" for event in fails),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            data = content.encode()
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)
