"""SQLAlchemy tables; rows are private to the store, the rest of the house sees domain values."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from tidegate.domain.history import LONGEST_NAME
from tidegate.store.row import Row


class ApplicationRow(Row):
    __tablename__ = "applications"
    __table_args__ = (UniqueConstraint("region", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    region: Mapped[str] = mapped_column(String(32))
    name: Mapped[str | None] = mapped_column(String(100))
    """None once it is deleted, if it is kept for a deployment that goes on."""
    compute_platform: Mapped[str] = mapped_column(String(16))
    tags: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class GroupRow(Row):
    __tablename__ = "deployment_groups"
    __table_args__ = (UniqueConstraint("application_id", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    name: Mapped[str | None] = mapped_column(String(100))
    """None once it is deleted, if it is kept for a deployment that goes on."""
    config_name: Mapped[str] = mapped_column(String(100), index=True)
    settings: Mapped[dict[str, Any]]
    """tag_set, hosts, auto_rollback, ssh, variables."""
    service_role_arn: Mapped[str]
    aws: Mapped[dict[str, Any]]
    """What else only CodeDeploy's own API says: an `AwsGroup`."""
    ec2: Mapped[dict[str, Any] | None]
    """How EC2 instances are reached; None in rows that an older Tidegate wrote."""
    ecs_service: Mapped[str | None] = mapped_column(String(600), unique=True)
    """`region/cluster:service`: a service is in one group."""
    tags: Mapped[dict[str, Any]]
    target_revision_id: Mapped[str | None] = mapped_column(String(32))
    active_deployment_id: Mapped[str | None] = mapped_column(String(11))
    """The group's one slot: taken and given back by compare-and-set."""
    last_attempted_id: Mapped[str | None] = mapped_column(String(11))
    last_successful_id: Mapped[str | None] = mapped_column(String(11))
    created_at: Mapped[datetime]


