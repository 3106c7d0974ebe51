"""What people ask of deployments: create one, stop one."""

from dataclasses import dataclass, field

from tidegate.domain.deployment import (
    DEPLOYMENT_MACHINE,
    AutoRollback,
    ComputePlatform,
    Creator,
    Deployment,
    DeploymentEvent,
    DeploymentOptions,
    ErrorCode,
    RollbackEvent,
)
from tidegate.domain.errors import DeploymentActive, DeploymentAlreadyCompleted, Invalid
from tidegate.domain.group import Application, Group
from tidegate.domain.ids import DeploymentId, RevisionId
from tidegate.engine.rollback import end_deployment, write_deployment
from tidegate.store.deployments import Move
from tidegate.store.unit_of_work import UnitOfWork

MAX_DESCRIPTION = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRequest:
    """What a caller wants deployed, and how."""

    application: str
    group: str
    revision_id: RevisionId
    config_name: str | None = None
    options: DeploymentOptions = field(default_factory=DeploymentOptions)
    auto_rollback: AutoRollback | None = None


def create_deployment(request: DeploymentRequest, *, uow: UnitOfWork, actor: str) -> Deployment:
    """Write a new deployment, which starts as soon as a worker looks at it.

    Raises:
        ApplicationNotFound, GroupNotFound, RevisionNotFound, ConfigNotFound: There is none.
        DeploymentActive: The group has a deployment that is not final.
        Invalid: A value cannot be taken.
    """
    application = uow.catalog.application(request.application)
    group = uow.catalog.group(request.application, request.group)
    _check(request, application)
    revision = uow.catalog.revision(application.id, request.revision_id)
    deployment = Deployment(
        id=uow.ids.deployment(),
        region=application.region,
        application_id=application.id,
        application=application.name,
        group_id=group.id,
        group=group.name,
        compute_platform=application.compute_platform,
        revision_id=revision.id,
        previous_revision_id=group.target_revision_id,
        config_name=_config_for(request, group, uow),
        creator=Creator.USER,
        options=request.options,
        auto_rollback=request.auto_rollback or group.auto_rollback,
        status=DEPLOYMENT_MACHINE.initial,
        version=0,
        created_at=uow.now(),
    )
    holder = uow.deployments.take_slot(group.id, deployment.id)
    if holder is not None:
        raise DeploymentActive(group.name, holder)
    write_deployment(deployment, group, uow=uow, actor=actor)
    return deployment


def _check(request: DeploymentRequest, application: Application) -> None:
    if application.compute_platform is not ComputePlatform.SERVER:
        raise Invalid(
            f"The application {application.name!r} is for {application.compute_platform}; "
            "this version of Tidegate deploys to Server only."
        )
    description = request.options.description
    if len(description) > MAX_DESCRIPTION:
        raise Invalid(
            f"The description has {len(description)} characters; the limit is {MAX_DESCRIPTION}.",
            code="DescriptionTooLongException",
        )


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
    uow.targets.skip_waiting(deployment_id, at=now, actor=actor, reason=sentence)
    uow.targets.request_cancel(deployment_id)
    move = Move(
        event=DeploymentEvent.STOP,
        at=now,
        actor=actor,
        reason=sentence,
        error_code=ErrorCode.MANUAL_STOP,
    )
    end_deployment(deployment, move, RollbackEvent.REQUEST, uow=uow, asked=rollback)
    return uow.deployments.get(deployment_id)
