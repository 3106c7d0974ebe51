"""What is known of a running deployment: its targets and their events, event by event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

HOST_EVENTS: Final = (
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
)


@dataclass(slots=True)
class EventProgress:
    status: str = "Pending"
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(slots=True)
class TargetProgress:
    name: str
    status: str = "Pending"
    message: str = ""
    events: dict[str, EventProgress] = field(default_factory=dict)

    def event(self, name: str) -> EventProgress:
        return self.events.setdefault(name, EventProgress())


@dataclass(slots=True)
class Progress:
    """A deployment as its events tell it; the service's own word on the whole comes beside."""

    deployment: dict[str, Any]
    targets: dict[str, TargetProgress] = field(default_factory=dict)
    steps: list[Mapping[str, Any]] = field(default_factory=list)
    """Of one that moves traffic, as the service last told them."""
    traffic: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each target moves, and how it was last found."""
    pause: Mapping[str, Any] = field(default_factory=dict)
    """The last event of a pause: who, and why."""

    @property
    def status(self) -> str:
        return str(self.deployment.get("status") or "Created")

    def expect(self, targets: Iterable[Mapping[str, Any]]) -> None:
        """Make room for the targets, all of them pending: the events tell the rest."""
        for target in targets:
            row = self.target(str(target["id"]))
            if target.get("traffic"):
                self.traffic[str(target["id"])] = target["traffic"]
            for event in target.get("lifecycle_events") or ():
                row.event(str(event["name"]))

    @property
    def lacks_targets(self) -> bool:
        """Tell whether the service knows of more targets: they are written at the start."""
        overview = self.deployment.get("overview") or {}
        return sum(map(int, overview.values())) > len(self.targets)

    def target(self, name: str) -> TargetProgress:
        return self.targets.setdefault(name, TargetProgress(name))

    def note(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the stream."""
        target, to = event.get("target"), str(event.get("to") or "")
        if is_pause(event):
            self.pause = event
        if not target or not to:
            return
        row = self.target(str(target))
        if event.get("subject") == "lifecycle_event":
            _move(row.event(str(event.get("name"))), to, moment(event.get("at")))
        else:
            row.status = to
        # A reason stands for as long as what it explains: the next step without one ends it.
        row.message = str(event.get("reason") or (row.message if to == "Failed" else ""))

    def refresh(self, targets: Iterable[Mapping[str, Any]]) -> None:
        """Take what the service says of why targets wait or failed."""
        for target in targets:
            name = str(target["id"])
            if target.get("message") and name in self.targets:
                self.targets[name].message = str(target["message"])
            if target.get("traffic"):
                self.traffic[name] = target["traffic"]

    def event_names(self) -> list[str]:
        """Return the lifecycle events of all targets, in their order."""
        seen = dict.fromkeys(name for row in self.targets.values() for name in row.events)
        order = {name: position for position, name in enumerate(HOST_EVENTS)}
        if seen.keys() <= order.keys():
            return sorted(seen, key=order.__getitem__)
        return list(seen)


def is_pause(event: Mapping[str, Any]) -> bool:
    """Tell whether somebody paused the deployment by an event."""
    return event.get("subject") == "deployment" and event.get("name") == "pause"


def moment(text: object) -> datetime | None:
    """Read a time of the API."""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return None


def _move(event: EventProgress, to: str, at: datetime | None) -> None:
    event.status = to
    if to == "InProgress":
        event.started_at, event.finished_at = at, None
    else:
        event.finished_at = at
