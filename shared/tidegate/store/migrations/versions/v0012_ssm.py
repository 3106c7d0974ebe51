"""What workers want over SSM, and whose turn it is to call."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0012"
down_revision: Final = "0011"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "call_turns",
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("free_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("role", "region", "kind", name=op.f("pk_call_turns")),
    )
    op.create_table(
        "ssm_wants",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("want", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("command", sa.String(length=32), nullable=True),
        sa.Column("ends_at", sa.Double(), nullable=True),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ssm_wants")),
    )
    op.create_index("ix_ssm_wants_role_region", "ssm_wants", ["role", "region"])


def downgrade() -> None:
    op.drop_table("ssm_wants")
    op.drop_table("call_turns")
