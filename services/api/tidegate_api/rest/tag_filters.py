"""Conditions on tags, as `/v1` takes and shows them."""

from pydantic import BaseModel, model_validator

from tidegate.domain.tag_filters import TagFilter, TagFilterType, TagSet
from tidegate_api.rest.shapes import In


class TagFilterIn(In):
    """One condition; without a type, what is given of key and value decides."""

    key: str | None = None
    value: str | None = None
    type: TagFilterType | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "TagFilterIn":
        kind = self._kind()
        if kind is not TagFilterType.VALUE_ONLY and not self.key:
            raise ValueError(f"A filter of the type {kind} needs a key.")
        if kind is not TagFilterType.KEY_ONLY and self.value is None:
            raise ValueError(f"A filter of the type {kind} needs a value.")
        return self

    def _kind(self) -> TagFilterType:
        if self.type is not None:
            return self.type
        if self.key and self.value is not None:
            return TagFilterType.KEY_AND_VALUE
        return TagFilterType.KEY_ONLY if self.key else TagFilterType.VALUE_ONLY

    def filter(self) -> TagFilter:
        kind = self._kind()
        key = "" if kind is TagFilterType.VALUE_ONLY else self.key or ""
        value = "" if kind is TagFilterType.KEY_ONLY else self.value or ""
        return TagFilter(kind, key, value)


class TagFilterOut(BaseModel):
    key: str | None
    value: str | None
    type: TagFilterType

    @classmethod
    def of(cls, tag_filter: TagFilter) -> "TagFilterOut":
        kind = tag_filter.type
        return cls(
            key=None if kind is TagFilterType.VALUE_ONLY else tag_filter.key,
            value=None if kind is TagFilterType.KEY_ONLY else tag_filter.value,
            type=kind,
        )


def set_of(filters: list[list[TagFilterIn]]) -> TagSet:
    """Return lists of conditions as a value."""
    return tuple(tuple(one.filter() for one in either) for either in filters)


def shown_set(tag_set: TagSet) -> list[list[TagFilterOut]]:
    """Return conditions as they are shown."""
    return [[TagFilterOut.of(one) for one in either] for either in tag_set]
