"""What a command tells its hosts is theirs alone, and nothing of it stands in its parameters."""

import json
import zlib
from random import Random

from tidegate.drivers.hosts.ssm_order import LONGEST_COMMAND, packed_parcel, script_of
from tidegate.drivers.hosts.ssm_wants import Common, Want
from tidegate.hostrunner import RUNNER_SHA256

SECRET = "tell-nobody"


def want(number: int, *, state_dir: str | None = None) -> Want:
    return Want(
        id=str(number),
        instance=f"i-{number * 0x9E3779B97F4A7C15 % (1 << 68):017x}",
        common=Common(bundles="presigned"),
        header={
            "op": "run",
            "key": f"d-AAAAAAAAA.{number:064x}",
            "seen": {"journal": number, "logs": {}},
            "spec": {"target": f"web-{number}", "environment": {"PASSWORD": SECRET}},
        },
        state_dir=state_dir,
        asked_at=0.0,
    )


def test_each_host_finds_its_own_and_what_is_common_stands_once():
    wants = [want(number) for number in range(50)]

    parcel = json.loads(zlib.decompress(packed_parcel(wants, window=20)))

    assert parcel["common"] == {"op": "run", "window": 20}
    assert parcel["spec"] == {"environment": {"PASSWORD": SECRET}}
    for one in wants:
        own = parcel["each"][one.instance]
        assert {**parcel["common"], **own, "window": None} == {
            **one.header,
            "spec": {"target": one.header["spec"]["target"]},  # type: ignore[index]
            "window": None,
        }


def test_a_command_for_fifty_is_short_and_has_nothing_that_anyone_expands():
    chance = Random(7)
    folders = [
        "/" + chance.randbytes(19).hex() for _ in range(50)
    ]  # as long as batches let them be
    wants = [want(number, state_dir=folder) for number, folder in enumerate(folders)]
    url = "https://bucket.s3.eu-central-1.amazonaws.com/" + chance.randbytes(600).hex()

    script = script_of(
        wants,
        runner={"sha256": RUNNER_SHA256, "url": url},
        parcel={"sha256": "0" * 64, "url": url},
    )

    assert len(script) < LONGEST_COMMAND
    assert "{{" not in script
    assert "\n" not in script
    assert SECRET not in script
