"""What one command tells its hosts: in S3 what is theirs, in its parameters only where. Pure."""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate import hostrunner
from tidegate.drivers.hosts.ssm_wants import Want

LONGEST_COMMAND: Final = 8_000


def packed_parcel(wants: Sequence[Want], **common: object) -> bytes:
    """Return what hosts are asked: what is the same for all once, and the rest by instance id."""
    headers: list[dict[str, Any]] = [dict(want.header) for want in wants]
    specs: list[dict[str, Any]] = [dict(header.pop("spec", None) or {}) for header in headers]
    for_all, own = _split(headers)
    spec_for_all, own_specs = _split(specs)
    each = {
        want.instance: {**header, "spec": spec}
        for want, header, spec in zip(wants, own, own_specs, strict=True)
    }
    parcel = {"common": {**for_all, **common}, "spec": spec_for_all, "each": each}
    return zlib.compress(json.dumps(parcel, separators=(",", ":")).encode())


def _split(
    ones: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what is the same in all, and what is not of each."""
    first = ones[0]
    same = {
        key: value
        for key, value in first.items()
        if all(key in one and one[key] == value for one in ones[1:])
    }
    return same, [{k: v for k, v in one.items() if k not in same} for one in ones]


def script_of(
    wants: Sequence[Want], *, runner: Mapping[str, object], parcel: Mapping[str, object]
) -> str:
    """Return the command that hosts are sent; there is no secret in it."""
    folders = {want.instance: want.state_dir for want in wants if want.state_dir}
    order = {
        "runner": runner,
        "parcel": parcel,
        "ids": [want.instance for want in wants] if len(wants) == 1 else [],
        "state_dirs": folders,
    }
    return hostrunner.slice_command(order)
