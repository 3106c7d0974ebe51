"""The fleet of a deployment as numbers, and the order in which hosts are taken."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from tidegate.domain.ids import RevisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """How many targets of a deployment stand where."""

    waiting: int = 0
    """Not dispatched yet."""
    running: int = 0
    """Dispatched or in progress."""
    queued: int = 0
    """Those of them that are dispatched and that no worker has taken yet."""
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    in_progress_for: timedelta = timedelta(0)
    """How long the deployment has been in progress."""

    @property
    def total(self) -> int:
        return self.waiting + self.running + self.succeeded + self.failed + self.skipped


class Turn(IntEnum):
    """Which hosts come first (user guide, "Minimum healthy instances")."""

    UNHEALTHY = 0
    UNKNOWN = 1
    OLD = 2
    CURRENT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a group knows of one host from earlier deployments."""

    revision_id: RevisionId | None
    """The revision last installed with success; None when not known."""
    healthy: bool


def turn_of(installation: Installation | None, target_revision: RevisionId | None) -> Turn:
    """Return when a host is taken, given what is installed there.

    A host that was never deployed to is unhealthy (no deployment ever succeeded on it).
    """
    if installation is None or not installation.healthy:
        return Turn.UNHEALTHY
    if installation.revision_id is None:
        return Turn.UNKNOWN
    return Turn.CURRENT if installation.revision_id == target_revision else Turn.OLD
