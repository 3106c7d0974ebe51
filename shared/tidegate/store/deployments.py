"""Deployments as rows: created, read, moved by compare-and-set, and woken."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.orm import Session

from tidegate.domain.deployment import (
    DEPLOYMENT_MACHINE,
    Creator,
    Deployment,
    DeploymentEvent,
    ErrorCode,
)
from tidegate.domain.errors import DeploymentNotFound, Stale
from tidegate.domain.history import Subject, Transition
from tidegate.domain.ids import DeploymentId, GroupId
from tidegate.store.deployment_options import options_to_json
from tidegate.store.deployment_reading import TO_LOCK, DeploymentReading, deployment_of
from tidegate.store.group_settings import GroupSettings
from tidegate.store.groups import Groups
from tidegate.store.history import History
from tidegate.store.statements import change, plain_table
from tidegate.store.tables import DeploymentRow, GroupRow

GRACE: Final = timedelta(seconds=1.5)
"""How long the message of an advance may take before it counts as lost."""
AGAIN: Final = timedelta(seconds=3)
"""The same of one that a sweep has sent. No sweep is done that has itself waited longer: workers
that cannot keep up are not sent everything twice."""
_BETWEEN_SWEEPS: Final = timedelta(seconds=1)
_DEPLOYMENTS: Final = plain_table(DeploymentRow)
_WAKE: Final = (
    update(_DEPLOYMENTS)
    .where(
        _DEPLOYMENTS.c.id == bindparam("id_"),
        or_(_DEPLOYMENTS.c.wake_at.is_(None), _DEPLOYMENTS.c.wake_at > bindparam("due")),
    )
    .values(wake_at=bindparam("due"))
    .returning(_DEPLOYMENTS.c.id)
)
_PLAIN: Final = ("started_at", "completed_at", "minimum_healthy", "total_targets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move of a deployment: what happens, by whom and why."""

    event: DeploymentEvent
    at: datetime
    actor: str
    reason: str = ""
    error_code: ErrorCode | None = None


