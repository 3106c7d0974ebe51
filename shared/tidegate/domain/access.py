"""Who may do what: tokens, access keys and their roles."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    """Reads."""
    DEPLOYER = "deployer"
    """Also uploads revisions, creates and stops deployments."""
    ADMIN = "admin"
    """Everything."""

    def includes(self, needed: "Role") -> bool:
        """Tell whether this role may do what *needed* may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    id: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """What requests to the AWS API are signed with."""

    id: str
    """What a request says; not secret."""
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
