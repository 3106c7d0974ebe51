"""One step of a deployment on one target: taken by a worker, called for out there, recorded."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from tidegate.domain.course import WAITS, CourseStep, StepKind, StepStatus
from tidegate.domain.deployment import ComputePlatform, Deployment, ErrorCode
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.traffic import Errand, Made
from tidegate.drivers.traffic import Answer, Done, Failed, Running, TrafficDriver
from tidegate.engine.host_runs import Key
from tidegate.store.courses import KeptErrand
from tidegate.store.leases import Lease
from tidegate.store.unit_of_work import Store, UnitOfWork

KEEP_TRYING: Final = timedelta(minutes=5)
"""How long a call is tried again that may go well later."""
KEEP_RESTORING: Final = timedelta(hours=1)
"""The same for the way back: to give it up leaves users with what was to be taken from them."""
FRESH: Final = timedelta(seconds=6)
"""How recent a worker's last sign of life must be when it takes a step, and before each change that
it makes for it: three beats of a heart."""
FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(seconds=30)

TRIED_AGAIN: Final = "The traffic is not back yet, which is tried again until {} UTC: {}"

log = structlog.get_logger(__name__)


class HookCaller(Protocol):
    """Calls a hook, which answers later and elsewhere."""

    def __call__(
        self,
        hook: str,
        deployment_id: str,
        execution_id: str,
        *,
        region: str,
        role_arn: str,
        still_mine: Callable[[], bool],
    ) -> Failed | None:
        """Call a hook by its name, ARN or URL, if it is still ours; None says that it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A step that was taken, and all that carrying it out needs to know."""

    lease: Lease
    deployment: Deployment
    step: CourseStep
    kept: KeptErrand
    errand: Errand


@dataclass(slots=True, kw_only=True)
class StepRuns:
    """All steps that one worker carries out. Its methods are called from many threads."""

    store: Store
    driver: Callable[[ComputePlatform], TrafficDriver]
    call_hook: HookCaller
    attending: Callable[[Key], AbstractContextManager[None]]
    """Tells the worker's heart what some thread is at."""
    is_leaving: Callable[[], bool]
    owner: str
    fresh: timedelta = FRESH

    def run(self, deployment_id: DeploymentId, target_id: TargetId) -> bool:
        """Carry out the step that a target is at; tell whether its chain goes on."""
        with self.attending((deployment_id, target_id)):
            taken = self._take(deployment_id, target_id)
            if isinstance(taken, bool):
                return taken
            answer = self._carry_out(taken)
            log.info("step_carried_out", answer=str(answer), **_who(taken))
            with self.store.write() as uow:
                return _record(taken, answer, uow)

    def _take(self, deployment_id: DeploymentId, target_id: TargetId) -> "_Taken | bool":
        with self.store.write() as uow:
            now = uow.now()
            if self.is_leaving() or not uow.heartbeats.is_alive(self.owner, since=now - self.fresh):
                # Whoever shows no life is taken for dead in the middle of its call.
                uow.leases.pass_on(deployment_id, target_id, at=now)
                return False
            deployment = uow.deployments.lock(deployment_id)
            if deployment.is_final:
                return True
            lease = uow.leases.take(deployment_id, target_id, owner=self.owner, at=now)
            if lease is None:
                return uow.leases.is_done(deployment_id, target_id)
            return self._read(lease, deployment, uow)

    def _read(self, lease: Lease, deployment: Deployment, uow: UnitOfWork) -> "_Taken | bool":
        course = uow.courses.course(deployment.id)
        step = next((s for s in course if s.status is StepStatus.IN_PROGRESS), None)
        if step is None:
            uow.leases.keep(lease, at=uow.now(), lease_owner=None, segment_done=True)
            return True
        [kept] = uow.courses.errands(deployment.id, [lease.target_id])
        aws = uow.deployments.group_settings(deployment.id)["aws"]
        made_by = deployment.rollback_triggering_deployment_id or deployment.id
        errand = Errand(
            deployment_id=made_by,
            region=deployment.region,
            role_arn=aws.service_role_arn,
            move=kept.move,
            before=kept.before or {},
            shares=_shares(kept, deployment, course, uow),
            made=_made(step, made_by, lease.target_id, uow),
            still_mine=lambda: self._still_has(lease),
        )
        return _Taken(lease=lease, deployment=deployment, step=step, kept=kept, errand=errand)

    def _still_has(self, lease: Lease) -> bool:
        """Tell whether a step is still this worker's, and stays so for some seconds.

        Whoever stood still for long may have lost it, or be about to: then another one goes on.
        """
        with self.store.read() as uow:
            return uow.leases.stands(lease, alive_since=uow.now() - self.fresh)

    def _carry_out(self, taken: _Taken) -> Answer | None:
        try:
            return self._call(taken)
        except Exception as error:
            log.exception("step_failed", **_who(taken))
            sentence = (
                f"Tidegate failed at this step itself ({type(error).__name__}); "
                f"the log of the worker {self.owner} says how."
            )
            return Failed(code=ErrorCode.INTERNAL_ERROR, message=sentence, may_pass=True)

    def _call(self, taken: _Taken) -> Answer | None:
        step, errand = taken.step, taken.errand
        if step.kind is StepKind.HOOK:
            return self.call_hook(
                step.hook,
                taken.deployment.id,
                step.execution_id,
                region=errand.region,
                role_arn=errand.role_arn,
                still_mine=errand.still_mine,
            )
        if step.kind in WAITS or (step.kind is StepKind.RESTORE and not errand.before):
            return None
        return _ask(self.driver(taken.deployment.compute_platform), step, errand)


