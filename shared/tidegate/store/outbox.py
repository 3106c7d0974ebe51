"""Messages as rows: written with the decision, sent after the commit, resent by the sweep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from tidegate.store.statements import plain_table
from tidegate.store.tables import OutboxRow

_OUTBOX: Final = plain_table(OutboxRow)
_ADD: Final = insert(_OUTBOX)
_FORGET: Final = delete(_OUTBOX).where(_OUTBOX.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A chain of tasks to be sent; its arguments are ids and nothing else."""

    id: str
    links: tuple[str, ...]
    arguments: Mapping[str, str]


class Sender(Protocol):
    """Hands messages to the broker."""

    def send_all(self, messages: Sequence[Message]) -> Sequence[str]:
        """Send *messages* and return the ids of those that the broker took."""


class NoSender:
    """Sends nothing: whatever is written waits for somebody's sweep."""

    def send_all(self, messages: Sequence[Message]) -> Sequence[str]:  # noqa: ARG002
        return ()


class Outbox:
    """The rows of messages not yet known to be sent."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.fresh: list[Message] = []
        """What this unit of work adds; sent when it has committed."""

    def add(self, message: Message) -> None:
        """Have *message* sent once this unit of work has committed."""
        self.fresh.append(message)

    def flush(self, *, at: datetime) -> None:
        """Write what was added, in one statement."""
        if self.fresh:
            rows = [
                {
                    "id": message.id,
                    "links": list(message.links),
                    "arguments": dict(message.arguments),
                    "created_at": at,
                }
                for message in self.fresh
            ]
            self._session.execute(_ADD, rows)

    def claim_unsent(self, *, before: datetime, at: datetime, limit: int = 500) -> list[Message]:
        """Return messages not tried since *before* and mark them as tried *at*."""
        last_tried = func.coalesce(OutboxRow.tried_at, OutboxRow.created_at)
        rows = self._session.scalars(
            select(OutboxRow)
            .where(OutboxRow.created_at < before, last_tried < before)
            .order_by(last_tried)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        if rows:
            self._session.execute(
                update(OutboxRow)
                .where(OutboxRow.id.in_([row.id for row in rows]))
                .values(tried_at=at)
                .execution_options(synchronize_session=False)
            )
        return [
            Message(id=row.id, links=tuple(row.links), arguments=dict(row.arguments))
            for row in rows
        ]

    def forget(self, ids: Iterable[str]) -> None:
        """Delete messages that the broker took."""
        self._session.execute(_FORGET, {"ids": list(ids)})

    def oldest(self) -> datetime | None:
        """Return since when the oldest message has waited, if any waits."""
        return self._session.scalar(
            select(OutboxRow.created_at).order_by(OutboxRow.created_at).limit(1)
        )
