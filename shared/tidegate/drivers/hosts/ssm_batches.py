"""Which wants go out together, and when: few commands, none of them late. Pure."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.drivers.hosts.ssm_wants import Common, View, Want

MOST_INSTANCES: Final = 50
"""Of one command: API reference of Systems Manager, SendCommand, `InstanceIds`."""
_ROOM_FOR_FOLDERS: Final = 2_500
"""Bytes of different state folders, packed as they are in a command: no page says how long one may
be, and `ssm_order.LONGEST_COMMAND` is what it is kept below."""
_JOIN: Final = 6.0
"""Seconds that a slice must at least have, to end with those that are under way."""
_LATE: Final = 3.0
"""Seconds within which the hosts of a command that has ended are expected to be back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SsmPace:
    """How long things take over SSM, in seconds."""

    slice: float = 18.0
    """For how long a command follows a run."""
    gather: float = 1.0
    """For how long the first want waits for others."""
    hold: float = 5.0
    """For how long at most, while others are about to join it."""
    quiet: float = 0.4
    """Nothing has come for so long: then no others are about to come."""
    tick: float = 0.25
    poll: float = 2.5
    """Between two looks at one command, when it is the only one."""
    slowest_poll: float = 5.0
    grace: float = 35.0
    """For how long after its slice a command may still be on its way."""
    show: float = 5.0
    """How often whoever carries out a command shows that it is at it."""
    silence: float = 20.0
    """After so long without that, it is asked anew: a command that is sent twice does no harm."""
    seen_for: float = 300.0
    """For how long an instance that was seen counts as there."""
    unseen_for: float = 10.0
    shortest_back_off: float = 1.0
    longest_back_off: float = 20.0
    lost_after: float = 180.0
    """Without a word for so long, a host counts as lost; longer than a command can be under way."""
    sends_per_second: float = 1.0
    reads_per_second: float = 2.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes out as one command."""

    wants: Sequence[Want]
    ends_at: float


def due(view: View, pace: SsmPace, *, now: float) -> list[Batch]:
    """Return what goes out now."""
    groups: dict[tuple[Common, bool], list[Want]] = {}
    for want in view.waiting:
        groups.setdefault((want.common, want.hurry), []).append(want)
    batches: list[Batch] = []
    for (_, hurry), group in groups.items():
        wants: Sequence[Want] = group
        while first := _one_each(wants):
            if not (hurry or len(first) == MOST_INSTANCES or _is_time(first, view, pace, now)):
                break
            taken = {want.id for want in first}
            wants = [want for want in wants if want.id not in taken]
            batches.append(Batch(first, now if hurry else _end(view, pace, now)))
    return batches


def _one_each(wants: Sequence[Want]) -> list[Want]:
    """Return the first wants that may share a command: one of each instance, and of one circle."""
    first: dict[str, Want] = {}
    circle, folders = "", _Folders()
    for want in wants:
        if len(first) == MOST_INSTANCES or want.circle not in {"", circle or want.circle}:
            continue
        if want.instance not in first and folders.take(want.state_dir):
            circle = circle or want.circle
            first[want.instance] = want
    return list(first.values())


class _Folders:
    """The state folders that a command names, as many as there is room for."""

    def __init__(self) -> None:
        self._there: set[str | None] = {None}
        self._packer = zlib.compressobj()
        self._room = _ROOM_FOR_FOLDERS

    def take(self, folder: str | None) -> bool:
        """Tell whether there is room for one, and add it."""
        if folder in self._there:
            return True
        packer = self._packer.copy()
        data = (folder or "").encode("utf-8", "replace")
        room = self._room - len(packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))
        if room < 0 and len(self._there) > 1:
            return False
        self._there.add(folder)
        self._packer, self._room = packer, room
        return True


def _is_time(wants: Sequence[Want], view: View, pace: SsmPace, now: float) -> bool:
    oldest = min(want.asked_at for want in wants)
    youngest = max(want.asked_at for want in wants)
    if now - oldest >= pace.hold:
        return True
    coming = any(end - pace.gather <= now <= end + _LATE for end in view.ends)
    return now - oldest >= pace.gather and now - youngest >= pace.quiet and not coming


def _end(view: View, pace: SsmPace, now: float) -> float:
    """Return when the slice ends: with those under way, so that all go on together."""
    soon = [end for end in view.ends if now + _JOIN <= end <= now + pace.slice]
    return max(soon, default=now + pace.slice)


def next_look(now: float, *, ends_at: float, commands: int, pace: SsmPace) -> float:
    """Return when a command is looked at again, of *commands* that are under way."""
    pause = min(pace.poll * max(commands, 1), pace.slowest_poll)
    late = ends_at + min(pace.poll, 1.5)
    # As slices end together, a look shortly after that finds all of them at once.
    if now < late <= now + 1.4 * pause:
        return late
    if now >= ends_at + 2 * pace.slowest_poll:
        pause *= 2
    return now + pause
