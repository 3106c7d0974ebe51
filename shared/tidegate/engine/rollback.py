"""The end of a deployment, and the rollback that may follow in the same transaction."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tidegate.domain.configs import PREDEFINED_PREFIX
from tidegate.domain.course import CHANGES, StepKind
from tidegate.domain.deployment import (
    DEPLOYMENT_MACHINE,
    ComputePlatform,
    Creator,
    Deployment,
    DeploymentEvent,
    DeploymentMode,
    FileExistsBehavior,
    RollbackEvent,
)
from tidegate.domain.group import Group
from tidegate.domain.ids import DeploymentId, RevisionId
from tidegate.messages import LOOK_AT_INSTANCES, POLL_ALARMS, want_advance
from tidegate.planning.instances import wants_follow_up
from tidegate.planning.rollback import (
    RollBackTo,
    plan_rollback,
    triggered_message,
    triggering_message,
)
from tidegate.store.deployments import Move
from tidegate.store.unit_of_work import UnitOfWork

_AT_ONCE: Final = {
    ComputePlatform.LAMBDA: f"{PREDEFINED_PREFIX}LambdaAllAtOnce",
    ComputePlatform.ECS: f"{PREDEFINED_PREFIX}ECSAllAtOnce",
}
"""How a rollback moves traffic, whatever the deployment's own config."""

_OF_LAST_SUCCESS: Final = (Creator.ROLLBACK, Creator.AUTO_UPDATE)
"""Who brings what was good, to all of a group or to those who lack it."""


def end_deployment(
    deployment: Deployment,
    move: Move,
    event: RollbackEvent | None,
    *,
    uow: UnitOfWork,
    asked: bool | None = None,
) -> Deployment:
    """End *deployment* by *move*; after *event* begin the rollback that is wanted, if any.

    The rollback takes the group's slot directly: nobody can come between. Returns the deployment
    as it is now, but for what is said of its rollback.
    """
    ended = uow.deployments.on(deployment, move, wake_at=None)
    if move.event is not DeploymentEvent.SUCCEED:
        # What held it up is over, and holds nothing any more.
        ended = uow.deployments.say(ended, ())
    if deployment.watches_alarms:
        uow.watches.end(deployment.id)
    uow.deployments.free_slot(deployment, succeeded=move.event is DeploymentEvent.SUCCEED)
    _end_search(deployment, move.event, uow)
    is_orphan = uow.catalog.is_group_deleted(deployment.group_id)
    if event is not None:
        _roll_back(deployment, event, asked, uow, has_group=not is_orphan)
    if is_orphan:
        uow.catalog.delete_idle_group(deployment.group_id)
        uow.catalog.delete_orphan(deployment.application_id)
    return ended


def _end_search(deployment: Deployment, event: DeploymentEvent, uow: UnitOfWork) -> None:
    """Look at EC2 instances no more, but once for what was launched during a success."""
    if not deployment.is_of_servers:
        return
    aws = uow.deployments.group_settings(deployment.id)["aws"]
    if not aws.asks_for_ec2:
        return
    wanted = event is DeploymentEvent.SUCCEED and wants_follow_up(deployment, aws)
    uow.searches.end(deployment.id, at=uow.now(), look_after=wanted)
    if wanted:
        uow.send(LOOK_AT_INSTANCES)


def _roll_back(
    deployment: Deployment,
    event: RollbackEvent,
    asked: bool | None,
    uow: UnitOfWork,
    *,
    has_group: bool,
) -> None:
    """Begin the rollback that is wanted after *event*, or say why there is none."""
    group = uow.catalog.group_by_id(deployment.group_id)
    if group is None:
        return
    decision = plan_rollback(
        deployment,
        event,
        asked=asked,
        last_good=group.target_revision_id,
        has_group=has_group,
        **_of_traffic(deployment, uow),
    )
    if isinstance(decision, RollBackTo):
        _begin(deployment, group, decision.revision_id, uow=uow)
    elif decision.reason:
        uow.deployments.link_rollback(deployment.id, None, decision.reason)


