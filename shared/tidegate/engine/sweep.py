"""The sweep: wakes what is due, resends what was lost, frees what nobody gets on with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tidegate.domain.course import is_step
from tidegate.messages import (
    LOOK_AT_INSTANCES,
    POLL_ALARMS,
    PRUNE,
    SEND_NOTICES,
    want_advance,
    want_look_back,
    want_step,
    want_target,
)
from tidegate.store.deployments import GRACE
from tidegate.store.health import PRUNED, SWEEP
from tidegate.store.leases import Lapsed
from tidegate.store.unit_of_work import Store, UnitOfWork

UNSENT_AFTER: Final = timedelta(seconds=3)
PRUNE_EVERY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Swept:
    woken: int
    freed: int
    resent: int


def sweep(*, store: Store, lease: timedelta) -> Swept:
    """Do once what has to be done every second; harmless when two do it at once.

    *lease* is how long a worker may show no life before its targets go to others.
    """
    with store.write() as uow:
        now = uow.now()
        uow.heartbeats.beat(SWEEP, SWEEP, now)
        due = uow.deployments.claim_due(now=now)
        for deployment_id in due:
            want_advance(uow, deployment_id)
        lapsed = uow.leases.claim_lapsed(now=now, alive_since=now - lease)
        for one in lapsed:
            _want_again(one, uow)
        if uow.notices.is_due(now - GRACE):
            uow.send(SEND_NOTICES)
        if uow.watches.claim_due(now):
            uow.send(POLL_ALARMS)
        if uow.searches.claim_due(now):
            uow.send(LOOK_AT_INSTANCES)
        _want_pruning_daily(uow)
        unsent = uow.outbox.claim_unsent(before=now - UNSENT_AFTER, at=now)
    resent = store.send(unsent)
    return Swept(woken=len(due), freed=len(lapsed), resent=resent)


def _want_again(lapsed: Lapsed, uow: UnitOfWork) -> None:
    if is_step(lapsed.segment):
        want = want_step
    else:
        want = want_look_back if lapsed.lost and lapsed.is_final else want_target
    want(uow, lapsed.deployment_id, lapsed.target_id, lapsed.segment)


def _want_pruning_daily(uow: UnitOfWork) -> None:
    last = uow.heartbeats.last(PRUNED)
    if last is None or uow.now() - last >= PRUNE_EVERY:
        uow.heartbeats.beat(PRUNED, PRUNED, uow.now())
        uow.send(PRUNE)
