"""The alarms of deployments as rows: what is watched, how it was found, when it is read again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from tidegate.domain.alarms import Alarm, Alarms, AlarmState, Reading, Seen
from tidegate.domain.deployment import Deployment
from tidegate.domain.ids import DeploymentId
from tidegate.store.course_tables import WatchRow
from tidegate.store.deployment_options import alarms_from_json
from tidegate.store.statements import change

READ_EVERY: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWatch:
    """The alarms of one deployment."""

    deployment_id: DeploymentId
    alarms: Alarms
    region: str
    role_arn: str
    seen: tuple[Seen, ...]
    read_at: datetime | None = None
    """When all of them were read last."""


class Watches:
    """Reads and changes what is watched."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, deployment: Deployment, alarms: Alarms, *, role_arn: str) -> bool:
        """Have alarms read while a deployment is not final, the first time at once.

        Tell whether nobody else waits for a first reading, which will be his, too.
        """
        others = self._session.scalar(
            select(WatchRow.deployment_id)
            .where(WatchRow.due_at <= deployment.created_at, WatchRow.read_at.is_(None))
            .limit(1)
        )
        self._session.add(
            WatchRow(
                deployment_id=deployment.id,
                alarms=asdict(alarms),
                region=deployment.region,
                role_arn=role_arn,
                seen=[],
                due_at=deployment.created_at,
            )
        )
        self._session.flush()
        return others is None

    def get(self, deployment_id: DeploymentId) -> KeptWatch | None:
        """Return the alarms of a deployment, also after its end."""
        row = self._session.get(WatchRow, deployment_id, populate_existing=True)
        return None if row is None else _kept(row)

    def claim_due(self, now: datetime) -> bool:
        """Tell whether any alarm is to be read; all of them are due again some time later."""
        due = self._session.scalar(
            select(WatchRow.deployment_id).where(WatchRow.due_at <= now).limit(1)
        )
        if due is None:
            return False
        # All at once, so that those of many deployments are asked for together.
        self._session.execute(
            update(WatchRow)
            .where(WatchRow.due_at.is_not(None))
            .values(due_at=now + READ_EVERY)
            .execution_options(synchronize_session=False)
        )
        return True

    def open(self, *, not_since: datetime) -> list[KeptWatch]:
        """Return the alarms of all deployments that are not final and were *not* read *since*."""
        rows = self._session.scalars(
            select(WatchRow).where(
                WatchRow.due_at.is_not(None),
                or_(WatchRow.read_at.is_(None), WatchRow.read_at <= not_since),
            )
        )
        return [_kept(row) for row in rows]

    def note(
        self,
        deployment_id: DeploymentId,
        alarms: Alarms,
        seen: Sequence[Seen],
        *,
        read_at: datetime,
    ) -> None:
        """Write how alarms were found."""
        found = {one.reading.alarm: one for one in seen}
        change(
            self._session,
            WatchRow,
            where={"deployment_id": deployment_id},
            values={
                "seen": [_seen_to_json(found.get(alarm)) for alarm in alarms.watched],
                "read_at": read_at,
            },
            returning="deployment_id",
        )

    def confirm(self, deployment_ids: Sequence[DeploymentId], *, read_at: datetime) -> None:
        """Write when alarms were read that are as they were."""
        # Whoever has all alarms read locks these rows in another order, and is not met half-way.
        mine = self._session.scalars(
            select(WatchRow.deployment_id)
            .where(WatchRow.deployment_id.in_(deployment_ids), WatchRow.due_at.is_not(None))
            .with_for_update(skip_locked=True)
        ).all()
        self._session.execute(
            update(WatchRow)
            .where(WatchRow.deployment_id.in_(mine))
            .values(read_at=read_at)
            .execution_options(synchronize_session=False)
        )

    def end(self, deployment_id: DeploymentId) -> None:
        """Read the alarms of a deployment no more; how they were found stays."""
        self._session.execute(
            update(WatchRow)
            .where(WatchRow.deployment_id == deployment_id)
            .values(due_at=None)
            .execution_options(synchronize_session=False)
        )


def _kept(row: WatchRow) -> KeptWatch:
    alarms = alarms_from_json(row.alarms)
    pairs = zip(alarms.watched, row.seen, strict=False)
    return KeptWatch(
        deployment_id=DeploymentId(row.deployment_id),
        alarms=alarms,
        region=row.region,
        role_arn=row.role_arn,
        seen=tuple(_seen(alarm, body) for alarm, body in pairs if body is not None),
        read_at=row.read_at,
    )


def _seen(alarm: Alarm, body: Mapping[str, Any]) -> Seen:
    reading = Reading(
        alarm=alarm,
        state=AlarmState(body["state"]),
        why=body["why"],
        may_pass=body["may_pass"],
    )
    return Seen(reading, datetime.fromisoformat(body["since"]))


def _seen_to_json(seen: Seen | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    reading = seen.reading
    return {
        "state": reading.state,
        "why": reading.why,
        "may_pass": reading.may_pass,
        "since": seen.since.isoformat(),
    }
