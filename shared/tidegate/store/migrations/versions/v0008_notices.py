"""Notices on their way to SNS and EventBridge."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deployment_id", sa.String(length=11), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=1000), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("resources", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_notices")),
    )
    op.create_index(
        "ix_notices_deployment_id_target_number", "notices", ["deployment_id", "target", "number"]
    )
    for column, condition in (
        ("due_at", "dropped_at IS NULL"),
        ("dropped_at", "dropped_at IS NOT NULL"),
    ):
        op.create_index(
            f"ix_notices_{column}",
            "notices",
            [column],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    totals = op.create_table(
        "notice_totals",
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "outcome", name=op.f("pk_notice_totals")),
    )
    op.bulk_insert(
        totals,
        [
            {"channel": channel, "outcome": outcome, "total": 0}
            for channel in ("sns", "eventbridge")
            for outcome in ("sent", "dropped")
        ],
    )


def downgrade() -> None:
    op.drop_table("notice_totals")
    op.drop_table("notices")
