"""The one place where the progress of a deployment is decided and recorded."""

from collections.abc import Mapping, Sequence
from typing import Final, assert_never

import structlog

from tidegate.domain.deployment import (
    Creator,
    Deployment,
    DeploymentEvent,
    DeploymentStatus,
    ErrorCode,
    RollbackEvent,
)
from tidegate.domain.host import Host
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import HOST_SEGMENT, events_of
from tidegate.domain.revision import Revision
from tidegate.domain.steps import Fail, StartTargets, Step, Succeed
from tidegate.domain.target import TargetStatus
from tidegate.engine.alarms import verdict_on
from tidegate.engine.course_ends import end_course
from tidegate.engine.courses import advance_course, start_course
from tidegate.engine.fetching import await_bundle
from tidegate.engine.resolving import Resolved, explained, in_turn, resolve_hosts
from tidegate.engine.rollback import end_deployment
from tidegate.engine.stopping import stop_early
from tidegate.messages import want_target
from tidegate.planning.alarms import GoOn, Stop
from tidegate.planning.in_place import DEPLOYMENT_LIMIT, check_start, plan_in_place
from tidegate.store.deployments import Move
from tidegate.store.targets import NewTarget
from tidegate.store.unit_of_work import UnitOfWork
from tidegate.store.watches import READ_EVERY

NO_APPLICATION: Final = "The application was deleted before the deployment started."
NO_GROUP: Final = "The deployment group was deleted before the deployment started."

log = structlog.get_logger(__name__)


def advance_deployment(deployment_id: DeploymentId, *, uow: UnitOfWork) -> None:
    """Look at how a deployment stands, decide what comes next and record it.

    May be called at any time and any number of times.

    Raises:
        DeploymentNotFound: There is none.
        Stale: Somebody else advanced it meanwhile; call again.
    """
    deployment = uow.deployments.lock(deployment_id)
    if deployment.is_final:
        uow.deployments.settle(deployment, wake_at=None)
        if not deployment.is_of_servers:
            end_course(deployment, uow)
        return
    if not deployment.watches_alarms:
        _go_on(deployment, uow)
        return
    said = verdict_on(deployment, uow)
    if isinstance(said, Stop):
        stop = Move(
            event=DeploymentEvent.STOP,
            at=uow.now(),
            actor="tidegate",
            reason=said.reason,
            error_code=said.code,
        )
        stop_early(deployment, stop, RollbackEvent.ALARM, uow=uow, asked=said.rollback)
        return
    reason = "" if isinstance(said, GoOn) else said.reason
    deployment = uow.deployments.say(deployment, (reason,) if reason else ())
    _go_on(deployment, uow, is_held=bool(reason))


def _go_on(deployment: Deployment, uow: UnitOfWork, *, is_held: bool = False) -> None:
    """Decide what comes next; while a deployment *is held*, nothing more of it begins."""
    if deployment.status is not DeploymentStatus.CREATED:
        go_on = _plan if deployment.is_of_servers else advance_course
        go_on(deployment, uow, is_held=is_held)
    elif failure := _deleted(deployment, uow):
        _apply(deployment, failure, uow)
    elif is_held:
        uow.deployments.settle(deployment, wake_at=uow.now() + READ_EVERY)
    elif deployment.is_of_servers:
        _start(deployment, uow)
    elif failure := start_course(deployment, uow):
        _apply(deployment, failure, uow)


def _deleted(deployment: Deployment, uow: UnitOfWork) -> Fail | None:
    if deployment.creator is Creator.ROLLBACK and not deployment.is_of_servers:
        # The way back is known from what moved, and whoever has no group has traffic yet.
        return None
    group = uow.catalog.group_by_id(deployment.group_id)
    if group is None or not group.application:
        return Fail(ErrorCode.APPLICATION_MISSING, NO_APPLICATION)
    return None if group.name else Fail(ErrorCode.DEPLOYMENT_GROUP_MISSING, NO_GROUP)


def _start(deployment: Deployment, uow: UnitOfWork) -> None:
    failure = uow.deployments.bundle_failure(deployment.id)
    revision = uow.catalog.revision_by_id(deployment.revision_id)
    if failure is None and _needs_bundle(deployment, revision):
        if timed_out := await_bundle(deployment, uow):
            _apply(deployment, timed_out, uow)
        return
    resolved = resolve_hosts(deployment, uow.deployments.group_settings(deployment.id), uow)
    if isinstance(resolved, Fail):
        _apply(deployment, resolved, uow)
    elif resolved is not None:
        _start_on(resolved, deployment, failure, uow)


