"""The table of searches for EC2 instances; `tables` has the hosts that are found."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tidegate.store.row import Row


class SearchRow(Row):
    """What a deployment knows of its EC2 instances."""

    __tablename__ = "searches"
    __table_args__ = (Index("ix_searches_due_at", "due_at"),)

    deployment_id: Mapped[str] = mapped_column(
        String(11), ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    stage: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime | None]
    """When AWS is asked next; None where it is not any more."""
    looked_at: Mapped[datetime | None]
    tries: Mapped[int]
    """How often it was asked in vain."""
    failing_since: Mapped[datetime | None]
    failure: Mapped[dict[str, Any] | None]
    instances: Mapped[list[Any]]
    """Id and state of each instance that was found."""
    absent: Mapped[list[Any]]
    """Ids of those that AWS did not know at the last look."""
    ended_at: Mapped[datetime | None]
    """When the deployment succeeded, where it is asked for what was launched meanwhile."""
    root_id: Mapped[str | None] = mapped_column(String(11))
    """The deployment that this one follows."""
    follow_up_id: Mapped[str | None] = mapped_column(String(11))
