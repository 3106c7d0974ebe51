"""Logs of lifecycle events, kept in pieces by their offset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.store.tables import DeploymentRow, LogChunkRow

TAIL_CHARACTERS: Final = 2048
"""The CodeDeploy agent reports whole lines, in total fewer characters than this."""
LONGEST_CHUNK: Final = 1_048_576
"""No piece is longer; so many bytes before an offset, pieces may still reach over it."""


@dataclass(frozen=True, slots=True)
class LogChunk:
    event: str
    at: int
    data: bytes


class Logs:
    """Writes and reads pieces of logs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self, deployment_id: DeploymentId, target_id: TargetId, chunks: Sequence[LogChunk]
    ) -> None:
        """Write *chunks*; the caller has checked that none is there already."""
        if chunks:
            rows = [
                {
                    "deployment_id": deployment_id,
                    "target_id": target_id,
                    "event": chunk.event,
                    "at": chunk.at,
                    "data": chunk.data,
                }
                for chunk in chunks
            ]
            self._session.execute(insert(LogChunkRow), rows)

    def pieces(
        self, deployment_id: DeploymentId, target_id: TargetId, event: str, *, start: int = 0
    ) -> Iterator[tuple[int, bytes]]:
        """Yield offset and bytes of what is kept from byte *start* on; a jump means a cut."""
        rows = self._session.execute(
            select(LogChunkRow.at, LogChunkRow.data)
            .where(
                LogChunkRow.deployment_id == deployment_id,
                LogChunkRow.target_id == target_id,
                LogChunkRow.event == event,
                LogChunkRow.at > start - LONGEST_CHUNK,
            )
            .order_by(LogChunkRow.at)
            .execution_options(yield_per=16)
        )
        for at, data in rows:
            skipped = max(start - at, 0)
            if skipped < len(data):
                yield at + skipped, data[skipped:]

    def tail(self, deployment_id: DeploymentId, target_id: TargetId, event: str) -> str:
        """Return the end of a log as AWS would show it, in characters that every client takes."""
        rows = self._session.scalars(
            select(LogChunkRow.data)
            .where(
                LogChunkRow.deployment_id == deployment_id,
                LogChunkRow.target_id == target_id,
                LogChunkRow.event == event,
            )
            .order_by(LogChunkRow.at.desc())
            .execution_options(yield_per=4)
        )
        data = b""
        for piece in rows:
            data = piece + data
            if len(data) > 4 * TAIL_CHARACTERS:
                break
        rows.close()
        return tail_of(data.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"))

    def delete_before(self, moment: datetime) -> int:
        """Delete logs of deployments that were complete before *moment*."""
        old = select(DeploymentRow.id).where(DeploymentRow.completed_at < moment)
        deleted = self._session.execute(
            delete(LogChunkRow)
            .where(LogChunkRow.deployment_id.in_(old))
            .execution_options(synchronize_session=False)
        )
        return int(deleted.rowcount)  # type: ignore[attr-defined]


def tail_of(text: str) -> str:
    """Return the last whole lines of *text* that have fewer than 2048 characters together."""
    kept: list[str] = []
    room = TAIL_CHARACTERS
    for line in reversed(text.splitlines(keepends=True)):
        room -= len(line)
        if room <= 0:
            break
        kept.append(line)
    return "".join(reversed(kept))
