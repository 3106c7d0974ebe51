"""A host: a machine that can be deployed to, and how it is reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tidegate.domain.ids import HostId


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    id: HostId
    name: str
    driver: str
    settings: Mapping[str, object]
    """What the driver needs to reach it; checked by the driver's own settings class."""
    tags: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    last_seen_at: datetime | None = None
    created_at: datetime
