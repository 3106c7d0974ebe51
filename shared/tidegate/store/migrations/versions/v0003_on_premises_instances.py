"""Hosts are on-premises instances: how each is registered."""

import uuid
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

_REGISTERED: Final = sa.text("deregistered_at IS NULL")


def upgrade() -> None:
    op.add_column("hosts", sa.Column("instance_suffix", sa.String(length=10), nullable=True))
    op.add_column("hosts", sa.Column("iam_user_arn", sa.String(length=300), nullable=True))
    op.add_column("hosts", sa.Column("iam_session_arn", sa.String(length=300), nullable=True))
    op.add_column("hosts", sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("hosts", sa.Column("deregistered_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE hosts SET registered_at = created_at")
    _give_suffixes()
    with op.batch_alter_table("hosts", schema=None) as batch_op:
        batch_op.alter_column("instance_suffix", existing_type=sa.String(length=10), nullable=False)
        batch_op.alter_column(
            "registered_at", existing_type=sa.DateTime(timezone=True), nullable=False
        )
    for column in ("iam_user_arn", "iam_session_arn"):
        op.create_index(
            f"ix_hosts_region_{column}",
            "hosts",
            ["region", column],
            unique=True,
            sqlite_where=_REGISTERED,
            postgresql_where=_REGISTERED,
        )


def _give_suffixes() -> None:
    hosts = sa.table("hosts", sa.column("id"), sa.column("instance_suffix"))
    connection = op.get_bind()
    for host_id in connection.scalars(sa.select(hosts.c.id)).all():
        suffix = uuid.uuid4().hex[:10]  # noqa: TID251
        connection.execute(
            sa.update(hosts).where(hosts.c.id == host_id).values(instance_suffix=suffix)
        )


def downgrade() -> None:
    op.execute("DELETE FROM hosts WHERE deregistered_at IS NOT NULL OR driver = ''")
    for column in ("iam_session_arn", "iam_user_arn"):
        op.drop_index(f"ix_hosts_region_{column}", table_name="hosts")
    with op.batch_alter_table("hosts", schema=None) as batch_op:
        for column in (
            "deregistered_at",
            "registered_at",
            "iam_session_arn",
            "iam_user_arn",
            "instance_suffix",
        ):
            batch_op.drop_column(column)
