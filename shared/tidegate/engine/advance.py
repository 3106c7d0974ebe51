"""The one place where the progress of a deployment is decided and recorded."""

from collections.abc import Mapping
from datetime import timedelta
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
from tidegate.domain.errors import Stale
from tidegate.domain.ids import DeploymentId
from tidegate.domain.lifecycle import HOST_SEGMENT, events_of
from tidegate.domain.revision import Revision
from tidegate.domain.steps import Fail, LookAgain, StartTargets, Step, Succeed
from tidegate.engine.alarms import verdict_on
from tidegate.engine.course_ends import end_course
from tidegate.engine.courses import advance_course, start_course
from tidegate.engine.fetching import await_bundle
from tidegate.engine.finding import await_instances
from tidegate.engine.gathering import Gathered, gather_targets
from tidegate.engine.rollback import end_deployment
from tidegate.engine.stopping import (
    FAILED_BEFORE,
    SLICE,
    go_on_if_more,
    skip_and_end,
    skip_left_over,
    stop_early,
)
from tidegate.messages import want_advance, want_target
from tidegate.planning.alarms import GoOn, Stop
from tidegate.planning.in_place import DEPLOYMENT_LIMIT, plan_in_place
from tidegate.store.deployments import Move
from tidegate.store.unit_of_work import Store, UnitOfWork
from tidegate.store.watches import READ_EVERY

NO_APPLICATION: Final = "The application was deleted before the deployment started."
NO_GROUP: Final = "The deployment group was deleted before the deployment started."

GATHER_AGAIN: Final = timedelta(seconds=30)
"""Targets that are not written after so long are gathered again: their worker may have died."""
LOOK_AGAIN: Final = timedelta(seconds=1)
"""When there is more to start than may wait in the queue at once."""

log = structlog.get_logger(__name__)


def advance_deployment(deployment_id: DeploymentId, *, store: Store) -> None:
    """Look at how a deployment stands, decide what comes next and record it.

    May be called at any time and any number of times. What it decides is one transaction; the
    targets of a deployment that is to begin are written before that, in transactions of their own.

    Raises:
        DeploymentNotFound: There is none.
        Stale: Somebody else advanced it meanwhile; call again.
    """
    with store.write() as uow:
        is_to_begin = _advance(deployment_id, None, uow)
    if is_to_begin and (gathered := gather_targets(deployment_id, store=store)):
        with store.write() as uow:
            _advance(deployment_id, gathered, uow)


def _advance(deployment_id: DeploymentId, gathered: Gathered | None, uow: UnitOfWork) -> bool:
    """Decide; tell whether that needs what is not *gathered* yet."""
    deployment = uow.deployments.lock(deployment_id)
    if deployment.is_final:
        uow.deployments.settle(deployment, wake_at=None)
        go_on = skip_left_over if deployment.is_of_servers else end_course
        go_on(deployment, uow)
        return False
    if not deployment.watches_alarms:
        return _go_on(deployment, gathered, uow)
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
        return False
    reason = "" if isinstance(said, GoOn) else said.reason
    deployment = uow.deployments.say(deployment, (reason,) if reason else ())
    return _go_on(deployment, gathered, uow, is_held=bool(reason))


def _go_on(
    deployment: Deployment, gathered: Gathered | None, uow: UnitOfWork, *, is_held: bool = False
) -> bool:
    """Decide what comes next; while a deployment *is held*, nothing more of it begins.

    Tell whether its targets have to be gathered first.
    """
    if deployment.status is not DeploymentStatus.CREATED:
        go_on = _plan if deployment.is_of_servers else advance_course
        go_on(deployment, uow, is_held=is_held)
    elif failure := _deleted(deployment, uow):
        _apply(deployment, failure, uow)
    elif is_held:
        uow.deployments.settle(deployment, wake_at=uow.now() + READ_EVERY)
    elif deployment.is_of_servers:
        return _start(deployment, gathered, uow)
    elif failure := start_course(deployment, uow):
        _apply(deployment, failure, uow)
    return False


def _deleted(deployment: Deployment, uow: UnitOfWork) -> Fail | None:
    if deployment.creator is Creator.ROLLBACK and not deployment.is_of_servers:
        # The way back is known from what moved, and whoever has no group has traffic yet.
        return None
    group = uow.catalog.group_by_id(deployment.group_id)
    if group is None or not group.application:
        return Fail(ErrorCode.APPLICATION_MISSING, NO_APPLICATION)
    return None if group.name else Fail(ErrorCode.DEPLOYMENT_GROUP_MISSING, NO_GROUP)


