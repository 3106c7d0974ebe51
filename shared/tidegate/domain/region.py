"""Regions: names are unique within one, and what is made in one is not seen in another."""

import re
from typing import Final

from tidegate.domain.errors import Invalid

DEFAULT_REGION: Final = "us-east-1"
REGION_PATTERN: Final = re.compile(r"[a-z]{2,12}(-[a-z]{1,16}){1,3}-[0-9]{1,2}")


def check_region(name: str) -> str:
    """Return *name*, if a region can be called so.

    Raises:
        Invalid: It cannot.
    """
    if len(name) > 32 or not REGION_PATTERN.fullmatch(name):
        raise Invalid(
            f"{name[:40]!r} is no region; a region is called like us-east-1 or eu-central-1.",
            code="InvalidRegion",
        )
    return name
