"""Checks that several use cases make of what they are given."""

import re
from collections.abc import Mapping
from typing import Final

from tidegate.domain.errors import Invalid
from tidegate.domain.ids import NAME_PATTERN

VARIABLE_PATTERN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
RESERVED_VARIABLES: Final = frozenset(
    {
        "APPLICATION_NAME",
        "DEPLOYMENT_GROUP_ID",
        "DEPLOYMENT_GROUP_NAME",
        "DEPLOYMENT_ID",
        "LIFECYCLE_EVENT",
    }
)
"""The deployment itself sets these for every hook."""
MOST_VARIABLES: Final = 200
MOST_TAGS: Final = 50


def check_name(kind: str, name: str) -> None:
    """Refuse a name that CodeDeploy would not take, or that no URL can hold.

    Raises:
        Invalid: It has other characters, is empty or has more than 100 of them.
    """
    if not NAME_PATTERN.fullmatch(name) or name in {".", ".."}:
        raise Invalid(
            f"{name[:120]!r} cannot be the name of {_with_article(kind)}; "
            "it must have 1 to 100 letters, digits or any of +=,.@_- "
            "and be more than a dot or two.",
            code="InvalidName",
        )


def check_variables(variables: Mapping[str, str]) -> None:
    """Refuse variables that no hook could see or that the deployment sets itself.

    Raises:
        Invalid: One of them is such.
    """
    if len(variables) > MOST_VARIABLES:
        raise Invalid(f"These are {len(variables)} variables; the limit is {MOST_VARIABLES}.")
    for name, value in variables.items():
        if not VARIABLE_PATTERN.fullmatch(name):
            raise Invalid(
                f"{name[:80]!r} cannot be the name of a variable; it has letters, digits and _, "
                "and does not begin with a digit."
            )
        if name in RESERVED_VARIABLES:
            raise Invalid(
                f"The variable {name} is set by the deployment itself; choose another name."
            )
        if "\0" in value:
            raise Invalid(f"The value of the variable {name} has a zero byte in it.")


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags beyond CodeDeploy's limits for on-premises instances.

    Raises:
        Invalid: One of them is.
    """
    if len(tags) > MOST_TAGS:
        raise Invalid(f"These are {len(tags)} tags; the limit is {MOST_TAGS}.", code="InvalidTag")
    for key, value in tags.items():
        check_tag(key, value)


def check_tag(key: str, value: str) -> None:
    """Refuse one tag beyond the limits.

    Raises:
        Invalid: It is.
    """
    if not 1 <= len(key) <= 128:
        raise Invalid(
            f"The key of the tag {key[:40]!r} has {len(key)} characters; it must have 1 to 128.",
            code="InvalidTag",
        )
    if len(value) > 256:
        raise Invalid(
            f"The value of the tag {key!r} has {len(value)} characters; the limit is 256.",
            code="InvalidTag",
        )


def _with_article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
