"""Regions, resource tags, access keys and the audit."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from alembic import context, op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

_REGION: Final = sa.String(length=32)


def upgrade() -> None:
    region = context.config.attributes.get("region", "us-east-1")
    _upgrade_configs(region)
    _add_columns("applications", region, tags=True)
    with op.batch_alter_table("applications", schema=None) as batch_op:
        batch_op.alter_column("region", existing_type=_REGION, nullable=False)
        batch_op.alter_column("tags", existing_type=sa.JSON(), nullable=False)
        batch_op.alter_column("name", existing_type=sa.String(length=100), nullable=True)
        batch_op.drop_constraint(batch_op.f("uq_applications_name"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_applications_region_name"), ["region", "name"]
        )
    _add_columns("hosts", region)
    with op.batch_alter_table("hosts", schema=None) as batch_op:
        batch_op.alter_column("region", existing_type=_REGION, nullable=False)
        batch_op.drop_constraint(batch_op.f("uq_hosts_name"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_hosts_region_name"), ["region", "name"])
    _add_columns("deployments", region)
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        batch_op.alter_column("region", existing_type=_REGION, nullable=False)
        batch_op.create_index(
            "ix_deployments_region_created_at_id", ["region", "created_at", "id"], unique=False
        )
    op.add_column("deployment_groups", sa.Column("tags", sa.JSON(), nullable=True))
    op.execute("UPDATE deployment_groups SET tags = '{}'")
    with op.batch_alter_table("deployment_groups", schema=None) as batch_op:
        batch_op.alter_column("tags", existing_type=sa.JSON(), nullable=False)
    op.create_table(
        "access_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_keys")),
        sa.UniqueConstraint("name", name=op.f("uq_access_keys_name")),
    )
    op.create_table(
        "audit",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("access_key_id", sa.String(length=32), nullable=True),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("operation", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("refusal", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_happened_at"), ["happened_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_request_id"), ["request_id"], unique=False)


def _add_columns(table: str, region: str, *, tags: bool = False) -> None:
    op.add_column(table, sa.Column("region", _REGION, nullable=True))
    rows = sa.table(table, sa.column("region"))
    op.execute(sa.update(rows).values(region=sa.literal(region, _REGION)))
    if tags:
        op.add_column(table, sa.Column("tags", sa.JSON(), nullable=True))
        op.execute(f"UPDATE {table} SET tags = '{{}}'")  # noqa: S608 (a name of ours)


def _config_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("compute_platform", sa.String(length=16), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _taken_out() -> Sequence[dict[str, Any]]:
    """Return the custom configs, which are few, and drop their table."""
    table = sa.table("deployment_configs", *_config_columns())
    rows = [dict(row) for row in op.get_bind().execute(sa.select(table)).mappings()]
    op.drop_table("deployment_configs")
    return rows


def _upgrade_configs(region: str) -> None:
    rows = _taken_out()
    table = op.create_table(
        "deployment_configs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("region", _REGION, nullable=False),
        *_config_columns(),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment_configs")),
        sa.UniqueConstraint("region", "name", name=op.f("uq_deployment_configs_region_name")),
    )
    new = [
        {**row, "id": str(uuid.uuid4()), "region": region, "tags": {}}  # noqa: TID251
        for row in rows
    ]
    op.bulk_insert(table, new)


def _delete_orphans() -> None:
    """Delete what a deployment may still need of deleted applications; 0001 cannot hold it."""
    of_none = "application_id IN (SELECT id FROM applications WHERE name IS NULL)"
    groups = f"SELECT id FROM deployment_groups WHERE {of_none}"  # noqa: S608 (words of ours)
    for table, where in (
        ("installations", f"group_id IN ({groups})"),
        ("deployment_groups", of_none),
        ("revisions", of_none),
        ("applications", "name IS NULL"),
    ):
        op.execute(f"DELETE FROM {table} WHERE {where}")  # noqa: S608 (words of ours)


def downgrade() -> None:
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_request_id"))
        batch_op.drop_index(batch_op.f("ix_audit_happened_at"))
    op.drop_table("audit")
    op.drop_table("access_keys")
    with op.batch_alter_table("deployment_groups", schema=None) as batch_op:
        batch_op.drop_column("tags")
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        batch_op.drop_index("ix_deployments_region_created_at_id")
        batch_op.drop_column("region")
    with op.batch_alter_table("hosts", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_hosts_region_name"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_hosts_name"), ["name"])
        batch_op.drop_column("region")
    _delete_orphans()
    with op.batch_alter_table("applications", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_applications_region_name"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_applications_name"), ["name"])
        batch_op.alter_column("name", existing_type=sa.String(length=100), nullable=False)
        batch_op.drop_column("tags")
        batch_op.drop_column("region")
    rows = _taken_out()
    table = op.create_table(
        "deployment_configs",
        *_config_columns(),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_deployment_configs")),
    )
    op.bulk_insert(table, list(rows))
