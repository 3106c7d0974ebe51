"""Applications, deployment groups, and which hosts a group means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.deployment import AutoRollback, ComputePlatform, DeploymentStatus
from tidegate.domain.ids import ApplicationId, DeploymentId, GroupId, RevisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    id: ApplicationId
    region: str
    name: str
    compute_platform: ComputePlatform
    created_at: datetime


class TagFilterType(StrEnum):
    KEY_AND_VALUE = "KEY_AND_VALUE"
    KEY_ONLY = "KEY_ONLY"
    VALUE_ONLY = "VALUE_ONLY"


@dataclass(frozen=True, slots=True)
class TagFilter:
    """One condition on a host's tags; comparison is exact and case-sensitive."""

    type: TagFilterType
    key: str = ""
    value: str = ""

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Tell whether a host with *tags* meets this condition."""
        match self.type:
            case TagFilterType.KEY_AND_VALUE:
                return tags.get(self.key) == self.value
            case TagFilterType.KEY_ONLY:
                return self.key in tags
            case TagFilterType.VALUE_ONLY:
                return self.value in tags.values()

    def describe(self) -> str:
        """Return the condition as a user would write it."""
        match self.type:
            case TagFilterType.KEY_AND_VALUE:
                return f"{self.key}={self.value}"
            case TagFilterType.KEY_ONLY:
                return f"{self.key}=*"
            case TagFilterType.VALUE_ONLY:
                return f"*={self.value}"


TagSet = tuple[tuple[TagFilter, ...], ...]
"""AND of ORs: a host must match at least one filter of each inner tuple."""


def tags_match(tag_set: TagSet, tags: Mapping[str, str]) -> bool:
    """Tell whether a host with *tags* is meant by *tag_set*; an empty set means nobody."""
    return bool(tag_set) and all(any(f.matches(tags) for f in either) for either in tag_set)


def describe_wanted(tag_set: TagSet, hosts: Sequence[str]) -> str:
    """Return in words which hosts are meant, for sentences."""
    ways = [f"host {name}" for name in hosts]
    eithers = [" or ".join(one.describe() for one in either) for either in tag_set]
    if eithers:
        ways.append("tags " + " and ".join(f"({either})" for either in eithers))
    return ", ".join(ways) or "no host and no tag"


class WorkingDirectory(StrEnum):
    """Where scripts are run."""

    ROOT = "/"
    ARCHIVE = "archive"
    """The folder into which the revision was unpacked."""


class OnStop(StrEnum):
    """What becomes of a script that runs when its deployment is stopped, or its time is up."""

    FINISH = "finish"
    """It runs to its end, as under CodeDeploy."""
    END = "end"
    """It is ended: SIGTERM, and SIGKILL 5 s later."""


FEWEST_REVISIONS: Final = 1
MOST_REVISIONS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """How deployments of a group are carried out on its hosts."""

    working_directory: WorkingDirectory = WorkingDirectory.ROOT
    sudo: bool = False
    """Whatever runs on a host runs there as root, by sudo."""
    allow_setid: bool = False
    """Set-id bits of files in a bundle are kept."""
    on_stop: OnStop = OnStop.FINISH
    max_revisions: int = 5
    """How many revisions a host keeps unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSummary:
    """The last attempted or successful deployment of a group."""

    deployment_id: DeploymentId
    status: DeploymentStatus
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A deployment group: which hosts, and how they are deployed to."""

    id: GroupId
    application_id: ApplicationId
    application: str
    """Empty once the application is deleted: the group is kept for a deployment that goes on."""
    compute_platform: ComputePlatform
    name: str
    config_name: str
    tag_set: TagSet = ()
    hosts: tuple[str, ...] = ()
    auto_rollback: AutoRollback = field(default_factory=AutoRollback)
    ssh: Mapping[str, object] = field(default_factory=dict)
    """SSH settings for hosts that do not set them themselves."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment of hooks; a host's own variables win."""
    host_options: HostOptions = field(default_factory=HostOptions)
    target_revision_id: RevisionId | None = None
    """The revision of the last successful deployment."""
    active_deployment_id: DeploymentId | None = None
    last_attempted: DeploymentSummary | None = None
    last_successful: DeploymentSummary | None = None
    created_at: datetime

    @property
    def is_orphan(self) -> bool:
        """Whether its application was deleted while one of its deployments was active."""
        return not self.application
