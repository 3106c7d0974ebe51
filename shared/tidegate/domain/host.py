"""A host: a machine that can be deployed to, and how it is reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.ids import HostId
from tidegate.domain.instances import Instance

NO_WAY: Final = ""
"""The driver of a host of which nobody has said how it is reached."""


class Origin(StrEnum):
    """From whom a host is known."""

    REGISTERED = ""
    """Somebody registered it."""
    EC2 = "ec2"
    """A deployment found it among the instances of EC2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What makes a host an on-premises instance of CodeDeploy's."""

    suffix: str
    """The end of its ARN, another one each time it is registered."""
    registered_at: datetime
    deregistered_at: datetime | None = None
    """Since when it takes part in no deployment."""
    iam_user_arn: str = ""
    iam_session_arn: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host as far as it matters for whether it is deployed to."""

    id: HostId
    name: str
    tags: Mapping[str, str]
    instance_id: str = ""
    """The instance that it says it is, where it is reached over SSM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    id: HostId
    name: str
    driver: str
    """How it is reached, or `NO_WAY`."""
    settings: Mapping[str, object]
    """What the driver needs to reach it; checked by the driver's own settings class."""
    tags: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    registration: Registration
    last_seen_at: datetime | None = None
    created_at: datetime
    origin: Origin = Origin.REGISTERED
    instance: Instance | None = None
    """The EC2 instance that it is, as it was when it was found last."""
    found_at: datetime | None = None
    """When a deployment found it last among the instances of EC2."""

    @property
    def is_reachable(self) -> bool:
        """Whether it is known how it is reached; not that it answers."""
        return self.driver != NO_WAY

    @property
    def is_registered(self) -> bool:
        """Whether it takes part in deployments."""
        return self.registration.deregistered_at is None
