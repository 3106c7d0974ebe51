"""EC2 instances: which ones there are, and how they are."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from tidegate.domain.deployment import ErrorCode
from tidegate.domain.instances import Instance, Place, Search


@dataclass(frozen=True, slots=True)
class NotFound:
    """AWS did not tell; the sentence says why, and what to do."""

    code: ErrorCode
    message: str
    may_pass: bool = False
    """Whether a later try may go well."""


class InstanceSource(Protocol):
    """Tells of instances; any number of threads may share it, and each call is made in pages."""

    def find(self, search: Search) -> tuple[Instance, ...] | NotFound:
        """Return the instances that are meant, those that are terminated left out, by their ids.

        An Auto Scaling group that there is none of is a `NotFound`.
        """
        ...

    def look(self, place: Place, ids: Collection[str]) -> tuple[Instance, ...] | NotFound:
        """Return how instances are, those that are terminated too; who is not known is absent."""
        ...


def aws_instances(*, assume_role: bool = False) -> InstanceSource:
    """Return what asks EC2 and Auto Scaling, by the role of a place if it is to *assume_role*."""
    # boto3 takes long to import, and who has no such instances does not need it.
    from tidegate.drivers.instances.aws import AwsInstances  # noqa: PLC0415

    return AwsInstances(assume_role=assume_role)
