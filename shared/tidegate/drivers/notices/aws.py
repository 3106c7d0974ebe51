"""How SNS and EventBridge are spoken to, and errors as the two that matter."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from tidegate.drivers import aws_calls
from tidegate.drivers.aws_calls import CallFailed
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.notices import NoticeRefused, NoticeUndelivered

TIMEOUT: Final = timedelta(seconds=5)
"""How long an answer may take."""
_TRIES: Final = 2
"""Two at most, for the outbox tries again anyway."""


def clients_of(service: str, timeout: timedelta, *, assume_role: bool) -> Clients:
    """Return the clients of a service that notices go through."""
    return Clients(service, read=timeout, tries=_TRIES, assume_role=assume_role)


@contextmanager
def aws_errors(service: str, target: str) -> Iterator[None]:
    """Turn the client's exceptions into the two that matter.

    Raises:
        NoticeRefused: It will not pass.
        NoticeUndelivered: It may pass later.
    """
    try:
        with aws_calls.aws_errors(service, target):
            yield
    except CallFailed as failure:
        raise meaning(failure) from None


def meaning(failure: CallFailed) -> NoticeRefused | NoticeUndelivered:
    """Return what a call that did not go well means for a notice."""
    if not failure.may_pass:
        end = "; it is not sent again." if failure.code else "."
        return NoticeRefused(f"{failure}{end}")
    end = "; it is sent again later." if failure.code else "."
    return NoticeUndelivered(f"{failure}{end}")
