"""Conditions on tags: which hosts a group means, in all the forms that say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class TagFilterType(StrEnum):
    KEY_AND_VALUE = "KEY_AND_VALUE"
    KEY_ONLY = "KEY_ONLY"
    VALUE_ONLY = "VALUE_ONLY"


@dataclass(frozen=True, slots=True)
class TagFilter:
    """One condition on a host's tags; comparison is exact and case-sensitive."""

    type: TagFilterType
    key: str = ""
    value: str = ""

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Tell whether a host with *tags* meets this condition."""
        match self.type:
            case TagFilterType.KEY_AND_VALUE:
                return tags.get(self.key) == self.value
            case TagFilterType.KEY_ONLY:
                return self.key in tags
            case TagFilterType.VALUE_ONLY:
                return self.value in tags.values()

    def describe(self) -> str:
        """Return the condition as a user would write it."""
        match self.type:
            case TagFilterType.KEY_AND_VALUE:
                return f"{self.key}={self.value}"
            case TagFilterType.KEY_ONLY:
                return f"{self.key}=*"
            case TagFilterType.VALUE_ONLY:
                return f"*={self.value}"


TagSet = tuple[tuple[TagFilter, ...], ...]
"""AND of ORs: a host must match at least one filter of each inner tuple."""


def tags_match(tag_set: TagSet, tags: Mapping[str, str]) -> bool:
    """Tell whether a host with *tags* is meant by *tag_set*; an empty set means nobody."""
    return bool(tag_set) and all(any(f.matches(tags) for f in either) for either in tag_set)


def describe_wanted(tag_set: TagSet, hosts: Sequence[str]) -> str:
    """Return in words which hosts are meant, for sentences."""
    ways = [f"host {name}" for name in hosts]
    eithers = [" or ".join(one.describe() for one in either) for either in tag_set]
    if eithers:
        ways.append("tags " + " and ".join(f"({either})" for either in eithers))
    return ", ".join(ways) or "no host and no tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """A flat list, of which one must be met, or sets, of each of which one must be met."""

    flat: tuple[TagFilter, ...] = ()
    sets: TagSet = ()

    @property
    def tag_set(self) -> TagSet:
        """Return both forms in the one that selects hosts."""
        return self.sets or ((self.flat,) if self.flat else ())

    @property
    def is_both(self) -> bool:
        return bool(self.flat and self.sets)


def tags_of(tag_set: TagSet, *, as_sets: bool) -> Tags:
    """Return what selects hosts in the form that it came in; several lists are always sets."""
    if as_sets or len(tag_set) > 1:
        return Tags(sets=tag_set)
    return Tags(flat=tag_set[0] if tag_set else ())
