"""The sweep: wakes what is due, resends what was lost, frees what nobody gets on with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tidegate.messages import PRUNE, SEND_NOTICES, want_advance, want_look_back, want_target
from tidegate.store.health import PRUNED, SWEEP
from tidegate.store.unit_of_work import Store, UnitOfWork

GRACE: Final = timedelta(seconds=1.5)
"""How long an advance may be due before its message counts as lost."""
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
        due = uow.deployments.claim_due(now=now, grace=GRACE)
        for deployment_id in due:
            want_advance(uow, deployment_id)
        lapsed = uow.leases.claim_lapsed(now=now, alive_since=now - lease)
        for one in lapsed:
            want = want_look_back if one.lost and one.is_final else want_target
            want(uow, one.deployment_id, one.target_id, one.segment)
        if uow.notices.is_due(now - GRACE):
            uow.send(SEND_NOTICES)
        _want_pruning_daily(uow)
        unsent = uow.outbox.claim_unsent(before=now - UNSENT_AFTER, at=now)
    resent = store.send(unsent)
    return Swept(woken=len(due), freed=len(lapsed), resent=resent)


def _want_pruning_daily(uow: UnitOfWork) -> None:
    last = uow.heartbeats.last(PRUNED)
    if last is None or uow.now() - last >= PRUNE_EVERY:
        uow.heartbeats.beat(PRUNED, PRUNED, uow.now())
        uow.send(PRUNE)