def _is_sent_again(late: timedelta) -> bool:
    """Tell whether the sweep, which comes once a second, sends what is so late once more."""
    doublings = (late // GRACE).bit_length() - 1
    return late - GRACE * (1 << doublings) < _BETWEEN_SWEEPS


class Deployments(DeploymentReading):
    """Reads and changes deployments."""

    def __init__(self, session: Session, history: History) -> None:
        super().__init__(session)
        self._history = history
        self._locked: dict[DeploymentId, Deployment] = {}
        self._settings: dict[DeploymentId, Mapping[str, Any]] = {}

    def add(self, deployment: Deployment, group_settings: Mapping[str, Any], *, actor: str) -> None:
        """Write a new deployment that wants its first advance at once."""
        rollback = deployment.auto_rollback
        self._session.execute(
            insert(DeploymentRow).values(
                id=deployment.id,
                region=deployment.region,
                application_id=deployment.application_id,
                application=deployment.application,
                group_id=deployment.group_id,
                group=deployment.group,
                compute_platform=deployment.compute_platform,
                revision_id=deployment.revision_id,
                previous_revision_id=deployment.previous_revision_id,
                config_name=deployment.config_name,
                creator=deployment.creator,
                options=options_to_json(deployment.options),
                auto_rollback={"enabled": rollback.enabled, "events": list(rollback.events)},
                group_settings=dict(group_settings),
                status=deployment.status,
                version=0,
                wake_at=deployment.created_at + GRACE,
                last_transition=0,
                total_targets=0,
                created_at=deployment.created_at,
                error_message="",
                rollback_triggering_id=deployment.rollback_triggering_deployment_id,
                rollback_message=deployment.rollback_message,
                status_messages=list(deployment.status_messages),
                external_id=deployment.external_id,
                watches_alarms=deployment.watches_alarms,
            )
        )
        self._history.record(deployment.id, [_created(deployment, actor)])

    def lock(self, deployment_id: DeploymentId) -> Deployment:
        """Return one deployment and keep everybody else from changing it or its targets.

        Whoever changes a target also changes its deployment's row, so that this lock covers both.
        Asked again in the same transaction it only answers.

        Raises:
            DeploymentNotFound: There is none.
        """
        if known := self._locked.get(deployment_id):
            return known
        row = self._session.execute(TO_LOCK, {"id_": deployment_id}).one_or_none()
        if row is None:
            raise DeploymentNotFound(deployment_id)
        self._settings[deployment_id] = row.group_settings
        locked = self._locked[deployment_id] = deployment_of(row, {})
        return locked

    def group_settings(self, deployment_id: DeploymentId) -> GroupSettings:
        """Return the group's settings as they were when the deployment was created."""
        # They never change, so that whoever has locked the deployment knows them.
        settings = self._settings.get(deployment_id) or self._row(deployment_id).group_settings
        # Rows of an older Tidegate have no role.
        return Groups.group_from_settings(settings, settings.get("service_role_arn", ""))

    def bundle_failure(self, deployment_id: DeploymentId) -> dict[str, str] | None:
        """Return which event the bundle failed at and why, if it did."""
        return self._row(deployment_id).bundle_failure

    def on(self, deployment: Deployment, move: Move, **changes: Any) -> Deployment:
        """Move *deployment* to where the table says that the event leads, and record the move.

        Returns it as it is now.

        Raises:
            IllegalTransition: The table has no such move.
            Stale: Somebody else changed the deployment since it was read.
        """
        status = DEPLOYMENT_MACHINE.after(deployment.status, move.event)
        if DEPLOYMENT_MACHINE.is_final(status):
            changes["completed_at"] = move.at
            changes["error_code"] = move.error_code
            changes["error_message"] = move.reason if move.error_code else ""
        self._change(deployment, status=status, **changes)
        self._history.record(
            deployment.id,
            [
                Transition(
                    subject=Subject.DEPLOYMENT,
                    name=move.event,
                    source=deployment.status,
                    to=status,
                    at=move.at,
                    actor=move.actor,
                    reason=move.reason,
                )
            ],
        )
        known = {name: changes[name] for name in _PLAIN if name in changes}
        return replace(deployment, status=status, version=deployment.version + 1, **known)

    def settle(self, deployment: Deployment, *, wake_at: datetime | None) -> None:
        """Record that an advance has looked, and when it wants to look again.

        Raises:
            Stale: Somebody else advanced the deployment meanwhile.
        """
        self._change(deployment, wake_at=wake_at)

    def _change(self, deployment: Deployment, **changes: Any) -> None:
        self._locked.pop(deployment.id, None)
        # The WHERE clause is the lock: two may compute the same move, one row changes.
        changed = change(
            self._session,
            DeploymentRow,
            where={
                "id": deployment.id,
                "version": deployment.version,
                "status": deployment.status,
            },
            values={"version": deployment.version + 1, **changes},
            returning="id",
        )
        if changed is None:
            raise Stale(deployment.id)

    def link_rollback(
        self, deployment_id: DeploymentId, rollback_id: DeploymentId | None, message: str
    ) -> None:
        """Write what a deployment that ended says of its rollback, or why there is none."""
        self._locked.pop(deployment_id, None)
        self._session.execute(
            update(DeploymentRow)
            .where(DeploymentRow.id == deployment_id)
            .values(rollback_deployment_id=rollback_id, rollback_message=message)
            .execution_options(synchronize_session=False)
        )

    def fail_bundle(self, deployment_id: DeploymentId, *, event: str, message: str) -> None:
        """Record that the bundle cannot be used; the next advance fails the targets."""
        self._locked.pop(deployment_id, None)
        self._session.execute(
            update(DeploymentRow)
            .where(DeploymentRow.id == deployment_id)
            .values(bundle_failure={"event": event, "message": message})
            .execution_options(synchronize_session=False)
        )

    def pause(self, deployment_id: DeploymentId, *, at: datetime | None) -> None:
        """Note since when a deployment is paused, or that it is not any more."""
        self._locked.pop(deployment_id, None)
        self._session.execute(
            update(DeploymentRow)
            .where(DeploymentRow.id == deployment_id)
            .values(paused_at=at)
            .execution_options(synchronize_session=False)
        )

    def say(self, deployment: Deployment, messages: tuple[str, ...]) -> Deployment:
        """Write what else there is to say of how a deployment stands, where that is new."""
        if messages == deployment.status_messages:
            return deployment
        self._locked.pop(deployment.id, None)
        self._session.execute(
            update(DeploymentRow)
            .where(DeploymentRow.id == deployment.id)
            .values(status_messages=list(messages))
            .execution_options(synchronize_session=False)
        )
        return replace(deployment, status_messages=messages)

    def keep_blue(self, deployment_id: DeploymentId) -> None:
        """Note that the wait before the old side is removed has begun."""
        self._session.execute(
            update(DeploymentRow)
            .where(DeploymentRow.id == deployment_id)
            .values(has_kept_blue=True)
            .execution_options(synchronize_session=False)
        )

    def wake(self, deployment_id: DeploymentId, at: datetime) -> bool:
        """Want an advance *at* the latest; tell whether nobody had wanted one so early.

        Whoever does sends a message as well, which is given some time to arrive.
        """
        wanted = {"id_": deployment_id, "due": at + GRACE}
        return self._session.execute(_WAKE, wanted).one_or_none() is not None

    def claim_due(self, *, now: datetime, limit: int = 200) -> list[DeploymentId]:
        """Return deployments whose advance is due; they are due again later.

        Nobody is waited for: one whose row somebody else has is due at the next sweep, too. Where
        hundreds of hosts report at once somebody always has it, so what is late is returned at
        doubling intervals though it stays due.
        """
        overdue = self._session.execute(
            select(DeploymentRow.id, DeploymentRow.wake_at)
            .where(DeploymentRow.wake_at <= now - GRACE)
            .limit(limit)
        )
        late = [id_ for id_, due in overdue if due is not None and _is_sent_again(now - due)]
        ids = self._session.scalars(
            select(DeploymentRow.id)
            .where(DeploymentRow.wake_at <= now)
            .order_by(DeploymentRow.wake_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        if ids:
            self._session.execute(
                update(DeploymentRow)
                .where(DeploymentRow.id.in_(ids))
                .values(wake_at=now + AGAIN)
                .execution_options(synchronize_session=False)
            )
        return [DeploymentId(deployment_id) for deployment_id in dict.fromkeys([*ids, *late])]

    def take_slot(self, group_id: GroupId, deployment_id: DeploymentId) -> DeploymentId | None:
        """Take the group's one slot for *deployment_id*; return who has it if that is another."""
        taken = self._session.execute(
            update(GroupRow)
            .where(GroupRow.id == group_id, GroupRow.active_deployment_id.is_(None))
            .values(active_deployment_id=deployment_id, last_attempted_id=deployment_id)
            .returning(GroupRow.id)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if taken is not None:
            return None
        holder = self._session.scalar(
            select(GroupRow.active_deployment_id).where(GroupRow.id == group_id)
        )
        return None if holder is None else DeploymentId(holder)

    def free_slot(self, deployment: Deployment, *, succeeded: bool) -> None:
        """Give the group's slot back; a success becomes what the group rolls back to."""
        changes: dict[str, Any] = {"active_deployment_id": None}
        if succeeded:
            changes["last_successful_id"] = deployment.id
            # A rollback of traffic restores what was there, and deploys nothing.
            if deployment.is_of_servers or deployment.creator is not Creator.ROLLBACK:
                changes["target_revision_id"] = deployment.revision_id
        change(
            self._session,
            GroupRow,
            where={"id": deployment.group_id, "active_deployment_id": deployment.id},
            values=changes,
            returning="id",
        )

    def _row(self, deployment_id: DeploymentId) -> DeploymentRow:
        row = self._session.get(DeploymentRow, deployment_id, populate_existing=True)
        if row is None:
            raise DeploymentNotFound(deployment_id)
        return row


def _created(deployment: Deployment, actor: str) -> Transition:
    return Transition(
        subject=Subject.DEPLOYMENT,
        name="create",
        source="",
        to=deployment.status,
        at=deployment.created_at,
        actor=actor,
        reason=deployment.options.description,
    )