class ConfigRow(Row):
    __tablename__ = "deployment_configs"
    __table_args__ = (UniqueConstraint("region", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    region: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(100))
    compute_platform: Mapped[str] = mapped_column(String(16))
    settings: Mapped[dict[str, Any]]
    """minimum_healthy, traffic_routing, zonal."""
    tags: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


def _unique_while_registered(*columns: str) -> Index:
    registered = text("deregistered_at IS NULL")
    return Index(
        f"ix_hosts_{'_'.join(columns)}",
        *columns,
        unique=True,
        sqlite_where=registered,
        postgresql_where=registered,
    )


class HostRow(Row):
    __tablename__ = "hosts"
    __table_args__ = (
        UniqueConstraint("region", "name"),
        _unique_while_registered("region", "iam_user_arn"),
        _unique_while_registered("region", "iam_session_arn"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    region: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(100))
    driver: Mapped[str] = mapped_column(String(32))
    """Empty where no way to reach it is known yet."""
    settings: Mapped[dict[str, Any]]
    tags: Mapped[dict[str, Any]]
    variables: Mapped[dict[str, Any]]
    last_seen_at: Mapped[datetime | None]
    instance_suffix: Mapped[str] = mapped_column(String(10))
    iam_user_arn: Mapped[str | None] = mapped_column(String(300))
    iam_session_arn: Mapped[str | None] = mapped_column(String(300))
    registered_at: Mapped[datetime]
    deregistered_at: Mapped[datetime | None]
    origin: Mapped[str | None] = mapped_column(String(16))
    """None where somebody registered it."""
    instance: Mapped[dict[str, Any] | None]
    """The EC2 instance that it is, without its tags."""
    found_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class RevisionRow(Row):
    __tablename__ = "revisions"
    __table_args__ = (
        Index(
            "ix_revisions_application_id_registered_at_id", "application_id", "registered_at", "id"
        ),
        Index(
            "ix_revisions_application_id_first_used_at_id", "application_id", "first_used_at", "id"
        ),
        Index(
            "ix_revisions_application_id_last_used_at_id", "application_id", "last_used_at", "id"
        ),
        Index(
            "ix_revisions_application_id_s3_bucket_s3_key", "application_id", "s3_bucket", "s3_key"
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(16))
    s3_bucket: Mapped[str | None] = mapped_column(String(64))
    s3_key: Mapped[str | None] = mapped_column(String(1024))
    source: Mapped[dict[str, Any]]
    """What else is known of where it lies."""
    content: Mapped[str | None] = mapped_column(deferred=True)
    """The AppSpec of a String or AppSpecContent, which may be long."""
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    """None where each deployment finds it anew."""
    size: Mapped[int | None] = mapped_column(BigInteger)
    bundle_type: Mapped[str | None] = mapped_column(String(8))
    appspec: Mapped[dict[str, Any] | None]
    description: Mapped[str]
    registered_at: Mapped[datetime]
    first_used_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class DeploymentRow(Row):
    """History outlives its application and group, so their names are kept here too."""

    __tablename__ = "deployments"
    __table_args__ = (
        Index("ix_deployments_group_id_created_at_id", "group_id", "created_at", "id"),
        Index(
            "ix_deployments_group_id_status_created_at_id", "group_id", "status", "created_at", "id"
        ),
        Index("ix_deployments_created_at_id", "created_at", "id"),
        Index("ix_deployments_region_created_at_id", "region", "created_at", "id"),
        Index("ix_deployments_bundle_sha256", "bundle_sha256"),
        Index("ix_deployments_region_status_created_at_id", "region", "status", "created_at", "id"),
        Index(
            "ix_deployments_region_external_id_created_at_id",
            "region",
            "external_id",
            "created_at",
            "id",
            sqlite_where=text("external_id IS NOT NULL"),
            postgresql_where=text("external_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(11), primary_key=True)
    region: Mapped[str] = mapped_column(String(32))
    application_id: Mapped[str] = mapped_column(String(36))
    application: Mapped[str] = mapped_column(String(100))
    group_id: Mapped[str] = mapped_column(String(36))
    group: Mapped[str] = mapped_column("group_name", String(100))
    compute_platform: Mapped[str] = mapped_column(String(16))
    revision_id: Mapped[str] = mapped_column(String(32), index=True)
    previous_revision_id: Mapped[str | None] = mapped_column(String(32))
    config_name: Mapped[str] = mapped_column(String(100))
    creator: Mapped[str] = mapped_column(String(32))
    options: Mapped[dict[str, Any]]
    auto_rollback: Mapped[dict[str, Any]]
    group_settings: Mapped[dict[str, Any]]
    """The group's tag_set, hosts, ssh, variables and aws as they were when this was created."""
    status: Mapped[str] = mapped_column(String(16), index=True)
    version: Mapped[int]
    wake_at: Mapped[datetime | None] = mapped_column(index=True)
    """When an advance is wanted; a message that was sent proves nothing."""
    last_transition: Mapped[int]
    minimum_healthy: Mapped[int | None]
    total_targets: Mapped[int]
    bundle_failure: Mapped[dict[str, Any] | None]
    """Which event failed with which message when the bundle could not be fetched or read."""
    bundle_sha256: Mapped[str | None] = mapped_column(String(64))
    """What the first fetch found, where the revision does not say: all hosts get these bytes."""
    bundle: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """The type and the AppSpec of these bytes."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str]
    rollback_deployment_id: Mapped[str | None] = mapped_column(String(11))
    rollback_triggering_id: Mapped[str | None] = mapped_column(String(11))
    rollback_message: Mapped[str]
    status_messages: Mapped[list[Any]]
    external_id: Mapped[str | None] = mapped_column(String(1024))
    paused_at: Mapped[datetime | None]
    """Since when no step of it begins."""
    watches_alarms: Mapped[bool | None]
    has_kept_blue: Mapped[bool | None]
    """Whether its wait before the old side is removed has begun."""


class TargetRow(Row):
    __tablename__ = "targets"
    __table_args__ = (
        Index("ix_targets_deployment_id_status_position", "deployment_id", "status", "position"),
        Index("ix_targets_due_at", "due_at"),
        Index("ix_targets_lease_owner", "lease_owner"),
    )

    deployment_id: Mapped[str] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    target_id: Mapped[str] = mapped_column(String(512), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(36))
    position: Mapped[int]
    segment: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(16))
    dispatched: Mapped[bool]
    attempt: Mapped[int]
    """Fencing token: rises when a worker takes the target."""
    lease_owner: Mapped[str | None] = mapped_column(String(200))
    """The worker process that holds the target; the lease stands while that one shows life."""
    due_at: Mapped[datetime | None]
    """When the sweep sends this target's chain again; None while a worker holds it."""
    sends: Mapped[int]
    segment_done: Mapped[bool]
    """All host events are final; only the target itself is left to be completed."""
    cancel_requested: Mapped[bool]
    lost: Mapped[bool]
    """The host fell silent under a run whose end is still worth asking for."""
    journal_offset: Mapped[int] = mapped_column(BigInteger)
    message: Mapped[str]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_updated_at: Mapped[datetime]


class LifecycleEventRow(Row):
    __tablename__ = "lifecycle_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["deployment_id", "target_id"],
            ["targets.deployment_id", "targets.target_id"],
            ondelete="CASCADE",
        ),
    )

    deployment_id: Mapped[str] = mapped_column(String(11), primary_key=True)
    target_id: Mapped[str] = mapped_column(String(512), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    position: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    exit_code: Mapped[int | None]
    error_code: Mapped[str | None] = mapped_column(String(32))
    script: Mapped[str]
    message: Mapped[str]
    seconds: Mapped[float | None]
    """How long it took by the host's clock, once it has succeeded or failed."""
    log_size: Mapped[int] = mapped_column(BigInteger)


class LogChunkRow(Row):
    """Pieces of an event's log by their offset; where offsets jump, something was cut."""

    __tablename__ = "log_chunks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["deployment_id", "target_id"],
            ["targets.deployment_id", "targets.target_id"],
            ondelete="CASCADE",
        ),
    )

    deployment_id: Mapped[str] = mapped_column(String(11), primary_key=True)
    target_id: Mapped[str] = mapped_column(String(512), primary_key=True)
    event: Mapped[str] = mapped_column(String(100), primary_key=True)
    at: Mapped[int] = mapped_column("position", BigInteger, primary_key=True)
    data: Mapped[bytes]


class TransitionRow(Row):
    __tablename__ = "transitions"

    deployment_id: Mapped[str] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(32))
    target_id: Mapped[str | None] = mapped_column(String(512))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    source: Mapped[str] = mapped_column(String(32))
    to: Mapped[str] = mapped_column("to_status", String(32))
    at: Mapped[datetime] = mapped_column("happened_at")
    actor: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str]


class InstallationRow(Row):
    """What a group knows of a host from earlier deployments."""

    __tablename__ = "installations"

    group_id: Mapped[str] = mapped_column(
        ForeignKey("deployment_groups.id", ondelete="CASCADE"), primary_key=True
    )
    target_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    revision_id: Mapped[str | None] = mapped_column(String(32))
    healthy: Mapped[bool]
    deployment_id: Mapped[str] = mapped_column(String(11))


class OutboxRow(Row):
    """Messages that were decided on and not yet known to be sent."""

    __tablename__ = "outbox"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    links: Mapped[list[Any]]
    """Names of the tasks, in the order of the chain."""
    arguments: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)
    tried_at: Mapped[datetime | None]
    """When the sweep last tried to send it."""


class HeartbeatRow(Row):
    """When a worker, the beat or the sweep was last known to be alive."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column("seen_at")
    trouble: Mapped[str | None]
    """What a worker lacks for its work, as a sentence."""


class SchemaFloorRow(Row):
    """The oldest code that works with the schema, by the number of its newest migration."""

    __tablename__ = "schema_floor"

    oldest_code: Mapped[str] = mapped_column(String(32), primary_key=True)


class TotalRow(Row):
    """How often something ever happened; a row for each thing that is counted."""

    __tablename__ = "totals"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)