def _shares(
    kept: KeptErrand, deployment: Deployment, course: Sequence[CourseStep], uow: UnitOfWork
) -> tuple[int, ...]:
    """Return what the new side may have: what was read back last, and what was begun since."""
    if undone := deployment.rollback_triggering_deployment_id:
        course = uow.courses.course(undone)
    begun = (StepStatus.IN_PROGRESS, StepStatus.FAILED)
    wanted = [step.weight for step in course if step.weight and step.status in begun]
    return () if kept.found is None else (round(kept.found.weight), *wanted)


def _made(
    step: CourseStep, deployment_id: DeploymentId, target_id: TargetId, uow: UnitOfWork
) -> tuple[Made, ...]:
    is_restored = step.kind is StepKind.RESTORE
    return tuple(uow.courses.made(deployment_id, target_id)) if is_restored else ()


def _ask(driver: TrafficDriver, step: CourseStep, errand: Errand) -> Answer:
    answer: Answer
    match step.kind:
        case StepKind.LOOK:
            answer = driver.look(errand)
        case StepKind.PREPARE:
            answer = driver.prepare(errand)
        case StepKind.TEST:
            answer = driver.test(errand)
        case StepKind.SHIFT:
            answer = driver.shift(errand, step.weight or 0)
        case StepKind.FINISH:
            answer = driver.finish(errand)
        case StepKind.RESTORE:
            answer = driver.restore(errand)
        case StepKind.HOOK | StepKind.READY | StepKind.TERMINATION:
            raise AssertionError(step.kind)
    return answer


def _record(taken: _Taken, answer: Answer | None, uow: UnitOfWork) -> bool:
    """Write what was answered; tell whether the step is through with this target."""
    lease, now = taken.lease, uow.now()
    deployment = uow.deployments.lock(lease.deployment_id)
    if isinstance(answer, Done | Running) and deployment.rollback_deployment_id is None:
        # It stands out there, whoever has the target by now; a rollback removes it unasked.
        uow.courses.note_made(taken.errand.deployment_id, lease.target_id, answer.made, now)
    match answer:
        case _ if deployment.is_final:
            # Nobody asks again, and the next deployment waits for this call to have ended.
            return _record_end(taken, answer, uow)
        case Running():
            wait = answer.check_in
            changes = {
                "found": answer.found, "note": answer.note, "failing_since": None, "tries": 0
            }  # fmt: skip
        case Failed() if answer.may_pass and _may_wait(taken, uow):
            wait = min(FIRST_PAUSE * 2 ** min(taken.kept.tries, 10), LONGEST_PAUSE)
            since = taken.kept.failing_since or now
            changes = {
                "note": answer.message, "failing_since": since, "tries": taken.kept.tries + 1
            }  # fmt: skip
        case _:
            return _record_end(taken, answer, uow)
    held = uow.leases.keep(lease, at=now, lease_owner=None, due_at=now + wait, sends=0)
    if held is not None:
        uow.courses.note(lease.deployment_id, lease.target_id, **changes)
        _say_what_holds_up(taken, deployment, uow)
    return False


def _may_wait(taken: _Taken, uow: UnitOfWork) -> bool:
    since = taken.kept.failing_since
    return since is None or uow.now() - since < _keep_trying(taken.step)


def _keep_trying(step: CourseStep) -> timedelta:
    return KEEP_RESTORING if step.kind is StepKind.RESTORE else KEEP_TRYING


def _say_what_holds_up(taken: _Taken, deployment: Deployment, uow: UnitOfWork) -> None:
    """Tell of a way back which calls of it are tried again."""
    if taken.step.kind is not StepKind.RESTORE:
        return
    uow.deployments.say(
        deployment,
        tuple(
            TRIED_AGAIN.format(f"{errand.failing_since + KEEP_RESTORING:%H:%M}", errand.note)
            for errand in uow.courses.errands(deployment.id)
            if errand.failing_since is not None
        ),
    )


def _record_end(taken: _Taken, answer: Answer | None, uow: UnitOfWork) -> bool:
    lease, now = taken.lease, uow.now()
    held = uow.leases.keep(lease, at=now, segment_done=True, lease_owner=None)
    if held is None:
        return False
    uow.deployments.wake(lease.deployment_id, now)
    changes: dict[str, object] = {}
    match answer:
        case Running():
            changes = {"found": answer.found, "note": answer.note}
        case Done():
            changes = {"found": answer.found, "note": answer.note, "failing_since": None}
            if answer.before is not None:
                changes["before"] = dict(answer.before)
            if taken.step.kind is StepKind.RESTORE:
                uow.courses.note_gone(taken.errand.deployment_id, lease.target_id, now)
        case Failed():
            changes = {"failure": {"code": answer.code, "reason": answer.message}}
        case None:
            pass
    if changes:
        uow.courses.note(lease.deployment_id, lease.target_id, **changes)
    return True


def _who(taken: _Taken) -> dict[str, object]:
    return {
        "deployment_id": taken.deployment.id,
        "target": taken.lease.target_id,
        "step": taken.step.number,
        "kind": taken.step.kind.value,
        "attempt": taken.lease.attempt,
    }