def _start_on(
    resolved: Resolved, deployment: Deployment, failure: Mapping[str, str] | None, uow: UnitOfWork
) -> None:
    """Begin a deployment on the hosts that it is for; a *failure* of its bundle fails all."""
    hosts = resolved.hosts
    outdated = in_turn(deployment, hosts, uow)
    config = uow.catalog_of(deployment.region).config(deployment.config_name)
    total = len(outdated) or len(hosts)
    minimum = config.minimum_healthy.of(total) if config.minimum_healthy else 0
    refusal = check_start(total, minimum, is_predefined=config.is_predefined)
    if refusal is not None and (outdated or not hosts):
        settings = uow.deployments.group_settings(deployment.id)
        _apply(deployment, explained(refusal, settings, hosts), uow)
        return
    now = uow.now()
    started = uow.deployments.on(
        deployment,
        Move(event=DeploymentEvent.START, at=now, actor="tidegate"),
        started_at=now,
        minimum_healthy=minimum,
        total_targets=total,
    )
    _add_targets(started, outdated or hosts, uow, skipped=not outdated)
    if not outdated:
        _apply(started, Succeed(), uow)
        return
    if failure is not None:
        uow.targets.fail_all(
            deployment.id, event=failure["event"], at=now, message=failure["message"]
        )
    else:
        _fail_unfit(started, resolved, uow)
    _plan(started, uow)


def _fail_unfit(deployment: Deployment, resolved: Resolved, uow: UnitOfWork) -> None:
    first, *_ = events_of(is_restart=deployment.options.is_restart)
    for target_id, sentence in resolved.unfit.items():
        uow.targets.fail_all(
            deployment.id, event=first, at=uow.now(), message=sentence, only=target_id
        )


def _needs_bundle(deployment: Deployment, revision: Revision | None) -> bool:
    if deployment.options.is_restart:
        return False
    if revision is None:
        return True
    return revision.appspec is None if revision.is_pinned else not deployment.bundle_sha256


def _add_targets(
    deployment: Deployment, hosts: Sequence[Host], uow: UnitOfWork, *, skipped: bool
) -> None:
    status = TargetStatus.SKIPPED if skipped else TargetStatus.PENDING
    targets = [
        NewTarget(id=TargetId(host.name), host_id=host.id, position=position, status=status)
        for position, host in enumerate(hosts)
    ]
    uow.targets.add_all(
        deployment.id,
        targets,
        segment=HOST_SEGMENT,
        events=events_of(is_restart=deployment.options.is_restart),
        at=uow.now(),
    )


def _plan(deployment: Deployment, uow: UnitOfWork, *, is_held: bool = False) -> None:
    started_at = deployment.started_at or uow.now()
    fleet = uow.targets.fleet(deployment.id, in_progress_for=uow.now() - started_at)
    steps = list(plan_in_place(fleet, deployment.minimum_healthy or 0, is_held=is_held))
    log.info("planned", deployment_id=deployment.id, fleet=str(fleet), steps=str(steps))
    if not any(isinstance(step, Succeed | Fail) for step in steps):
        uow.deployments.settle(deployment, wake_at=started_at + DEPLOYMENT_LIMIT)
    for step in steps:
        _apply(deployment, step, uow)


def _apply(deployment: Deployment, step: Step, uow: UnitOfWork) -> None:
    now = uow.now()
    match step:
        case StartTargets(count):
            for target in uow.leases.dispatch_next(deployment.id, count, at=now):
                want_target(uow, deployment.id, target, HOST_SEGMENT)
        case Succeed():
            move = Move(event=DeploymentEvent.SUCCEED, at=now, actor="tidegate")
            end_deployment(deployment, move, None, uow=uow)
        case Fail(code, reason):
            uow.targets.skip_waiting(
                deployment.id, at=now, actor="tidegate", reason="The deployment failed before."
            )
            uow.targets.request_cancel(deployment.id)
            move = Move(
                event=DeploymentEvent.FAIL, at=now, actor="tidegate", reason=reason, error_code=code
            )
            end_deployment(deployment, move, RollbackEvent.FAILURE, uow=uow)
        case _:
            assert_never(step)
