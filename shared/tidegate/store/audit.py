"""The audit: one row for each call that changes something, or was to."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from tidegate.domain.audit import AuditEntry
from tidegate.store.access_tables import AuditRow


class Audit:
    """Writes and reads the audit."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, entry: AuditEntry) -> None:
        """Append an entry; it stands or falls with the rest of the transaction."""
        self._session.execute(insert(AuditRow).values(**asdict(entry)))

    def page(
        self, *, limit: int, before: int | None = None, request_id: str | None = None
    ) -> list[tuple[int, AuditEntry]]:
        """Return entries with their numbers, newest first; with *before* those below a number."""
        query = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit)
        if before is not None:
            query = query.where(AuditRow.number < before)
        if request_id is not None:
            query = query.where(AuditRow.request_id == request_id)
        return [(row.number, _entry(row)) for row in self._session.scalars(query)]

    def delete_before(self, moment: datetime) -> None:
        """Delete what is older than *moment*."""
        self._session.execute(
            delete(AuditRow)
            .where(AuditRow.at < moment)
            .execution_options(synchronize_session=False)
        )


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        at=row.at,
        actor=row.actor,
        access_key_id=row.access_key_id,
        address=row.address,
        region=row.region,
        operation=row.operation,
        subject=row.subject,
        request_id=row.request_id,
        refusal=row.refusal,
    )
