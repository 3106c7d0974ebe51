"""A deployment: one attempt to bring a revision to a group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.alarms import Alarms
from tidegate.domain.ec2 import ScalingProcess, TargetInstances
from tidegate.domain.ids import ApplicationId, DeploymentId, GroupId, RevisionId
from tidegate.domain.machine import Machine


class ComputePlatform(StrEnum):
    SERVER = "Server"
    LAMBDA = "Lambda"
    ECS = "ECS"


class DeploymentStatus(StrEnum):
    """CodeDeploy's DeploymentStatus."""

    CREATED = "Created"
    QUEUED = "Queued"
    IN_PROGRESS = "InProgress"
    BAKING = "Baking"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"
    READY = "Ready"


class DeploymentEvent(StrEnum):
    START = "start"
    GET_READY = "get_ready"
    GO_ON = "go_on"
    SUCCEED = "succeed"
    FAIL = "fail"
    STOP = "stop"


_S = DeploymentStatus
_E = DeploymentEvent

DEPLOYMENT_MACHINE: Final = Machine(
    name="deployment",
    initial=_S.CREATED,
    moves={
        (_S.CREATED, _E.START): _S.IN_PROGRESS,
        (_S.CREATED, _E.FAIL): _S.FAILED,
        (_S.CREATED, _E.STOP): _S.STOPPED,
        (_S.IN_PROGRESS, _E.SUCCEED): _S.SUCCEEDED,
        (_S.IN_PROGRESS, _E.FAIL): _S.FAILED,
        (_S.IN_PROGRESS, _E.STOP): _S.STOPPED,
        (_S.IN_PROGRESS, _E.GET_READY): _S.READY,
        (_S.READY, _E.GO_ON): _S.IN_PROGRESS,
        (_S.READY, _E.STOP): _S.STOPPED,
    },
)


class Creator(StrEnum):
    USER = "user"
    ROLLBACK = "codeDeployRollback"
    AUTO_UPDATE = "CodeDeployAutoUpdate"
    """For instances that were launched while the group was deployed to."""


class RollbackEvent(StrEnum):
    """What a group may ask to be rolled back after (CodeDeploy's AutoRollbackEvent)."""

    FAILURE = "DEPLOYMENT_FAILURE"
    ALARM = "DEPLOYMENT_STOP_ON_ALARM"
    REQUEST = "DEPLOYMENT_STOP_ON_REQUEST"


@dataclass(frozen=True, slots=True)
class AutoRollback:
    enabled: bool = False
    events: tuple[RollbackEvent, ...] = ()

    def after(self, event: RollbackEvent) -> bool:
        """Tell whether this asks for a rollback after *event*."""
        return self.enabled and event in self.events


class DeploymentMode(StrEnum):
    """What a deployment does on its hosts (CodeDeploy's DeploymentMode)."""

    STANDARD = "STANDARD"
    RESTART = "RESTART"
    """Runs the scripts of the revision that is installed, and installs nothing."""


class FileExistsBehavior(StrEnum):
    DISALLOW = "DISALLOW"
    OVERWRITE = "OVERWRITE"
    RETAIN = "RETAIN"


class ErrorCode(StrEnum):
    """Why a deployment ended without success (CodeDeploy's errorInformation.code)."""

    HEALTH_CONSTRAINTS = "HEALTH_CONSTRAINTS"
    HEALTH_CONSTRAINTS_INVALID = "HEALTH_CONSTRAINTS_INVALID"
    NO_INSTANCES = "NO_INSTANCES"
    OVER_MAX_INSTANCES = "OVER_MAX_INSTANCES"
    MANUAL_STOP = "MANUAL_STOP"
    APPLICATION_MISSING = "APPLICATION_MISSING"
    DEPLOYMENT_GROUP_MISSING = "DEPLOYMENT_GROUP_MISSING"
    REVISION_MISSING = "REVISION_MISSING"
    INVALID_REVISION = "INVALID_REVISION"
    TIMEOUT = "TIMEOUT"
    ALARM_ACTIVE = "ALARM_ACTIVE"
    HOOK_EXECUTION_FAILURE = "HOOK_EXECUTION_FAILURE"
    INVALID_LAMBDA_CONFIGURATION = "INVALID_LAMBDA_CONFIGURATION"
    INVALID_LAMBDA_FUNCTION = "INVALID_LAMBDA_FUNCTION"
    INVALID_ECS_SERVICE = "INVALID_ECS_SERVICE"
    ECS_UPDATE_ERROR = "ECS_UPDATE_ERROR"
    ELASTIC_LOAD_BALANCING_INVALID = "ELASTIC_LOAD_BALANCING_INVALID"
    AUTO_SCALING_CONFIGURATION = "AUTO_SCALING_CONFIGURATION"
    IAM_ROLE_MISSING = "IAM_ROLE_MISSING"
    IAM_ROLE_PERMISSIONS = "IAM_ROLE_PERMISSIONS"
    THROTTLED = "THROTTLED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentOptions:
    """What the caller of a deployment may choose."""

    description: str = ""
    ignore_application_stop_failures: bool = False
    file_exists_behavior: FileExistsBehavior = FileExistsBehavior.DISALLOW
    update_outdated_only: bool = False
    deployment_mode: DeploymentMode = DeploymentMode.STANDARD
    override_alarms: Alarms | None = None
    """Instead of the group's."""
    target_instances: TargetInstances | None = None
    suspended_processes: tuple[ScalingProcess, ...] | None = None
    """Instead of the group's."""
    moves_one_alias: bool = False
    """Whether an AppSpec with several functions fails: CodeDeploy's own API knows one."""

    @property
    def is_restart(self) -> bool:
        return self.deployment_mode is DeploymentMode.RESTART


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One attempt to bring a revision to a group, with all that was settled at its start."""

    id: DeploymentId
    region: str
    application_id: ApplicationId
    application: str
    group_id: GroupId
    group: str
    compute_platform: ComputePlatform
    revision_id: RevisionId
    previous_revision_id: RevisionId | None
    config_name: str
    creator: Creator
    options: DeploymentOptions
    auto_rollback: AutoRollback
    status: DeploymentStatus
    version: int
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error_code: ErrorCode | None = None
    error_message: str = ""
    minimum_healthy: int | None = None
    """How many hosts must stay healthy, resolved from the config when the deployment started."""
    total_targets: int = 0
    overview: Mapping[str, int] = field(default_factory=dict)
    """Number of targets by status; filled only where it was asked for."""
    rollback_deployment_id: DeploymentId | None = None
    rollback_triggering_deployment_id: DeploymentId | None = None
    rollback_message: str = ""
    bundle_sha256: str = ""
    """What its first fetch found, where its revision does not say what has to be found."""
    status_messages: tuple[str, ...] = ()
    """What else there is to say of how it stands."""
    external_id: str | None = None
    """What made it, where that was no user: a CloudFormation stack."""
    paused_at: datetime | None = None
    """Since when no step of it begins."""
    watches_alarms: bool = False
    has_kept_blue: bool = False
    """Whether its wait before the old side is removed has begun."""

    @property
    def is_of_servers(self) -> bool:
        """Whether it runs scripts on hosts; all others move traffic."""
        return self.compute_platform is ComputePlatform.SERVER

    @property
    def is_final(self) -> bool:
        return DEPLOYMENT_MACHINE.is_final(self.status)
