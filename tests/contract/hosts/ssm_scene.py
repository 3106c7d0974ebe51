"""Drivers over SSM that are in more haste than AWS would let them be."""

from typing import Any, Final

from tidegate.drivers.hosts import HostAddress
from tidegate.drivers.hosts.ssm import SsmHosts
from tidegate.drivers.hosts.ssm_batches import SsmPace
from tidegate.testing.aws.ssm.handle import StandInHost

REGION: Final = "us-east-1"
HASTY: Final = SsmPace(
    slice=0.5,
    gather=0.05,
    hold=0.2,
    quiet=0.02,
    tick=0.05,
    poll=0.1,
    slowest_poll=0.2,
    grace=20.0,
    unseen_for=0.5,
    shortest_back_off=0.05,
    longest_back_off=0.3,
    lost_after=45.0,
    sends_per_second=200.0,
    reads_per_second=200.0,
)


def ssm_driver(exchange: str, *, pace: SsmPace = HASTY, **more: Any) -> SsmHosts:
    return SsmHosts(region=REGION, exchange=exchange, pace=pace, **more)


def address_of(host: StandInHost, name: str = "web-1", **settings: Any) -> HostAddress:
    state = str(host.folder / "state")
    return HostAddress(name=name, settings={"instance_id": host.id, "state_dir": state, **settings})
