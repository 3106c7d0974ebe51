"""Alarms of deployments: read for all at once, and what they mean for each."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from tidegate.domain.alarms import CloudWatchAlarm, Inquiry, PrometheusCheck, Reading
from tidegate.domain.deployment import Deployment
from tidegate.domain.ids import DeploymentId
from tidegate.drivers.alarms import AlarmSource
from tidegate.messages import advance_now
from tidegate.planning.alarms import (
    Answers,
    GoOn,
    Inquiries,
    Verdict,
    Watch,
    collected,
    is_told,
    noted,
    plan_inquiries,
    readings_for,
    turned,
    verdict,
)
from tidegate.store.unit_of_work import Store, UnitOfWork
from tidegate.store.watches import KeptWatch

AT_ONCE: Final = 8
"""Inquiries that are under way at the same time: one place that does not answer holds no other."""
PROMPT: Final = timedelta(seconds=2)
"""What has come after so long is acted on, while others are waited for."""
JUST_READ: Final = timedelta(seconds=5)
"""What was read within it need not be read again because another deployment begins."""
TOGETHER: Final = 500
"""Deployments that are written of in one transaction when their alarms are as they were."""

log = structlog.get_logger(__name__)


def verdict_on(deployment: Deployment, uow: UnitOfWork) -> Verdict:
    """Return what its alarms mean for a deployment by how they were last found."""
    watch = uow.watches.get(deployment.id) if deployment.watches_alarms else None
    if watch is None:
        return GoOn()
    return verdict(
        watch.alarms,
        watch.seen,
        uow.now(),
        read_at=watch.read_at,
        pause_limit=uow.pause_limit,
    )


def _keep(
    deployment_id: DeploymentId,
    readings: Sequence[Reading[Any]],
    uow: UnitOfWork,
    *,
    read_at: datetime,
) -> None:
    """Write how alarms were found, and what has changed; of what is final nothing is told any more.

    A deployment is locked before its alarms, as by whoever ends it.
    """
    deployment = uow.deployments.lock(deployment_id)
    watch = uow.watches.get(deployment_id)
    if watch is None or deployment.is_final:
        return
    seen = noted(watch.seen, readings, uow.now())
    changes = turned(watch.seen, seen)
    uow.watches.note(deployment_id, watch.alarms, seen, read_at=read_at)
    uow.history.record(deployment_id, changes)
    for change in changes:
        log.info(
            "alarm_turned",
            deployment_id=deployment_id,
            alarm=change.name,
            before=change.source,
            state=change.to,
            why=change.reason,
        )


@dataclass(slots=True, kw_only=True)
class AlarmPolling:
    """Reads the alarms of all deployments that go on."""

    store: Store
    assume_role: bool
    """Whether AWS is called by the role of each group."""
    cloudwatch: Callable[[], AlarmSource[CloudWatchAlarm]]
    prometheus: Callable[[], AlarmSource[PrometheusCheck]]
    just_read: timedelta = timedelta(0)
    """What others have read within it is not read again."""

    def poll(self) -> int:
        """Read all alarms once, and wake the deployments that they hold up; return how many."""
        with self.store.read() as uow:
            due = uow.watches.open(not_since=uow.now() - self.just_read)
            watches = {watch.deployment_id: watch for watch in due}
        if not watches:
            return 0
        left = [self._wanted(watch) for watch in watches.values()]
        answers: dict[Any, Reading[Any]] = {}
        woken = 0
        for come in self._ask(plan_inquiries(left)):
            answers |= come
            told = [watch for watch in left if is_told(watch, answers)]
            left = [watch for watch in left if not is_told(watch, answers)]
            woken += self._note_all(
                [(watches[one.deployment_id], readings_for(one, answers)) for one in told]
            )
        return woken

    def _ask(self, inquiries: Inquiries) -> Iterator[Answers]:
        """Yield the answers as they come, those of some seconds together."""
        questions: list[tuple[Inquiry[Any], AlarmSource[Any]]] = []
        if inquiries.cloudwatch:
            questions += [(one, self.cloudwatch()) for one in inquiries.cloudwatch]
        if inquiries.prometheus:
            questions += [(one, self.prometheus()) for one in inquiries.prometheus]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alarms") as pool:
            asked = {pool.submit(source.states, inquiry): inquiry for inquiry, source in questions}
            waiting = set(asked)
            while waiting:
                done, waiting = wait(waiting, timeout=PROMPT.total_seconds())
                yield collected((asked[one], one.result()) for one in done)

    def _note_all(self, told: Sequence[tuple[KeptWatch, Sequence[Reading[Any]]]]) -> int:
        """Write what was told of alarms; return how many deployments have to be looked at."""
        now = self.store.clock.now()
        as_before, woken = [], 0
        for watch, readings in told:
            seen = noted(watch.seen, readings, now)
            before = verdict(watch.alarms, watch.seen, now, read_at=watch.read_at)
            after = verdict(watch.alarms, seen, now)
            if after != before or not isinstance(after, GoOn):
                self._note(watch, readings, now, after)
                woken += 1
            elif seen != watch.seen:
                self._note(watch, readings, now, None)
            else:
                as_before.append(watch.deployment_id)
        for start in range(0, len(as_before), TOGETHER):
            with self.store.write() as uow:
                uow.watches.confirm(as_before[start : start + TOGETHER], read_at=now)
        return woken

    def _note(
        self,
        watch: KeptWatch,
        readings: Sequence[Reading[Any]],
        now: datetime,
        matters: Verdict | None,
    ) -> None:
        """Write what is new of one deployment's alarms, and have it looked at if that *matters*."""
        with self.store.write() as uow:
            _keep(watch.deployment_id, readings, uow, read_at=now)
            if matters is not None:
                advance_now(uow, watch.deployment_id)
        if matters is not None:
            log.info("alarms_matter", deployment_id=watch.deployment_id, verdict=str(matters))

    def _wanted(self, watch: KeptWatch) -> Watch:
        return Watch(
            deployment_id=watch.deployment_id,
            region=watch.region,
            role_arn=watch.role_arn if self.assume_role else "",
            alarms=watch.alarms.watched,
        )
