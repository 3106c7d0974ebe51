"""What only CodeDeploy's own API says of deployment groups."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.add_column("deployment_groups", sa.Column("service_role_arn", sa.Text(), nullable=True))
    op.add_column("deployment_groups", sa.Column("aws", sa.JSON(), nullable=True))
    op.add_column(
        "deployment_groups", sa.Column("ecs_service", sa.String(length=600), nullable=True)
    )
    op.execute("UPDATE deployment_groups SET service_role_arn = '', aws = '{}'")
    with op.batch_alter_table("deployment_groups", schema=None) as batch_op:
        batch_op.alter_column("service_role_arn", existing_type=sa.Text(), nullable=False)
        batch_op.alter_column("aws", existing_type=sa.JSON(), nullable=False)
        batch_op.alter_column("name", existing_type=sa.String(length=100), nullable=True)
        batch_op.create_unique_constraint(
            batch_op.f("uq_deployment_groups_ecs_service"), ["ecs_service"]
        )


def downgrade() -> None:
    # What a deployment may still need of deleted groups, 0003 cannot hold.
    op.execute(
        "DELETE FROM installations WHERE group_id IN "
        "(SELECT id FROM deployment_groups WHERE name IS NULL)"
    )
    op.execute("DELETE FROM deployment_groups WHERE name IS NULL")
    with op.batch_alter_table("deployment_groups", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_deployment_groups_ecs_service"), type_="unique")
        batch_op.alter_column("name", existing_type=sa.String(length=100), nullable=False)
        batch_op.drop_column("ecs_service")
        batch_op.drop_column("aws")
        batch_op.drop_column("service_role_arn")
