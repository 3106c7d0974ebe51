"""SQLAlchemy tables; rows are private to the store, the rest of the house sees domain values."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from typing_extensions import override

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite has no time zones, so it is written there without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CleanText(TypeDecorator[str]):
    """Text from anywhere: what no database can hold, zero bytes and half characters, is replaced.

    Sentences quote hosts, archives and AppSpec files; one that could not be written would keep a
    deployment from ever coming to its end.
    """

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


class Row(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
        str: CleanText(),
        bytes: LargeBinary(),
    }


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
    name: Mapped[str] = mapped_column(String(100))
    config_name: Mapped[str] = mapped_column(String(100), index=True)
    settings: Mapped[dict[str, Any]]
    """tag_set, hosts, auto_rollback, ssh, variables."""
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


class HostRow(Row):
    __tablename__ = "hosts"
    __table_args__ = (UniqueConstraint("region", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    region: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(100))
    driver: Mapped[str] = mapped_column(String(32))
    settings: Mapped[dict[str, Any]]
    tags: Mapped[dict[str, Any]]
    variables: Mapped[dict[str, Any]]
    last_seen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class RevisionRow(Row):
    __tablename__ = "revisions"
    __table_args__ = (
        Index("ix_revisions_application_id_registered_at", "application_id", "registered_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id", ondelete="CASCADE"))
    source: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
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
        Index("ix_deployments_group_id_created_at", "group_id", "created_at"),
        Index("ix_deployments_created_at_id", "created_at", "id"),
        Index("ix_deployments_region_created_at_id", "region", "created_at", "id"),
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
    """The group's tag_set, hosts, ssh and variables as they were when this was created."""
    status: Mapped[str] = mapped_column(String(16), index=True)
    version: Mapped[int]
    wake_at: Mapped[datetime | None] = mapped_column(index=True)
    """When an advance is wanted; a message that was sent proves nothing."""
    last_transition: Mapped[int]
    minimum_healthy: Mapped[int | None]
    total_targets: Mapped[int]
    bundle_failure: Mapped[dict[str, Any] | None]
    """Which event failed with which message when the bundle could not be fetched or read."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str]
    rollback_deployment_id: Mapped[str | None] = mapped_column(String(11))
    rollback_triggering_id: Mapped[str | None] = mapped_column(String(11))
    rollback_message: Mapped[str]


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
    target_id: Mapped[str] = mapped_column(String(100), primary_key=True)
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
    target_id: Mapped[str] = mapped_column(String(100), primary_key=True)
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
    target_id: Mapped[str] = mapped_column(String(100), primary_key=True)
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
    target_id: Mapped[str | None] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(100))
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


class TokenRow(Row):
    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AccessKeyRow(Row):
    __tablename__ = "access_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """What a signed request names; not secret."""
    name: Mapped[str] = mapped_column(String(100), unique=True)
    sealed_secret: Mapped[bytes]
    """Encrypted: a signature can only be checked by whoever knows the secret itself."""
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AuditRow(Row):
    """One call that changes something, or was to."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column("happened_at", index=True)
    actor: Mapped[str] = mapped_column(String(200))
    access_key_id: Mapped[str | None] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(String(100))
    region: Mapped[str] = mapped_column(String(32))
    operation: Mapped[str] = mapped_column(String(100))
    subject: Mapped[str]
    """Names and ids in the request that say what it was about."""
    request_id: Mapped[str] = mapped_column(String(36), index=True)
    refusal: Mapped[str] = mapped_column(String(100))
    """The code that it was refused with; empty when it was done."""


class HeartbeatRow(Row):
    """When a worker, the beat or the sweep was last known to be alive."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column("seen_at")
