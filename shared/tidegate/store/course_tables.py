"""Tables of deployments that move traffic or watch alarms; `tables` has the others."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tidegate.store.row import Row


class StepRow(Row):
    """One step of a deployment."""

    __tablename__ = "steps"
    __table_args__ = (Index("ix_steps_execution_id", "execution_id", unique=True),)

    deployment_id: Mapped[str] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    event: Mapped[str] = mapped_column(String(100))
    weight: Mapped[int | None]
    hook: Mapped[str]
    execution_id: Mapped[str | None] = mapped_column(String(36))
    """By which the hook that was called tells how it went."""
    word: Mapped[str | None] = mapped_column(String(16))
    """What it told."""
    status: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime | None]
    until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ErrandRow(Row):
    """What one target of a deployment is about, and what its driver found."""

    __tablename__ = "errands"
    __table_args__ = (
        ForeignKeyConstraint(
            ["deployment_id", "target_id"],
            ["targets.deployment_id", "targets.target_id"],
            ondelete="CASCADE",
        ),
    )

    deployment_id: Mapped[str] = mapped_column(String(11), primary_key=True)
    target_id: Mapped[str] = mapped_column(String(512), primary_key=True)
    move: Mapped[dict[str, Any]]
    before: Mapped[dict[str, Any] | None]
    """How all stood before anything moved; None until the first look."""
    found: Mapped[dict[str, Any] | None]
    """How it was found when it was last looked at."""
    failure: Mapped[dict[str, Any] | None]
    """How the step in progress went wrong on this target."""
    failing_since: Mapped[datetime | None]
    """Since when the step in progress has been tried in vain."""
    tries: Mapped[int]
    note: Mapped[str]
    """What is waited for, or what the user should know."""


class MadeRow(Row):
    """Something that a deployment created out there."""

    __tablename__ = "made"
    __table_args__ = (
        ForeignKeyConstraint(
            ["deployment_id", "target_id"],
            ["targets.deployment_id", "targets.target_id"],
            ondelete="CASCADE",
        ),
    )

    deployment_id: Mapped[str] = mapped_column(String(11), primary_key=True)
    target_id: Mapped[str] = mapped_column(String(512), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(512), primary_key=True)
    made_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]
    """When it was removed again."""


class WatchRow(Row):
    """The alarms of a deployment, and how they were found."""

    __tablename__ = "watches"
    __table_args__ = (
        Index(
            "ix_watches_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    deployment_id: Mapped[str] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    alarms: Mapped[dict[str, Any]]
    region: Mapped[str] = mapped_column(String(32))
    role_arn: Mapped[str]
    seen: Mapped[list[Any]]
    """How each was found, in their order; nothing before the first look."""
    read_at: Mapped[datetime | None]
    """When all of them were read last."""
    due_at: Mapped[datetime | None]
    """When they are read again; None once the deployment is final."""
