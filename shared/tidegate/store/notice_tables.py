"""Tables of notices; `tables` has the others."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tidegate.store.row import Row


class NoticeRow(Row):
    """A message or event on its way to where somebody asked for it; gone when it has passed."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_deployment_id_target_number", "deployment_id", "target", "number"),
        Index(
            "ix_notices_due_at",
            "due_at",
            sqlite_where=text("dropped_at IS NULL"),
            postgresql_where=text("dropped_at IS NULL"),
        ),
        Index(
            "ix_notices_dropped_at",
            "dropped_at",
            sqlite_where=text("dropped_at IS NOT NULL"),
            postgresql_where=text("dropped_at IS NOT NULL"),
        ),
    )

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    """Within a deployment the order in which things happened."""
    at: Mapped[datetime] = mapped_column("happened_at")
    deployment_id: Mapped[str] = mapped_column(String(11))
    channel: Mapped[str] = mapped_column(String(16))
    target: Mapped[str] = mapped_column(String(1000))
    region: Mapped[str] = mapped_column(String(32))
    role_arn: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    resources: Mapped[list[Any]]
    attempts: Mapped[int]
    """Fencing token: rises when somebody takes it to send it."""
    due_at: Mapped[datetime]
    """When it is to be sent, or was lost with whoever took it."""
    dropped_at: Mapped[datetime | None]
    """When it was given up for good."""
    why: Mapped[str]
    """Why it did not pass when it was tried last."""


class NoticeTotalRow(Row):
    """How many notices ever passed, and how many were dropped; a row for each that there can be."""

    __tablename__ = "notice_totals"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)