def _of_traffic(deployment: Deployment, uow: UnitOfWork) -> dict[str, bool]:
    if deployment.is_of_servers:
        return {}
    begun = uow.courses.kinds_begun(deployment.id)
    return {"has_moved": bool(begun & CHANGES), "can_return": StepKind.FINISH not in begun}


def write_deployment(deployment: Deployment, group: Group, *, uow: UnitOfWork, actor: str) -> None:
    """Write *deployment*, for which the group's slot was taken, and have it advanced."""
    alarms = deployment.options.override_alarms or group.aws.alarms
    # What brings an older revision back is what puts an alarm out.
    watches = bool(alarms.watched) and deployment.creator is not Creator.ROLLBACK
    deployment = replace(deployment, watches_alarms=watches)
    uow.deployments.add(deployment, uow.catalog.snapshot_of(group), actor=actor)
    if deployment.creator in _OF_LAST_SUCCESS or deployment.options.is_restart:
        _keep_to_last_success(deployment, group, uow)
    if watches:
        is_first = uow.watches.add(deployment, alarms, role_arn=group.aws.service_role_arn)
        # Of many that begin at once the first one asks for all; the sweep sees to who is missed.
        if is_first:
            uow.send(POLL_ALARMS)
    uow.catalog.mark_revision_used(deployment.revision_id, deployment.created_at)
    want_advance(uow, deployment.id)


def deployment_after(
    before: Deployment,
    group: Group,
    deployment_id: DeploymentId,
    *,
    creator: Creator,
    revision_id: RevisionId,
    config_name: str,
    at: datetime,
    **options: Any,
) -> Deployment:
    """Return a deployment to the group of another one by its options, but for those that are given.

    It is never rolled back: what it would go back to is what it brings.
    """
    return Deployment(
        id=deployment_id,
        region=before.region,
        application_id=before.application_id,
        application=before.application,
        group_id=group.id,
        group=group.name,
        compute_platform=before.compute_platform,
        revision_id=revision_id,
        previous_revision_id=group.target_revision_id,
        config_name=config_name,
        creator=creator,
        options=replace(
            before.options,
            update_outdated_only=False,
            deployment_mode=DeploymentMode.STANDARD,
            **options,
        ),
        auto_rollback=replace(before.auto_rollback, enabled=False),
        status=DEPLOYMENT_MACHINE.initial,
        version=0,
        created_at=at,
    )


def _begin(
    deployment: Deployment, group: Group, revision_id: RevisionId, *, uow: UnitOfWork
) -> None:
    rollback_id = uow.ids.deployment()
    message = triggering_message(deployment.id, rollback_id)
    rollback = deployment_after(
        deployment,
        group,
        rollback_id,
        creator=Creator.ROLLBACK,
        revision_id=revision_id,
        config_name=_AT_ONCE.get(deployment.compute_platform, deployment.config_name),
        at=uow.now(),
        description=message,
        file_exists_behavior=_behavior_of_last_success(deployment, group, uow),
    )
    rollback = replace(
        rollback, rollback_triggering_deployment_id=deployment.id, rollback_message=message
    )
    uow.deployments.take_slot(group.id, rollback_id)
    write_deployment(rollback, group, uow=uow, actor=Creator.ROLLBACK)
    uow.deployments.link_rollback(
        deployment.id, rollback_id, triggered_message(deployment.id, rollback_id)
    )


def _keep_to_last_success(deployment: Deployment, group: Group, uow: UnitOfWork) -> None:
    """Have a deployment go by the bytes that were good, whatever lies at their source by now."""
    if group.last_successful is None:
        return
    last = group.last_successful.deployment_id
    if good := uow.bundles.of_last_success(deployment.revision_id, last):
        uow.bundles.keep(deployment.id, good)


def _behavior_of_last_success(
    deployment: Deployment, group: Group, uow: UnitOfWork
) -> FileExistsBehavior:
    if group.last_successful is None:
        return deployment.options.file_exists_behavior
    return uow.deployments.get(group.last_successful.deployment_id).options.file_exists_behavior
