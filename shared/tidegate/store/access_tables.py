"""Tables of who may come in, what we come in with elsewhere, and who did what."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from tidegate.store.row import Row


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


class GitHubTokenRow(Row):
    __tablename__ = "github_tokens"

    region: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(201), primary_key=True)
    """`owner` or `owner/repository`, in lower case."""
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime]
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
