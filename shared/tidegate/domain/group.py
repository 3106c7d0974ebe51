"""Applications and deployment groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import AutoRollback, ComputePlatform, DeploymentStatus
from tidegate.domain.ec2 import Ec2Options
from tidegate.domain.ids import ApplicationId, DeploymentId, GroupId, RevisionId
from tidegate.domain.tag_filters import TagSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    id: ApplicationId
    region: str
    name: str
    compute_platform: ComputePlatform
    created_at: datetime


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
    """Empty once it is deleted itself, likewise."""
    config_name: str
    tag_set: TagSet = ()
    hosts: tuple[str, ...] = ()
    auto_rollback: AutoRollback = field(default_factory=AutoRollback)
    ssh: Mapping[str, object] = field(default_factory=dict)
    """SSH settings for hosts that do not set them themselves."""
    ssm: Mapping[str, object] = field(default_factory=dict)
    """Likewise for hosts that are reached over SSM."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment of hooks; a host's own variables win."""
    host_options: HostOptions = field(default_factory=HostOptions)
    ec2: Ec2Options = field(default_factory=Ec2Options)
    """How those of its hosts are reached that EC2 instances are."""
    aws: AwsGroup = field(default_factory=AwsGroup)
    target_revision_id: RevisionId | None = None
    """The revision of the last successful deployment."""
    active_deployment_id: DeploymentId | None = None
    last_attempted: DeploymentSummary | None = None
    last_successful: DeploymentSummary | None = None
    created_at: datetime

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted, alone or with its application, while it was deploying."""
        return not (self.name and self.application)
