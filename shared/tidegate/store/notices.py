"""Notices as rows: written with the move that they tell of, taken to be sent, passed or dropped."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CursorResult, Select, and_, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from tidegate.domain.ids import DeploymentId
from tidegate.domain.notices import Audience, Channel, Notice, NoticeSettings
from tidegate.planning.notices import may_be_told, notices_of
from tidegate.store.deployments import Deployments
from tidegate.store.history import Moved
from tidegate.store.news import NewsReader
from tidegate.store.notice_tables import NoticeRow, NoticeTotalRow
from tidegate.store.targets import Targets


class NoticeOutcome(StrEnum):
    SENT = "sent"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenNotice:
    """A notice in the hands of one sender, until it is due again."""

    number: int
    deployment_id: DeploymentId
    attempts: int
    """How often it was taken, this time included; nobody writes of it with another number."""
    notice: Notice


class Notices:
    """Writes notices, and hands them to senders: of one deployment and target in their order."""

    def __init__(
        self,
        session: Session,
        deployments: Deployments,
        targets: Targets,
        settings: NoticeSettings,
    ) -> None:
        self._session = session
        self._deployments = deployments
        self._settings = settings
        self._news = NewsReader(session, deployments, targets, settings.account_id)

    def tell(self, moved: Iterable[Moved]) -> bool:
        """Write the notices of what moved, in one statement; tell whether there are any.

        Where nobody asks to be told, nothing is read and nothing is written.
        """
        rows = [row for one in moved for row in self._rows_of(one)]
        if rows:
            self._session.execute(insert(NoticeRow), rows)
        return bool(rows)

    def _rows_of(self, moved: Moved) -> Iterator[dict[str, Any]]:
        audience = Audience(triggers=moved.triggers, event_bus=self._settings.event_bus)
        if audience.is_empty:
            return
        moves = [move for move in moved.moves if may_be_told(move, audience)]
        if not moves:
            return
        if audience.triggers:
            group = self._deployments.group_settings(moved.deployment_id)
            audience = replace(audience, role_arn=group["aws"].service_role_arn)
        for news in self._news.of(moved.deployment_id, moves):
            for notice in notices_of(news, audience):
                yield _row(moved.deployment_id, notice)

    def is_due(self, now: datetime) -> bool:
        """Tell whether any notice is to be sent."""
        return self._session.scalar(_heads(now).limit(1)) is not None

    def take(self, *, now: datetime, lease: timedelta) -> TakenNotice | None:
        """Take the notice that has been due longest; it is due again after the *lease*.

        One that follows another of the same deployment to the same target waits for that.
        """
        number = self._session.scalar(
            _heads(now)
            .order_by(NoticeRow.due_at, NoticeRow.number)
            .limit(1)
            .with_for_update(of=NoticeRow, skip_locked=True)
        )
        if number is None:
            return None
        row = self._session.scalars(
            update(NoticeRow)
            .where(NoticeRow.number == number)
            .values(attempts=NoticeRow.attempts + 1, due_at=now + lease)
            .returning(NoticeRow)
            .execution_options(synchronize_session=False, populate_existing=True)
        ).one()
        return _taken(row)

    def passed(self, taken: TakenNotice) -> None:
        """Forget a notice that has passed."""
        gone = self._session.execute(delete(NoticeRow).where(*_is(taken)))
        if _count(gone):
            self._add_to_total(taken, NoticeOutcome.SENT)

    def put_off(self, taken: TakenNotice, *, until: datetime, why: str) -> None:
        """Have a notice tried again later, and not before it those that wait behind it."""
        mine = self._session.execute(
            update(NoticeRow)
            .where(*_is(taken))
            .values(due_at=until, why=why)
            .execution_options(synchronize_session=False)
        )
        if _count(mine):
            self._session.execute(
                update(NoticeRow)
                .where(
                    NoticeRow.deployment_id == taken.deployment_id,
                    NoticeRow.target == taken.notice.target,
                    NoticeRow.dropped_at.is_(None),
                    NoticeRow.due_at < until,
                )
                .values(due_at=until)
                .execution_options(synchronize_session=False)
            )

    def drop(self, taken: TakenNotice, *, at: datetime, why: str) -> None:
        """Give a notice up for good; its row stays for a while, with the reason."""
        dropped = self._session.execute(
            update(NoticeRow)
            .where(*_is(taken))
            .values(dropped_at=at, why=why)
            .execution_options(synchronize_session=False)
        )
        if _count(dropped):
            self._add_to_total(taken, NoticeOutcome.DROPPED)

    def _add_to_total(self, taken: TakenNotice, outcome: NoticeOutcome) -> None:
        # The row is there from the beginning: two who write the first at once do not collide.
        self._session.execute(
            update(NoticeTotalRow)
            .where(
                NoticeTotalRow.channel == taken.notice.channel, NoticeTotalRow.outcome == outcome
            )
            .values(total=NoticeTotalRow.total + 1)
            .execution_options(synchronize_session=False)
        )

    def totals(self) -> Mapping[tuple[str, str], int]:
        """Return how many notices ever passed or were dropped, by channel and outcome."""
        rows = self._session.execute(
            select(NoticeTotalRow.channel, NoticeTotalRow.outcome, NoticeTotalRow.total)
        )
        return {(channel, outcome): total for channel, outcome, total in rows}

    def oldest(self) -> datetime | None:
        """Return when the oldest thing happened that is still to be told, if there is one."""
        return self._session.scalar(
            select(func.min(NoticeRow.at)).where(NoticeRow.dropped_at.is_(None))
        )

    def delete_before(self, moment: datetime) -> None:
        """Delete what was dropped before *moment*."""
        self._session.execute(delete(NoticeRow).where(NoticeRow.dropped_at < moment))


def _heads(now: datetime) -> Select[int]:
    """Return what is due and waits for no earlier notice of its deployment to its target."""
    earlier = aliased(NoticeRow)
    waits = exists().where(
        and_(
            earlier.deployment_id == NoticeRow.deployment_id,
            earlier.target == NoticeRow.target,
            earlier.number < NoticeRow.number,
            earlier.dropped_at.is_(None),
        )
    )
    return select(NoticeRow.number).where(
        NoticeRow.dropped_at.is_(None), NoticeRow.due_at <= now, ~waits
    )


def _is(taken: TakenNotice) -> tuple[Any, ...]:
    return NoticeRow.number == taken.number, NoticeRow.attempts == taken.attempts


def _count(result: Any) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0


def _row(deployment_id: DeploymentId, notice: Notice) -> dict[str, Any]:
    return {
        **asdict(notice),
        "resources": list(notice.resources),
        "deployment_id": deployment_id,
        "attempts": 0,
        "due_at": notice.at,
        "why": "",
    }


def _taken(row: NoticeRow) -> TakenNotice:
    return TakenNotice(
        number=row.number,
        deployment_id=DeploymentId(row.deployment_id),
        attempts=row.attempts,
        notice=Notice(
            channel=Channel(row.channel),
            target=row.target,
            region=row.region,
            role_arn=row.role_arn,
            subject=row.subject,
            body=row.body,
            resources=tuple(row.resources),
            at=row.at,
        ),
    )
