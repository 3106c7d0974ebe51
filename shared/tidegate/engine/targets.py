"""One target's way: taken by a worker, given up or finished, and completed."""

from datetime import timedelta
from typing import Final

from tidegate.domain.deployment import Deployment
from tidegate.domain.fleet import Installation
from tidegate.domain.history import Subject, Transition
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import (
    FINAL_EVENT_STATUSES,
    DiagnosticCode,
    EventMove,
    EventStatus,
    target_succeeded,
)
from tidegate.domain.target import TARGET_MACHINE, Target, TargetEvent
from tidegate.drivers.hosts import Failed
from tidegate.engine.reports import Progress
from tidegate.messages import advance_once
from tidegate.store.lifecycle import EventEnd
from tidegate.store.unit_of_work import UnitOfWork

COMPLETE_WITHIN: Final = timedelta(seconds=10)
"""A segment that is done and whose target is not completed by then is sent again."""
LOOK_BACK_AFTER: Final = timedelta(seconds=30)
LOOK_BACK_FOR: Final = timedelta(days=1)
STOPPED_MEANWHILE: Final = (
    "The deployment was stopped while this target's last scripts ran; they ended well."
)
"""Of a target that was through before its host heard of the stop."""

_SILENT: Final = frozenset({"lost", "unreachable", "name_unresolved"})
_SETTLED: Final = frozenset({"lost", "rebooted", "unknown_run"})


def finish_segment(progress: Progress, *, uow: UnitOfWork) -> bool:
    """Record that all host events of a target are final; tell whether the lease still stood."""
    now = uow.now()
    held = uow.leases.keep(
        progress.lease,
        at=now,
        segment_done=True,
        lease_owner=None,
        due_at=now + COMPLETE_WITHIN,
    )
    return held is not None


def give_up(progress: Progress, failure: Failed, *, uow: UnitOfWork) -> bool:
    """Fail the event at which a host was lost or refused us, and skip the rest.

    Tells whether the lease still stood; if not, nothing is written.
    """
    lease, now = progress.lease, uow.now()
    uow.deployments.lock(lease.deployment_id)
    open_events = uow.lifecycle.still_open(lease.deployment_id, lease.target_id)
    stood = uow.leases.keep(
        lease,
        at=now,
        segment_done=True,
        lease_owner=None,
        due_at=now + COMPLETE_WITHIN,
        lost=bool(open_events) and _may_go_on(progress, failure),
        message=failure.message,
    )
    if stood:
        _give_up_events(lease.deployment_id, lease.target_id, failure.message, lease.owner, uow)
    return stood is not None


def take_out(deployment: Deployment, target_id: TargetId, why: str, *, uow: UnitOfWork) -> None:
    """Fail a target whose host is gone for good, at the event that it was at.

    Whoever follows its run loses the lease by that, and lets go; nobody looks for the host again.
    One that was through before stays for `complete_target`, which knows how it went.
    """
    target = uow.targets.get(deployment.id, target_id)
    if TARGET_MACHINE.is_final(target.status) or _all_final(target):
        return
    _give_up_events(deployment.id, target_id, why, "tidegate", uow)
    uow.targets.complete(target, TargetEvent.FAIL, at=uow.now(), message=why)


def _give_up_events(
    deployment_id: DeploymentId, target_id: TargetId, why: str, actor: str, uow: UnitOfWork
) -> None:
    """Fail the first event that is open, and skip the rest."""
    moves = [
        _give_up_event((deployment_id, target_id), actor, event, "" if index else why, uow=uow)
        for index, event in enumerate(uow.lifecycle.still_open(deployment_id, target_id))
    ]
    uow.history.record(deployment_id, moves)


def _may_go_on(progress: Progress, failure: Failed) -> bool:
    """Tell whether the run may go on at a host that is given up, or may have gone on there."""
    if progress.has_begun or failure.code == "lost":
        return not is_settled(failure)
    # What an earlier attempt heard of its beginning may never have been written.
    return progress.lease.attempt > 1 and is_silence(failure)


def is_silence(failure: Failed) -> bool:
    """Tell whether it is open how a run ended, as the host itself did not say."""
    return failure.code in _SILENT and not is_settled(failure)


def is_settled(failure: Failed) -> bool:
    """Tell whether a host said for good that nothing of a run goes on there."""
    return failure.code in _SETTLED and not failure.retryable


