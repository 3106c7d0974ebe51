"""Who holds which target: dispatch, take, give back, and what lapsed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, bindparam, exists, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from tidegate.domain.history import Subject, Transition
from tidegate.domain.ids import DeploymentId, HostId, TargetId
from tidegate.domain.target import TargetEvent, TargetStatus
from tidegate.store.health import LEASES_LOST
from tidegate.store.history import History
from tidegate.store.row import UtcDateTime
from tidegate.store.statements import change, plain_table
from tidegate.store.tables import HeartbeatRow, TargetRow, TotalRow

FIRST_RESEND: Final = timedelta(seconds=30)
LONGEST_RESEND: Final = timedelta(minutes=16)
OPEN: Final = (TargetStatus.PENDING, TargetStatus.IN_PROGRESS)

_TARGETS: Final = plain_table(TargetRow)
_LEASE_COLUMNS: Final = (
    _TARGETS.c.host_id,
    _TARGETS.c.segment,
    _TARGETS.c.attempt,
    _TARGETS.c.journal_offset,
    _TARGETS.c.cancel_requested,
)
_OPEN_ONES: Final = (
    update(_TARGETS)
    .where(_TARGETS.c.deployment_id == bindparam("id_"), _TARGETS.c.status.in_(OPEN))
    # Whoever is still at the segment before has the target no more: a hook may have said how it
    # went before its call has ended.
    .values(segment=bindparam("to_segment"), lease_owner=None, last_updated_at=bindparam("at"))
)
_LEAVE_OUT: Final = _OPEN_ONES.values(segment_done=True, due_at=None)
"""All are done with a segment that is not for them."""
_DISPATCH_ALL: Final = _OPEN_ONES.values(
    dispatched=True, segment_done=False, due_at=bindparam("due"), sends=1
).returning(_TARGETS.c.target_id)
_DISPATCH_FIRST: Final = _DISPATCH_ALL.where(_TARGETS.c.position == 0)
_TAKE: Final = (
    update(_TARGETS)
    .where(
        _TARGETS.c.deployment_id == bindparam("id_"),
        _TARGETS.c.target_id == bindparam("target"),
        _TARGETS.c.dispatched,
        _TARGETS.c.lease_owner.is_(None),
        _TARGETS.c.segment_done.is_(False),
        _TARGETS.c.status.in_(OPEN),
    )
    .values(
        attempt=_TARGETS.c.attempt + 1,
        lease_owner=bindparam("owner"),
        due_at=None,
        sends=0,
        status=TargetStatus.IN_PROGRESS,
        started_at=func.coalesce(_TARGETS.c.started_at, bindparam("at", type_=UtcDateTime())),
        last_updated_at=bindparam("at", type_=UtcDateTime()),
    )
    .returning(*_LEASE_COLUMNS)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A target in the hands of one worker, until a higher attempt is taken."""

    deployment_id: DeploymentId
    target_id: TargetId
    host_id: HostId
    segment: str
    owner: str
    attempt: int
    journal_offset: int
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker still holds, as the rows know it."""

    deployment_id: DeploymentId
    target_id: TargetId
    attempt: int
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A target that nobody gets on with."""

    deployment_id: DeploymentId
    target_id: TargetId
    segment: str
    lost: bool
    is_final: bool


