"""What has to be changed so that all stands as it did before a deployment. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tidegate.drivers.traffic.elb import Junction
from tidegate.drivers.traffic.forwards import says_the_same, share_of_green, split
from tidegate.drivers.traffic.service_before import Before
from tidegate.drivers.traffic.standing import Change, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    changes: Sequence[Change]
    promotes: bool
    """Whether the original task set has to become the primary one again."""
    notes: Sequence[str]
    """What somebody else has changed meanwhile, a sentence each."""


def way_back(seen: Standing, missing: Iterable[str]) -> Back:
    """Return the way back from how all stands; *missing* are the listeners that are gone."""
    before = seen.before
    notes = [f"The listener {arn} is gone; it was left out." for arn in missing]
    changes = []
    for junction in seen.junctions:
        was = before.was(junction)
        if was and not before.is_touched(junction):
            changes.append(Change(junction=junction, actions=was.actions))
            continue
        change = _taken_from_green(before, junction, was)
        changes.append(change)
        if was or not says_the_same(change.actions, junction.actions):
            notes.append(_note_on(junction, is_new=was is None))
    notes += _notes_on_rules_gone(seen, missing)
    strange = seen.primary is not None and seen.primary["taskSetArn"] not in (
        before.primary,
        *(one["taskSetArn"] for one in seen.greens),
    )
    if strange and seen.primary is not None:
        notes.append(
            f"The task set {seen.primary['taskSetArn']} is the primary one by somebody else's hand"
            " and was left so."
        )
    return Back(changes=changes, promotes=not strange, notes=notes)


def _taken_from_green(before: Before, junction: Junction, was: Junction | None) -> Change:
    """Give the traffic of a pair back to who had it, and leave all else as somebody has made it."""
    actions = junction.actions
    for route in before.routes_at(junction.listener):
        had = share_of_green(was.actions, route.groups) if was else None
        if share_of_green(actions, route.groups) != (had or 0):
            actions = split(actions, route.groups, round(had or 0), weighted=junction.weighted)
    return Change(junction=junction, actions=actions)


def _note_on(junction: Junction, *, is_new: bool) -> str:
    what = "came meanwhile" if is_new else "was changed by somebody else meanwhile"
    return (
        f"The {junction.name} {what}: only what the new task set had of its traffic was taken back."
    )


def _notes_on_rules_gone(seen: Standing, missing: Iterable[str]) -> Iterator[str]:
    now = {one.key for one in seen.junctions}
    for one in seen.before.junctions:
        if one.key not in now and one.listener not in missing:
            yield f"The {one.name} is gone; it was left out."