def _give_up_event(
    key: tuple[DeploymentId, TargetId],
    actor: str,
    event: tuple[str, EventStatus],
    why: str,
    *,
    uow: UnitOfWork,
) -> Transition:
    """Fail an event, or skip it when there is no *why*."""
    now, (name, source) = uow.now(), event
    end = EventEnd(
        move=EventMove.FAIL if why else EventMove.SKIP,
        at=now,
        error_code=DiagnosticCode.UNKNOWN_ERROR if why else None,
        message=why,
    )
    uow.lifecycle.end(*key, name, end)
    return Transition(
        subject=Subject.LIFECYCLE_EVENT,
        target=key[1],
        name=name,
        source=source,
        to=EventStatus.FAILED if why else EventStatus.SKIPPED,
        at=now,
        actor=actor,
        reason=why,
    )


def complete_target(deployment_id: DeploymentId, target_id: TargetId, *, uow: UnitOfWork) -> None:
    """Write the outcome of a target whose events are all final, and want an advance.

    May be called any number of times; only the first call with something to write writes.

    Raises:
        DeploymentNotFound, TargetNotFound: There is none.
    """
    deployment = uow.deployments.lock(deployment_id)
    target = uow.targets.get(deployment_id, target_id)
    if TARGET_MACHINE.is_final(target.status) or not _all_final(target):
        return
    event = _outcome(target, ignore=deployment.options.ignore_application_stop_failures)
    message = "" if event is TargetEvent.SUCCEED else _why(target)
    if deployment.is_final and event is TargetEvent.SUCCEED:
        event, message = TargetEvent.FAIL, STOPPED_MEANWHILE
    now = uow.now()
    uow.targets.complete(
        target,
        event,
        at=now,
        message=message,
        look_back_at=now + LOOK_BACK_AFTER if target.is_lost else None,
    )
    if event is not TargetEvent.SKIP:
        succeeded = event is TargetEvent.SUCCEED
        uow.installations.record(
            deployment.group_id,
            target_id,
            Installation(
                revision_id=deployment.revision_id if succeeded else None, healthy=succeeded
            ),
            deployment_id=deployment_id,
        )
    if not target.is_lost:
        uow.last_seen.note(deployment.region, target_id, now)
    advance_once(uow, deployment_id)


def _all_final(target: Target) -> bool:
    return all(event.status in FINAL_EVENT_STATUSES for event in target.events)


def _outcome(target: Target, *, ignore: bool) -> TargetEvent:
    if all(event.status is EventStatus.SKIPPED for event in target.events):
        return TargetEvent.SKIP
    succeeded = target_succeeded(target.events, ignore_stop_failures=ignore)
    return TargetEvent.SUCCEED if succeeded else TargetEvent.FAIL


def _why(target: Target) -> str:
    for event in target.events:
        if event.status is EventStatus.FAILED:
            return f"{event.name}: {event.message}"
    return target.message


def late_outcome(progress: Progress, words: str, *, uow: UnitOfWork) -> None:
    """Keep as a note what a lost host tells after all; the target's status stays."""
    lease, now = progress.lease, uow.now()
    target = uow.targets.get(lease.deployment_id, lease.target_id)
    note = Transition(
        subject=Subject.TARGET,
        target=lease.target_id,
        name="late",
        source=target.status,
        to=target.status,
        at=now,
        actor=lease.owner,
        reason=words,
    )
    if uow.leases.keep(lease, at=now, lost=False, lease_owner=None, due_at=None):
        uow.history.record(lease.deployment_id, [note])


def never_began(progress: Progress, *, uow: UnitOfWork) -> None:
    """Ask a host no more that never began the run."""
    uow.leases.keep(progress.lease, at=uow.now(), lost=False, lease_owner=None, due_at=None)


def look_again(progress: Progress, *, uow: UnitOfWork) -> None:
    """Ask a host that is still silent once more later, for a day."""
    lease, now = progress.lease, uow.now()
    target = uow.targets.get(lease.deployment_id, lease.target_id)
    since = now - (target.finished_at or now)
    if since > LOOK_BACK_FOR:
        late_outcome(progress, "The host was not heard of again for a day.", uow=uow)
    else:
        wait = LOOK_BACK_AFTER if since < timedelta(hours=1) else timedelta(minutes=10)
        uow.leases.keep(lease, at=now, lease_owner=None, due_at=now + wait)
