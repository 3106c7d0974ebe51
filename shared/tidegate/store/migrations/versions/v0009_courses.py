"""Deployments that move traffic or watch alarms: their steps, errands and what they made."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"
branch_labels: Final = None
depends_on: Final = None

_NAMED_BY_TARGET: Final = ("targets", "lifecycle_events", "log_chunks", "transitions")


def upgrade() -> None:
    op.add_column("deployments", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deployments", sa.Column("has_kept_blue", sa.Boolean(), nullable=True))
    op.add_column("deployments", sa.Column("watches_alarms", sa.Boolean(), nullable=True))
    _resize(100, 512)
    _create_watches()
    op.create_table(
        "steps",
        sa.Column("deployment_id", sa.String(length=11), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("event", sa.String(length=100), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=True),
        sa.Column("hook", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.String(length=36), nullable=True),
        sa.Column("word", sa.String(length=16), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        *(_moment(name) for name in ("due_at", "until", "started_at", "finished_at")),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployments.id"],
            name=op.f("fk_steps_deployment_id_deployments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", "number", name=op.f("pk_steps")),
    )
    op.create_index("ix_steps_execution_id", "steps", ["execution_id"], unique=True)
    op.create_table(
        "errands",
        *_key(),
        sa.Column("move", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("found", sa.JSON(), nullable=True),
        sa.Column("failure", sa.JSON(), nullable=True),
        _moment("failing_since"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        _of_target("errands"),
        sa.PrimaryKeyConstraint("deployment_id", "target_id", name=op.f("pk_errands")),
    )
    op.create_table(
        "made",
        *_key(),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        _moment("gone_at"),
        _of_target("made"),
        sa.PrimaryKeyConstraint("deployment_id", "target_id", "kind", "name", name=op.f("pk_made")),
    )


def downgrade() -> None:
    for table in ("made", "errands", "steps", "watches"):
        op.drop_table(table)
    _resize(512, 100)
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        for column in ("watches_alarms", "has_kept_blue"):
            batch_op.drop_column(column)
        batch_op.drop_column("paused_at")


def _create_watches() -> None:
    op.create_table(
        "watches",
        sa.Column("deployment_id", sa.String(length=11), nullable=False),
        sa.Column("alarms", sa.JSON(), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        _moment("read_at"),
        _moment("due_at"),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployments.id"],
            name=op.f("fk_watches_deployment_id_deployments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_watches")),
    )
    op.create_index(
        "ix_watches_due_at",
        "watches",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def _resize(before: int, after: int) -> None:
    for table in _NAMED_BY_TARGET:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(
                "target_id",
                existing_type=sa.String(length=before),
                type_=sa.String(length=after),
                existing_nullable=table == "transitions",
            )


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _key() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("deployment_id", sa.String(length=11), nullable=False),
        sa.Column("target_id", sa.String(length=512), nullable=False),
    )


def _of_target(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["deployment_id", "target_id"],
        ["targets.deployment_id", "targets.target_id"],
        name=op.f(f"fk_{table}_deployment_id_target_id_targets"),
        ondelete="CASCADE",
    )