def _start(deployment: Deployment, gathered: Gathered | None, uow: UnitOfWork) -> bool:
    bundle_failure = uow.deployments.bundle_failure(deployment.id)
    revision = uow.catalog.revision_by_id(deployment.revision_id)
    if bundle_failure is None and _needs_bundle(deployment, revision):
        if timed_out := await_bundle(deployment, uow):
            _apply(deployment, timed_out, uow)
    elif gathered is None:
        return _may_gather(deployment, uow)
    elif gathered.refusal is not None:
        _apply(deployment, gathered.refusal, uow)
    else:
        _begin(deployment, gathered, bundle_failure, uow)
    return False


def _may_gather(deployment: Deployment, uow: UnitOfWork) -> bool:
    """Tell whether all hosts are known; those that are EC2 instances are looked for first."""
    found = await_instances(deployment, uow)
    if isinstance(found, Fail):
        _apply(deployment, found, uow)
    if found is None or isinstance(found, Fail):
        return False
    uow.deployments.settle(deployment, wake_at=uow.now() + GATHER_AGAIN)
    return True


def _begin(
    deployment: Deployment,
    gathered: Gathered,
    bundle_failure: Mapping[str, str] | None,
    uow: UnitOfWork,
) -> None:
    now = uow.now()
    if uow.targets.fleet(deployment.id, in_progress_for=timedelta()).total != len(gathered.targets):
        # Another one has gathered meanwhile, and saw hosts come or go.
        raise Stale(deployment.id)
    started = uow.deployments.on(
        deployment,
        Move(event=DeploymentEvent.START, at=now, actor="tidegate"),
        started_at=now,
        minimum_healthy=gathered.minimum,
        total_targets=len(gathered.targets),
    )
    if gathered.is_current:
        _apply(started, Succeed(), uow)
        return
    if bundle_failure is not None:
        _do_without_bundle(started, bundle_failure, uow)
        return
    first, *_ = events_of(is_restart=started.options.is_restart)
    uow.targets.fail_each(deployment.id, gathered.unfit, event=first, at=now)
    _plan(started, uow)


def _do_without_bundle(
    deployment: Deployment, bundle_failure: Mapping[str, str], uow: UnitOfWork
) -> None:
    """Fail some of the targets, as nothing can be brought to them; after the last one, plan."""
    waiting = uow.targets.waiting(deployment.id, most=SLICE)
    uow.targets.fail_alike(
        deployment.id,
        waiting,
        event=bundle_failure["event"],
        at=uow.now(),
        message=bundle_failure["message"],
    )
    if not go_on_if_more(deployment, waiting, uow):
        _plan(deployment, uow)


def _needs_bundle(deployment: Deployment, revision: Revision | None) -> bool:
    if deployment.options.is_restart:
        return False
    if revision is None:
        return True
    return revision.appspec is None if revision.is_pinned else not deployment.bundle_sha256


def _plan(deployment: Deployment, uow: UnitOfWork, *, is_held: bool = False) -> None:
    started_at = deployment.started_at or uow.now()
    fleet = uow.targets.fleet(deployment.id, in_progress_for=uow.now() - started_at)
    if fleet.waiting and fleet.failed and not (fleet.succeeded or fleet.running):
        # So it looks where some have failed for want of a bundle, too.
        bundle_failure = uow.deployments.bundle_failure(deployment.id)
        if bundle_failure is not None:
            _do_without_bundle(deployment, bundle_failure, uow)
            return
    steps = list(plan_in_place(fleet, deployment.minimum_healthy or 0, is_held=is_held))
    log.info("planned", deployment_id=deployment.id, fleet=str(fleet), steps=str(steps))
    if not any(isinstance(step, Succeed | Fail) for step in steps):
        looks_again = any(isinstance(step, LookAgain) for step in steps)
        wake_at = uow.now() + LOOK_AGAIN if looks_again else started_at + DEPLOYMENT_LIMIT
        uow.deployments.settle(deployment, wake_at=wake_at)
    for step in steps:
        _apply(deployment, step, uow)


def _apply(deployment: Deployment, step: Step, uow: UnitOfWork) -> None:
    now = uow.now()
    match step:
        case StartTargets(count):
            for target in uow.leases.dispatch_next(deployment.id, count, at=now):
                want_target(uow, deployment.id, target, HOST_SEGMENT)
        case LookAgain(at_once):
            # When it is due at the latest has been written.
            if at_once:
                want_advance(uow, deployment.id)
        case Succeed():
            move = Move(event=DeploymentEvent.SUCCEED, at=now, actor="tidegate")
            end_deployment(deployment, move, None, uow=uow)
        case Fail(code, reason):
            move = Move(
                event=DeploymentEvent.FAIL, at=now, actor="tidegate", reason=reason, error_code=code
            )
            skip_and_end(deployment, move, RollbackEvent.FAILURE, uow=uow, of_waiting=FAILED_BEFORE)
        case _:
            assert_never(step)
