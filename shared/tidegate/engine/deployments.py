"""What people ask of deployments: create one, stop one."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tidegate.domain.deployment import (
    DEPLOYMENT_MACHINE,
    AutoRollback,
    Creator,
    Deployment,
    DeploymentEvent,
    DeploymentOptions,
    ErrorCode,
    RollbackEvent,
)
from tidegate.domain.deployment_rules import Asked, check_fits, check_form, check_restart
from tidegate.domain.errors import DeploymentActive, DeploymentAlreadyCompleted, Invalid
from tidegate.domain.group import Application, Group
from tidegate.domain.ids import DeploymentId, RevisionId
from tidegate.domain.platform_rules import broken_rules
from tidegate.engine.aws_groups import wanted_of
from tidegate.engine.revisions import RevisionRequest, revision_for
from tidegate.engine.rollback import write_deployment
from tidegate.engine.stopping import stop_early
from tidegate.store.deployments import Move
from tidegate.store.unit_of_work import UnitOfWork

REGISTERED_BY: Final = "Application revision registered by Deployment ID: {}"
_LOOKED_AT_AGAIN: Final = frozenset(
    f"{code}Exception"
    for code in (
        "InvalidRole",
        "InvalidAutoScalingGroup",
        "InvalidAlarmConfig",
        "AlarmsLimitExceeded",
        "InvalidAutoRollbackConfig",
        "InvalidLoadBalancerInfo",
        "InvalidTrafficRoutingConfiguration",
        "InvalidECSService",
    )
)
"""Rules on groups that a deployment is refused by, too: `/v1` makes groups that lack something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRequest:
    """What a caller wants deployed, and how."""

    application: str
    group: str
    revision_id: RevisionId | None = None
    revision: RevisionRequest | None = None
    """Where the revision lies, instead of its id; it is registered if it is not known yet."""
    config_name: str | None = None
    options: DeploymentOptions = field(default_factory=DeploymentOptions)
    names_file_behavior: bool = False
    """Whether the caller chose what becomes of files that exist."""
    auto_rollback: AutoRollback | None = None


def create_deployment(request: DeploymentRequest, *, uow: UnitOfWork, actor: str) -> Deployment:
    """Write a new deployment, which starts as soon as a worker looks at it.

    Raises:
        ApplicationNotFound, GroupNotFound, RevisionNotFound, ConfigNotFound: There is none.
        DeploymentActive: The group has a deployment that is not final.
        Invalid: A value cannot be taken.
    """
    asked = _asked(request)
    check_form(asked)
    application = uow.catalog.application(request.application)
    group = uow.catalog.group(request.application, request.group)
    config_name = _config_for(request, group, uow)
    asked = replace(asked, platform=group.compute_platform, aws=group.aws)
    check_restart(asked)
    deployment_id, now = uow.ids.deployment(), uow.now()
    revision_id = _revision_for(request, application, group, deployment_id, uow=uow, at=now)
    _check_fits(asked, group)
    deployment = Deployment(
        id=deployment_id,
        region=application.region,
        application_id=application.id,
        application=application.name,
        group_id=group.id,
        group=group.name,
        compute_platform=application.compute_platform,
        revision_id=revision_id,
        previous_revision_id=group.target_revision_id,
        config_name=config_name,
        creator=Creator.USER,
        options=request.options,
        auto_rollback=request.auto_rollback or group.auto_rollback,
        status=DEPLOYMENT_MACHINE.initial,
        version=0,
        created_at=now,
    )
    _take_slot(group, deployment, uow)
    write_deployment(deployment, group, uow=uow, actor=actor)
    return deployment


def _asked(request: DeploymentRequest) -> Asked:
    return Asked(
        options=request.options,
        auto_rollback=request.auto_rollback,
        names_revision=request.revision_id is not None or request.revision is not None,
        names_file_behavior=request.names_file_behavior,
    )


def _revision_for(
    request: DeploymentRequest,
    application: Application,
    group: Group,
    deployment_id: DeploymentId,
    *,
    uow: UnitOfWork,
    at: datetime,
) -> RevisionId:
    """Return what is deployed; where nothing is named, that is the last success of the group."""
    if request.revision is not None:
        described = replace(request.revision, description=REGISTERED_BY.format(deployment_id))
        return revision_for(application, described, uow=uow, at=at)[0].id
    wanted = request.revision_id or group.target_revision_id
    if wanted is None:
        raise Invalid(
            f"The group {group.name!r} has no successful deployment whose revision could be "
            "taken; name a revision.",
            code="RevisionRequiredException",
        )
    return uow.catalog.revision(application.id, wanted).id


def _take_slot(group: Group, deployment: Deployment, uow: UnitOfWork) -> None:
    holder = uow.deployments.take_slot(group.id, deployment.id)
    if holder is not None:
        raise DeploymentActive(group.name, holder)


def _check_fits(asked: Asked, group: Group) -> None:
    check_fits(asked)
    wanted = replace(wanted_of(group), takes_several_pairs=True)
    for code, sentence in broken_rules(group.compute_platform, wanted):
        if code in _LOOKED_AT_AGAIN:
            raise Invalid(sentence, code=code)


def _config_for(request: DeploymentRequest, group: Group, uow: UnitOfWork) -> str:
    config = uow.catalog.config(request.config_name or group.config_name)
    if config.compute_platform is not group.compute_platform:
        raise Invalid(
            f"The deployment config {config.name!r} is for {config.compute_platform} "
            f"and the group {group.name!r} for {group.compute_platform}; choose another config.",
            code="InvalidDeploymentConfigNameException",
        )
    return config.name


def stop_deployment(
    deployment_id: DeploymentId,
    *,
    uow: UnitOfWork,
    actor: str,
    reason: str = "",
    rollback: bool | None = None,
) -> Deployment:
    """Stop a deployment that has not finished.

    Targets that nobody has taken are skipped. A script that runs is not killed: its target stays
    InProgress until the script has ended and is Failed then. *rollback* asks for a rollback or
    refuses one; None leaves it to what the deployment was created with.

    Raises:
        DeploymentNotFound: There is none.
        DeploymentAlreadyCompleted: It is final.
    """
    deployment = uow.deployments.lock(deployment_id)
    if deployment.is_final:
        raise DeploymentAlreadyCompleted(deployment_id, deployment.status)
    now = uow.now()
    sentence = f"Stopped by {actor}" + (f": {reason}" if reason else ".")
    move = Move(
        event=DeploymentEvent.STOP,
        at=now,
        actor=actor,
        reason=sentence,
        error_code=ErrorCode.MANUAL_STOP,
    )
    stop_early(deployment, move, RollbackEvent.REQUEST, uow=uow, asked=rollback)
    return uow.deployments.get(deployment_id)
