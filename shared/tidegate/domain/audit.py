"""The audit: who changed what, from where, and who was refused."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One call that changes something, or was to."""

    at: datetime
    actor: str
    access_key_id: str | None
    address: str
    region: str
    operation: str
    subject: str
    """Names and ids in the request that say what it was about."""
    request_id: str
    refusal: str = ""
    """The code that it was refused with; empty when it was done."""
