"""Traffic: how the share that a new side gets is moved out there, and taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

from tidegate.domain.deployment import ComputePlatform, ErrorCode
from tidegate.domain.traffic import Errand, Found, Json, Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """It is as it was wanted, and that was read back."""

    found: Found
    before: Mapping[str, Json] | None = None
    """What is needed for the way back; only the first look says it."""
    made: tuple[Made, ...] = ()
    """What stands out there by now because of this deployment."""
    note: str = ""
    """What the user should know though it went well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """It is on its way; ask again, with the same errand."""

    check_in: timedelta
    note: str
    """What is waited for."""
    found: Found
    made: tuple[Made, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It did not work; the sentence names what was called for, and what to do."""

    code: ErrorCode
    message: str
    may_pass: bool = False
    """Whether a later try may go well: AWS is away, busy, or in the middle of something."""


Answer: TypeAlias = Done | Running | Failed


class TrafficDriver(Protocol):
    """Moves the traffic of one kind of thing.

    Each verb may be called any number of times, also after one that died in its middle: what is so
    already is left alone. Each answers within half a minute and raises only for our own bugs. Any
    number of threads may share a driver. Just before each change it asks whether the errand is
    still its caller's, and makes none for one that is not.
    """

    def look(self, errand: Errand) -> Done | Failed:
        """See that the traffic can be moved, and note how all stands before that.

        Changes nothing. Done says `before`.
        """

    def prepare(self, errand: Errand) -> Answer:
        """Have the new side stand there, steady and without traffic."""

    def test(self, errand: Errand) -> Done | Failed:
        """Give the new side the test traffic, where there is any."""

    def shift(self, errand: Errand, weight: int) -> Done | Failed:
        """Give the new side *weight* percent of all traffic, and read that back.

        At 100 the new side is what the next deployment finds as its old one.
        """

    def finish(self, errand: Errand) -> Answer:
        """Remove the old side, which must have no traffic."""

    def restore(self, errand: Errand) -> Answer:
        """Bring everything to how the first look found it, and remove the new side.

        What somebody else has changed meanwhile is left alone, and the note says so.
        """


def traffic_driver(platform: ComputePlatform, *, assume_role: bool = False) -> TrafficDriver:
    """Return what moves the traffic of a platform.

    Where it is to *assume_role*, what an errand names as such is what AWS is called by.
    """
    # boto3 takes long to import, and who deploys to servers only does not need it.
    match platform:
        case ComputePlatform.LAMBDA:
            from tidegate.drivers.traffic.lambda_ import LambdaTraffic  # noqa: PLC0415

            return LambdaTraffic(assume_role=assume_role)
        case ComputePlatform.ECS:
            from tidegate.drivers.traffic.ecs import EcsTraffic  # noqa: PLC0415

            return EcsTraffic(assume_role=assume_role)
        case ComputePlatform.SERVER:
            raise AssertionError(platform)
