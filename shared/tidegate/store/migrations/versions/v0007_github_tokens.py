"""What opens private repositories on GitHub."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "github_tokens",
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=201), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("region", "name", name=op.f("pk_github_tokens")),
    )


def downgrade() -> None:
    op.drop_table("github_tokens")
