"""Which EC2 instances a deployment is for, what it means that one goes, and whom it left out."""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Final, TypeAlias

from tidegate.domain.aws_group import AwsGroup, OutdatedInstances
from tidegate.domain.deployment import Creator, Deployment
from tidegate.domain.instances import (
    DEPLOYABLE,
    LEAVING,
    FoundInstance,
    Instance,
    InstanceState,
    Search,
)
from tidegate.domain.tag_filters import TagFilter, TagFilterType, TagSet, tags_match

BOOT_WITHIN: Final = timedelta(minutes=5)
"""So long a follow-up deployment waits for instances that were launched and do not run yet."""
_FIRST_PAUSE: Final = timedelta(seconds=2)
_LONGEST_PAUSE: Final = timedelta(seconds=60)

Filter: TypeAlias = tuple[str, tuple[str, ...]]
"""One filter of DescribeInstances: a name, and the values of which one must be met."""
Query: TypeAlias = tuple[Filter, ...]
"""Filters that must all be met."""


def queries_for(tag_set: TagSet) -> tuple[Query, ...]:
    """Return what to ask EC2 so that all instances that *tag_set* means are among the answers.

    A filter of EC2 is one tag key or one kind of condition, so that the answers may hold others,
    too; `meant` leaves them out.
    """
    if not tag_set:
        return ()
    return tuple(product(*(_alternatives(either) for either in tag_set)))


def _alternatives(either: tuple[TagFilter, ...]) -> tuple[Filter, ...]:
    """Return filters of which one is met by whatever meets one of the conditions."""
    keys = tuple(dict.fromkeys(f.key for f in either if f.type is not TagFilterType.VALUE_ONLY))
    values = tuple(dict.fromkeys(f.value for f in either if f.type is TagFilterType.VALUE_ONLY))
    found: list[Filter] = []
    if keys:
        exact = tuple(f.value for f in either if f.type is TagFilterType.KEY_AND_VALUE)
        is_exact = len(keys) == 1 and len(exact) == len(either) and all(exact)
        one = (f"tag:{keys[0]}", exact) if is_exact else ("tag-key", keys)
        found.append((one[0], tuple(_literal(text) for text in one[1])))
    if values:
        found.append(("tag-value", tuple(_literal(text) for text in values)))
    return tuple(found)


def _literal(text: str) -> str:
    """Return a pattern of EC2's that *text* itself meets, whatever else does.

    In a filter `*` and `?` are wildcards, which both stand for themselves as well, and a backslash
    takes their meaning away ("Filter your resources", EC2 user guide).
    """
    return text.replace("\\", "?")


def meant(
    search: Search, instances: Iterable[Instance], members: Collection[str]
) -> tuple[Instance, ...]:
    """Return those of *instances* that *search* means, by their ids.

    *members* are the ids of the instances that its Auto Scaling groups have.
    """
    known = {
        one.id: one
        for one in instances
        if one.id in members or tags_match(search.tag_set, one.tags)
    }
    return tuple(known[id_] for id_ in sorted(known))


def deployable(instances: Iterable[Instance]) -> tuple[FoundInstance, ...]:
    """Return those of *instances* that take part in a deployment that starts."""
    return tuple(FoundInstance(one.id, one.state) for one in instances if one.state in DEPLOYABLE)


def why_not(found: FoundInstance) -> str:
    """Return why nothing can be deployed to an instance, if it is so."""
    if found.state is not InstanceState.STOPPED:
        return ""
    return (
        f"The instance {found.id} was stopped when the deployment started; start it and deploy "
        "again, or take it out of the deployment group."
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """What has become of instances since the last look."""

    gone: Mapping[str, str]
    """Those that never come back, each with a sentence."""
    absent: frozenset[str]
    """Those that AWS does not know just now."""


def changes_among(
    ids: Iterable[str], seen: Mapping[str, Instance], absent_before: AbstractSet[str]
) -> Changes:
    """Return which instances have gone.

    AWS answers with eventual consistency: one that it does not know is gone when it is not known
    at the second look either.
    """
    gone: dict[str, str] = {}
    absent: set[str] = set()
    for id_ in ids:
        instance = seen.get(id_)
        if instance is None:
            absent.add(id_)
            if id_ in absent_before:
                gone[id_] = f"The instance {id_} is not known to EC2 any more."
        elif instance.state in LEAVING:
            gone[id_] = f"The instance {id_} was terminated during the deployment."
    return Changes(gone=gone, absent=frozenset(absent) - gone.keys())


def wants_follow_up(deployment: Deployment, aws: AwsGroup) -> bool:
    """Tell whether instances that were launched during a success of *deployment* get it, too.

    None follows a follow-up: who is launched during one is brought up by the next deployment.
    """
    return (
        bool(aws.auto_scaling_groups)
        and aws.outdated_instances is OutdatedInstances.UPDATE
        and deployment.creator is not Creator.AUTO_UPDATE
        and not deployment.options.is_restart
    )


@dataclass(frozen=True, slots=True)
class Launched:
    """What Auto Scaling groups have launched while they were deployed to."""

    ready: tuple[FoundInstance, ...]
    is_booting: bool
    """Whether some do not run yet."""


def launched_meanwhile(
    members: Iterable[Instance], had: AbstractSet[str], current: AbstractSet[str]
) -> Launched:
    """Return those *members* that the deployment did not have, and that lack its revision.

    *current* are the ids of those that have it all the same.
    """
    new = [one for one in members if one.id not in had and one.id not in current]
    return Launched(
        ready=tuple(
            FoundInstance(one.id, one.state) for one in new if one.state is InstanceState.RUNNING
        ),
        is_booting=any(one.state is InstanceState.PENDING for one in new),
    )


def pause_after(tries: int) -> timedelta:
    """Return how long to wait before AWS is asked again after so many tries in vain."""
    doubled: timedelta = _FIRST_PAUSE * 2 ** min(tries, 10)
    return min(doubled, _LONGEST_PAUSE)
