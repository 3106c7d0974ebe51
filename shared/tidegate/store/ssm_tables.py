"""Tables of what workers want over SSM, and of whose turn it is to call; `tables` has the others.

Moments are seconds since 1970, as commands count them.
"""

from typing import Any

from sqlalchemy import JSON, Double, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tidegate.store.row import Row


class CallTurnRow(Row):
    """When a kind of call may be made next, by whichever worker."""

    __tablename__ = "call_turns"

    role: Mapped[str] = mapped_column(String(200), primary_key=True)
    """The account of the role, as AWS counts calls by that."""
    region: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    free_at: Mapped[float] = mapped_column(Double())


class SsmWantRow(Row):
    """A slice that a worker wants of a host, until it has heard what came of it."""

    __tablename__ = "ssm_wants"
    __table_args__ = (Index("ix_ssm_wants_role_region", "role", "region"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    role: Mapped[str] = mapped_column(String(200))
    region: Mapped[str] = mapped_column(String(32))
    want: Mapped[dict[str, Any]]
    asked_at: Mapped[float] = mapped_column(Double())
    command: Mapped[str | None] = mapped_column(String(32))
    """Which wants go out together; empty while nobody has claimed it."""
    ends_at: Mapped[float | None] = mapped_column(Double())
    shown_at: Mapped[float | None] = mapped_column(Double())
    """When whoever has claimed it last showed that it is at it."""
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
