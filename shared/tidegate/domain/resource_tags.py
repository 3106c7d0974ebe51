"""Tags of applications, deployment groups and deployment configs; they decide nothing."""

from collections.abc import Mapping
from typing import Final

from tidegate.domain.errors import Invalid

MOST_TAGS: Final = 50
LONGEST_KEY: Final = 128
LONGEST_VALUE: Final = 256
RESERVED_PREFIX: Final = "aws:"


def check_resource_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that no resource can have.

    Raises:
        Invalid: One of them is such, or they are too many.
    """
    code = "InvalidTagsToAddException"
    if len(tags) > MOST_TAGS:
        raise Invalid(f"These are {len(tags)} tags; the limit is {MOST_TAGS}.", code=code)
    for key, value in tags.items():
        if not 1 <= len(key) <= LONGEST_KEY:
            raise Invalid(
                f"The key of the tag {key[:40]!r} has {len(key)} characters; it must have 1 to "
                f"{LONGEST_KEY}.",
                code=code,
            )
        if key.lower().startswith(RESERVED_PREFIX):
            raise Invalid(
                f"The key of the tag {key[:40]!r} begins with {RESERVED_PREFIX!r}, which is "
                "reserved; choose another.",
                code=code,
            )
        if len(value) > LONGEST_VALUE:
            raise Invalid(
                f"The value of the tag {key[:40]!r} has {len(value)} characters; the limit is "
                f"{LONGEST_VALUE}.",
                code=code,
            )
