"""Hooks that are called by HTTP: signed, so that whoever is called knows that it was Tidegate.

The signature is the HMAC-SHA256 of the time of the call, a dot and the body.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

import httpx2

from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.bundles.download import http_errors, public_address
from tidegate.drivers.bundles.errors import FetchFailed, SourceUnreachable
from tidegate.drivers.deadlines import Deadline
from tidegate.drivers.traffic import Failed

TIMESTAMP: Final = "Tidegate-Timestamp"
SIGNATURE: Final = "Tidegate-Signature"
_CONNECT: Final = 3
_MAY_PASS: Final = (408, 425, 429)


def is_url(hook: str) -> bool:
    """Tell whether a hook is called by HTTP, and not by Lambda."""
    return hook.lower().startswith(("http://", "https://"))


def sign(body: bytes, key: str, at: datetime) -> dict[str, str]:
    """Return the headers by which a body is known to come from who knows the key."""
    timestamp = str(int(at.timestamp()))
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    return {TIMESTAMP: timestamp, SIGNATURE: f"sha256={digest}"}


def post(url: str, body: bytes, *, key: str, at: datetime, timeout: timedelta) -> Failed | None:
    """Post a body, signed; None says that it was taken.

    Where an answer leads is not followed, and what it says is not read: a hook may name any address
    that can be reached from here, and nobody is to see by it what lies there.
    """
    name = f"The hook {public_address(url)}"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "tidegate",
        **sign(body, key, at),
    }
    deadline = Deadline(2 * timeout)
    limits = httpx2.Timeout(timeout.total_seconds(), connect=_CONNECT)
    try:
        with (
            http_errors("its server"),
            deadline,
            httpx2.Client(timeout=limits, follow_redirects=False) as client,
            client.stream(
                "POST", url, content=body, headers=headers, extensions={"trace": deadline.trace}
            ) as answer,
        ):
            return _meaning(answer, name)
    except FetchFailed as failure:
        may_pass = isinstance(failure, SourceUnreachable)
        return _failed(f"{name} was not called: {failure}", may_pass=may_pass)


def _meaning(answer: httpx2.Response, name: str) -> Failed | None:
    status = answer.status_code
    if answer.is_success:
        return None
    if answer.has_redirect_location:
        sentence = f"{name} answered {status}, and redirects are not followed"
        return _failed(f"{sentence}; write the address that it leads to.")
    if status >= 500 or status in _MAY_PASS:
        return _failed(
            f"{name} answered {status}; deploy again when it takes calls.", may_pass=True
        )
    return _failed(f"{name} answered {status}; an answer from 200 to 299 says that it was taken.")


def _failed(message: str, *, may_pass: bool = False) -> Failed:
    return Failed(code=ErrorCode.HOOK_EXECUTION_FAILURE, message=message, may_pass=may_pass)
