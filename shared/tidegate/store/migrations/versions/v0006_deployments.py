"""What only CodeDeploy's own API says of deployments, and lists that no history makes slow."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None

_FROM_OUTSIDE: Final = sa.text("external_id IS NOT NULL")
_INDEXES: Final = (
    ("group_id", "created_at", "id"),
    ("group_id", "status", "created_at", "id"),
    ("region", "status", "created_at", "id"),
)


def upgrade() -> None:
    op.add_column("deployments", sa.Column("external_id", sa.String(length=1024), nullable=True))
    op.add_column("deployments", sa.Column("status_messages", sa.JSON(), nullable=True))
    op.execute("UPDATE deployments SET status_messages = '[]'")
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        batch_op.alter_column("status_messages", existing_type=sa.JSON(), nullable=False)
        batch_op.drop_index("ix_deployments_group_id_created_at")
        for columns in _INDEXES:
            batch_op.create_index(f"ix_deployments_{'_'.join(columns)}", list(columns))
    op.create_index(
        "ix_deployments_region_external_id_created_at_id",
        "deployments",
        ["region", "external_id", "created_at", "id"],
        sqlite_where=_FROM_OUTSIDE,
        postgresql_where=_FROM_OUTSIDE,
    )


def downgrade() -> None:
    op.drop_index("ix_deployments_region_external_id_created_at_id", table_name="deployments")
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        for columns in _INDEXES:
            batch_op.drop_index(f"ix_deployments_{'_'.join(columns)}")
        batch_op.create_index("ix_deployments_group_id_created_at", ["group_id", "created_at"])
        batch_op.drop_column("external_id")
        batch_op.drop_column("status_messages")
