"""EC2 instances: hosts that are found, how a group reaches them, and the searches for them."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.add_column("hosts", sa.Column("origin", sa.String(16), nullable=True))
    op.add_column("hosts", sa.Column("instance", sa.JSON(), nullable=True))
    op.add_column("hosts", sa.Column("found_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deployment_groups", sa.Column("ec2", sa.JSON(), nullable=True))
    op.create_table(
        "searches",
        sa.Column("deployment_id", sa.String(11), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.JSON(), nullable=True),
        sa.Column("instances", sa.JSON(), nullable=False),
        sa.Column("absent", sa.JSON(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("root_id", sa.String(11), nullable=True),
        sa.Column("follow_up_id", sa.String(11), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployments.id"],
            name=op.f("fk_searches_deployment_id_deployments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_searches")),
    )
    op.create_index(op.f("ix_searches_due_at"), "searches", ["due_at"])


def downgrade() -> None:
    op.drop_table("searches")
    op.drop_column("deployment_groups", "ec2")
    op.drop_column("hosts", "found_at")
    op.drop_column("hosts", "instance")
    op.drop_column("hosts", "origin")
