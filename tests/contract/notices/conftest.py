"""What senders of notices are tested against."""

from parts.aws import (  # noqa: F401 - fixtures
    bus,
    client,
    environment,
    moto,
    mute,
    nobody,
    queue,
    says,
    topic,
)
