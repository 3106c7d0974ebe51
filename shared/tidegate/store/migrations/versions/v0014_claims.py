"""Who has claimed a want over SSM shows life, so that nobody waits for one who has ended."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0014"
down_revision: Final = "0013"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.add_column("ssm_wants", sa.Column("shown_at", sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("ssm_wants", schema=None) as batch_op:
        batch_op.drop_column("shown_at")
