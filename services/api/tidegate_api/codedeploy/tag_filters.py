"""Filters on tags, as requests write them."""

from collections.abc import Sequence
from typing import Final

from tidegate.domain.tag_filters import TagFilter as Filter
from tidegate.domain.tag_filters import TagFilterType
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.shapes.tags import EC2TagFilter, TagFilter

LONGEST_KEY: Final = 128
LONGEST_VALUE: Final = 256


def read_filters(
    filters: Sequence[TagFilter] | Sequence[EC2TagFilter] | None, code: str
) -> tuple[Filter, ...]:
    """Return filters as values; where none says its type, that follows from what it has.

    Raises:
        AwsError: One of them is none; *code* is what the operation calls that.
    """
    return tuple(_read(one, code) for one in filters or ())


def _read(wanted: TagFilter | EC2TagFilter, code: str) -> Filter:
    key, value = wanted.key or "", wanted.value or ""
    if len(key) > LONGEST_KEY or len(value) > LONGEST_VALUE:
        raise AwsError(
            code,
            f"The filter {key[:40]!r} is too long; a Key has {LONGEST_KEY} characters at most, "
            f"and a Value {LONGEST_VALUE}.",
        )
    match wanted.type or _implied(key, value):
        case TagFilterType.KEY_AND_VALUE if key and wanted.value is not None:
            return Filter(TagFilterType.KEY_AND_VALUE, key, value)
        case TagFilterType.KEY_ONLY if key:
            return Filter(TagFilterType.KEY_ONLY, key)
        case TagFilterType.VALUE_ONLY if value:
            return Filter(TagFilterType.VALUE_ONLY, value=value)
    said = {"Key": wanted.key, "Value": wanted.value, "Type": wanted.type}
    shown = ", ".join(f"{name} {text[:40]!r}" for name, text in said.items() if text is not None)
    raise AwsError(
        code,
        f"The filter with {shown or 'nothing in it'} is none; one has the Type KEY_ONLY and a Key, "
        "VALUE_ONLY and a Value, or KEY_AND_VALUE and both.",
    )


def _implied(key: str, value: str) -> str:
    if key and value:
        return TagFilterType.KEY_AND_VALUE
    return TagFilterType.KEY_ONLY if key else TagFilterType.VALUE_ONLY
