"""Old things on this host that nobody needs any more."""

import os

from tidegate.hostrunner.parts.base import (
    age,
    names_in,
    raw,
    read_file,
    remove_tree,
    unlink_if_there,
)
from tidegate.hostrunner.parts.journal import Run
from tidegate.hostrunner.parts.revisions import INSTALLED, Revisions, pointed_at

KEEP_RUNS_FOR = 7 * 86400


def revisions_kept(revisions: Revisions) -> int:
    return max(1, int(revisions.spec.get("max_revisions") or 5))


def prune_archives(revisions: Revisions) -> None:
    """Delete the oldest archives of the group as the agent does, never the installed one."""
    paths = [os.path.join(revisions.group, name) for name in names_in(revisions.group)]
    others = [path for path in paths if path != revisions.folder]
    surplus = max(0, len(others) - revisions_kept(revisions) + 1)
    installed = os.path.realpath(pointed_at(revisions.notes + INSTALLED))
    # The installed one counts, although it stays.
    able = [path for path in others if os.path.realpath(path) != installed]
    old = sorted(able, key=age, reverse=True)
    for path in old[:surplus]:
        remove_tree(raw(path))


def prune_bundles(state: str, revisions: Revisions) -> None:
    folder = os.path.join(state, "bundles")
    paths = [os.path.join(folder, name) for name in names_in(folder)]
    whole = [path for path in paths if "." not in os.path.basename(path)]
    # Downloads that ended half-way leave a name with a dot; an hour is longer than any of them.
    old = [path for path in paths if path not in whole and age(path) > 3600]
    whole.sort(key=age)
    for path in whole[revisions_kept(revisions) :] + old:
        remove_tree(raw(path))


def prune_runs(current: Run) -> None:
    """Delete old runs that have ended, and old versions of this file."""
    versions = os.path.join(current.state, "runner")
    for folder in (versions, os.path.join(versions, "__pycache__")):
        for name in names_in(folder):
            path = os.path.join(folder, name)
            mine = name.startswith((__name__, "__pycache__"))
            if not mine and age(path) > KEEP_RUNS_FOR:
                unlink_if_there(raw(path))
    folder = os.path.dirname(current.folder)
    for name in names_in(folder):
        run = Run(current.state, name)
        if run.key == current.key or age(run.journal) < KEEP_RUNS_FOR:
            continue
        if b'"fact": "end"' in read_file(run.journal)[-200:]:
            remove_tree(raw(run.folder))
