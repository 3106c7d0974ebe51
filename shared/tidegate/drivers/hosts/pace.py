"""How long a driver waits for what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds."""

    connect_timeout: float = 10.0
    login_timeout: float = 10.0
    keepalive_interval: float = 5.0
    keepalive_count_max: int = 3
    silence: float = 15.0
    """Without a byte for so long, a connection counts as dead."""
    lost_after: float = 45.0
    """Without a word for so long, whatever was tried, a host counts as lost."""
