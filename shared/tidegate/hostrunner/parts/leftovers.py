"""What a script leaves running, where it can be seen."""

import os
import time

from tidegate.hostrunner.parts.base import names_in, shown

LOOK_FOR = 1.0
MOST_NAMED = 5


def who_writes_to(pipes: "set[int]") -> "tuple[list[str], bool]":
    """Return the processes that have one of *pipes* open to write, and whether all were looked at.

    Only root may look at those of others; the youngest come first, as they are most likely it.
    """
    until = time.monotonic() + LOOK_FOR
    targets = {b"pipe:[%d]" % inode for inode in pipes}
    found, whole = [], os.geteuid() == 0  # type: list[str], bool
    pids = sorted((int(name) for name in names_in("/proc") if name.isdigit()), reverse=True)
    for pid in pids:
        if time.monotonic() > until:
            return found, False
        try:
            if writes_to(pid, targets):
                found.append("%d (%s)" % (pid, name_of(pid)))
        except OSError:
            continue  # it has ended, or belongs to another user
    return found, whole


def writes_to(pid: int, targets: "set[bytes]") -> bool:
    folder = b"/proc/%d/fd/" % pid
    for fd in os.listdir(folder):
        # Those who read are the scribe and its like; a link's rights say how it was opened.
        if os.readlink(folder + fd) in targets and os.lstat(folder + fd).st_mode & 0o200:
            return True
    return False


def name_of(pid: int) -> str:
    with open("/proc/%d/comm" % pid, "rb") as file:
        return shown(file.read().strip())


def leftovers(location: str, pipes: "set[int]") -> str:
    """Return a sentence on who still has the output of a script open; empty when nobody has."""
    found, whole = who_writes_to(pipes)
    what = "the output of %s open; the event does not wait for" % location
    if len(found) == 1:
        return "Process %s still runs and holds %s it." % (found[0], what)
    if found:
        named = found[:MOST_NAMED]
        more = ["%d more" % (len(found) - MOST_NAMED)] if found[MOST_NAMED:] else []
        names = ", ".join(named + more)
        return "Processes %s still run and hold %s them." % (names, what)
    if whole:
        return ""
    return "A process that cannot be seen from here still runs and holds %s it." % what