class Leases:
    """Dispatches, takes and gives back targets."""

    def __init__(self, session: Session, history: History) -> None:
        self._session = session
        self._history = history

    def dispatch_next(
        self, deployment_id: DeploymentId, count: int, *, at: datetime
    ) -> list[TargetId]:
        """Mark the next *count* waiting targets as dispatched and return them."""
        ids = self._session.scalars(
            select(TargetRow.target_id)
            .where(
                TargetRow.deployment_id == deployment_id,
                TargetRow.status == TargetStatus.PENDING,
                TargetRow.dispatched.is_(False),
            )
            .order_by(TargetRow.position)
            .limit(count)
        ).all()
        self._session.execute(
            update(TargetRow)
            .where(TargetRow.deployment_id == deployment_id, TargetRow.target_id.in_(ids))
            .values(dispatched=True, due_at=at + FIRST_RESEND, sends=1)
            .execution_options(synchronize_session=False)
        )
        return [TargetId(target_id) for target_id in ids]

    def dispatch_step(
        self, deployment_id: DeploymentId, segment: str, *, at: datetime, first_only: bool
    ) -> list[TargetId]:
        """Mark the targets of a deployment as dispatched for one more segment, and return them."""
        wanted = {"id_": deployment_id, "to_segment": segment, "at": at}
        if first_only:
            self._session.execute(_LEAVE_OUT, wanted)
        dispatch = _DISPATCH_FIRST if first_only else _DISPATCH_ALL
        ids = self._session.scalars(dispatch, {**wanted, "due": at + FIRST_RESEND}).all()
        return [TargetId(target_id) for target_id in sorted(ids)]

    def take(
        self, deployment_id: DeploymentId, target_id: TargetId, *, owner: str, at: datetime
    ) -> Lease | None:
        """Take a dispatched target that nobody holds; None when there is nothing to take.

        The attempt rises here and not when a message is sent: of several copies the first wins.
        """
        wanted = {"id_": deployment_id, "target": target_id, "owner": owner, "at": at}
        row = self._session.execute(_TAKE, wanted).one_or_none()
        if row is None:
            return None
        lease = _lease(deployment_id, target_id, owner, row)
        if lease.attempt == 1:
            self._begin(lease, at)
        return lease

    def _begin(self, lease: Lease, at: datetime) -> None:
        self._history.record(
            lease.deployment_id,
            [
                Transition(
                    subject=Subject.TARGET,
                    target=lease.target_id,
                    name=TargetEvent.BEGIN,
                    source=TargetStatus.PENDING,
                    to=TargetStatus.IN_PROGRESS,
                    at=at,
                    actor=lease.owner,
                )
            ],
        )

    def take_lost(
        self, deployment_id: DeploymentId, target_id: TargetId, *, owner: str, at: datetime
    ) -> Lease | None:
        """Take a target whose host fell silent, to ask how its run ended after all."""
        row = self._session.execute(
            update(TargetRow)
            .where(*_is(deployment_id, target_id), TargetRow.lost, TargetRow.lease_owner.is_(None))
            .values(
                attempt=TargetRow.attempt + 1, lease_owner=owner, due_at=None, last_updated_at=at
            )
            .returning(*_LEASE_COLUMNS)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        return None if row is None else _lease(deployment_id, target_id, owner, row)

    def keep(self, lease: Lease, *, at: datetime, **changes: object) -> Held | None:
        """Write *changes* to the target if the lease still stands; return what is held then."""
        row = change(
            self._session,
            TargetRow,
            where={
                "deployment_id": lease.deployment_id,
                "target_id": lease.target_id,
                "attempt": lease.attempt,
                "lease_owner": lease.owner,
            },
            values={"last_updated_at": at, **changes},
            returning="cancel_requested",
        )
        if row is None:
            return None
        return Held(lease.deployment_id, lease.target_id, lease.attempt, row.cancel_requested)

    def stands(self, lease: Lease, *, alive_since: datetime) -> bool:
        """Tell whether a lease stands, by whom has shown life since then."""
        held = self._session.scalar(
            select(TargetRow.attempt)
            .join(HeartbeatRow, HeartbeatRow.name == TargetRow.lease_owner)
            .where(
                *_is(lease.deployment_id, lease.target_id),
                TargetRow.attempt == lease.attempt,
                TargetRow.lease_owner == lease.owner,
                HeartbeatRow.at >= alive_since,
            )
        )
        return held is not None

    def pass_on(self, deployment_id: DeploymentId, target_id: TargetId, *, at: datetime) -> None:
        """Have the sweep send a target again that was sent to one who cannot take it."""
        self._session.execute(
            update(TargetRow)
            .where(
                *_is(deployment_id, target_id),
                TargetRow.lease_owner.is_(None),
                TargetRow.due_at.is_not(None),
            )
            .values(due_at=at)
            .execution_options(synchronize_session=False)
        )

    def is_done(self, deployment_id: DeploymentId, target_id: TargetId) -> bool:
        """Tell whether a target's segment is done and only its completion is left."""
        found = self._session.scalar(
            select(TargetRow.segment_done).where(
                *_is(deployment_id, target_id), TargetRow.status == TargetStatus.IN_PROGRESS
            )
        )
        return bool(found)

    def is_held(self, deployment_id: DeploymentId, target_id: TargetId) -> bool:
        """Tell whether some worker is at a target."""
        owner = self._session.scalar(
            select(TargetRow.lease_owner).where(*_is(deployment_id, target_id))
        )
        return owner is not None

    def held_by(self, owner: str) -> list[Held]:
        """Return what the rows say that *owner* holds."""
        rows = self._session.execute(
            select(
                TargetRow.deployment_id,
                TargetRow.target_id,
                TargetRow.attempt,
                TargetRow.cancel_requested,
            ).where(TargetRow.lease_owner == owner)
        )
        return [
            Held(DeploymentId(d), TargetId(t), attempt, cancel) for d, t, attempt, cancel in rows
        ]

    def claim_lapsed(
        self, *, now: datetime, alive_since: datetime, limit: int = 200
    ) -> list[Lapsed]:
        """Free targets that nobody took, or whose holder shows no life, and return them.

        Each is due again after a doubling interval, should the next message be lost as well.
        """
        holder_lives = exists().where(
            HeartbeatRow.name == TargetRow.lease_owner, HeartbeatRow.at >= alive_since
        )
        rows = self._session.scalars(
            select(TargetRow)
            .where(
                or_(
                    TargetRow.due_at <= now,
                    and_(TargetRow.lease_owner.is_not(None), ~holder_lives),
                )
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        self._count_lost(sum(row.lease_owner is not None for row in rows))
        for row in rows:
            wait = _resend_after(row.sends)
            self._session.execute(
                update(TargetRow)
                .where(*_is(DeploymentId(row.deployment_id), TargetId(row.target_id)))
                .values(lease_owner=None, due_at=now + wait, sends=row.sends + 1)
                .execution_options(synchronize_session=False)
            )
        return [
            Lapsed(
                DeploymentId(r.deployment_id),
                TargetId(r.target_id),
                r.segment,
                lost=r.lost,
                is_final=r.status not in OPEN,
            )
            for r in rows
        ]

    def longest_wait(self, now: datetime) -> timedelta:
        """Return for how long the target that nobody takes has been there to be taken."""
        # When it is due says when it is sent once more; what came before is known by how often.
        waiting = self._session.execute(
            select(TargetRow.sends, func.min(TargetRow.due_at))
            .where(
                TargetRow.due_at.is_not(None),
                TargetRow.lease_owner.is_(None),
                TargetRow.segment_done.is_(False),
                TargetRow.status.in_(OPEN),
            )
            .group_by(TargetRow.sends)
        )
        waits = [now - due + _waited(sends) for sends, due in waiting if due is not None]
        return max(waits, default=timedelta(0))

    def _count_lost(self, more: int) -> None:
        if more:
            self._session.execute(
                update(TotalRow)
                .where(TotalRow.name == LEASES_LOST)
                .values(total=TotalRow.total + more)
                .execution_options(synchronize_session=False)
            )

    def give_back(self, owner: str, held: Iterable[Held], *, at: datetime) -> None:
        """Give back what *owner* still holds of *held*, so that the next sweep sends it again."""
        attempts = [(h.deployment_id, h.target_id, h.attempt) for h in held]
        key = tuple_(TargetRow.deployment_id, TargetRow.target_id)
        # Whoever locks several targets in another order must not be met half-way.
        mine = self._session.execute(
            select(TargetRow.deployment_id, TargetRow.target_id)
            .where(
                TargetRow.lease_owner == owner,
                tuple_(*key, TargetRow.attempt).in_(attempts),
            )
            .with_for_update(skip_locked=True)
        ).all()
        self._session.execute(
            update(TargetRow)
            .where(key.in_([tuple(row) for row in mine]))
            .values(lease_owner=None, due_at=at)
            .execution_options(synchronize_session=False)
        )


def _resend_after(sends: int) -> timedelta:
    """Return how long a target waits after having been sent so often before."""
    return min(FIRST_RESEND * (1 << min(sends, 10)), LONGEST_RESEND)


def _waited(sends: int) -> timedelta:
    """Return how long after it could be taken a target is due that was sent so often."""
    return sum(map(_resend_after, range(sends)), timedelta(0))


def _is(deployment_id: DeploymentId, target_id: TargetId) -> tuple[Any, ...]:
    return TargetRow.deployment_id == deployment_id, TargetRow.target_id == target_id


def _lease(deployment_id: DeploymentId, target_id: TargetId, owner: str, row: Any) -> Lease:
    host_id, segment, attempt, journal_offset, cancel = row
    return Lease(
        deployment_id=deployment_id,
        target_id=target_id,
        host_id=HostId(host_id),
        segment=segment,
        owner=owner,
        attempt=attempt,
        journal_offset=journal_offset,
        cancel_requested=cancel,
    )
