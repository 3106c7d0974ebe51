"""What the demo's processes know of the world: no real Tidegate, and no AWS but the stand-in."""

import os
from collections.abc import Mapping
from typing import Final

from tidegate.domain.region import DEFAULT_REGION

KEY: Final = "demo"
"""Id and secret of the access key; the stand-in takes any."""
MINUTE: Final = 1
"""Seconds that a minute of traffic configs and of waits lasts."""
_SOMEBODYS: Final = ("AWS_", "BOTO", "MOTO_", "TIDEGATE_")
_KEPT: Final = frozenset({"TIDEGATE_DEBUG"})


def demo_environment(environ: Mapping[str, str], *, stand_in: str | None = None) -> dict[str, str]:
    """Return an environment without anybody's settings, keys, profile or region.

    *stand_in* is where all of AWS is found.
    """
    ours = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not name.startswith(_SOMEBODYS)
    }
    # A proxy does not lead to this machine.
    direct = ",".join(filter(None, [_either(environ, "no_proxy"), "127.0.0.1"]))
    ours |= {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_DEFAULT_REGION": DEFAULT_REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": direct,
        "NO_PROXY": direct,
    }
    if stand_in is None:
        return ours
    return ours | {"AWS_ENDPOINT_URL": stand_in, "TIDEGATE_MINUTE_SECONDS": str(MINUTE)}


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""
