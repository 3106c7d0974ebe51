"""Bodies of requests: limited in size, and read to their end before a connection is left.

A client that still sends while it is answered would see a reset connection instead of the answer.
"""

import contextlib
import re
from collections.abc import Callable
from typing import Final

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.domain.errors import Refused, TooLarge

LONGEST_SILENCE: Final = 10.0
"""Seconds without a byte after which a client that still had to send is given up."""
LONGEST_DRAIN: Final = 900.0
_UPLOADS: Final = re.compile(r"/v1/applications/[^/]+/revisions/?")
_JSON: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\b", re.IGNORECASE)


def is_json(headers: Headers) -> bool:
    """Tell whether a request says that its body is JSON."""
    return _JSON.match(headers.get("content-type", "")) is not None


class Bodies:
    """Takes bodies up to a limit; uploads pass, their route counts by itself."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: Callable[[Scope], int],
        refuse: Callable[[Scope, Refused], ASGIApp],
    ) -> None:
        self._app = app
        self._limit = limit
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        talk = _Talk(receive, send, headers)
        if not talk.has_body or _is_upload(scope, headers):
            await self._app(scope, talk.receive, talk.send)
            return
        limit = self._limit(scope)
        body = await _read(talk, headers, limit)
        if body is None:
            too_large = TooLarge("body of the request", limit, "TIDEGATE_MAX_BODY_BYTES")
            await self._refuse(scope, too_large)(scope, talk.receive, talk.send)
        else:
            await self._app(scope, talk.with_body(body), talk.send)


async def _read(talk: "_Talk", headers: Headers, limit: int) -> bytes | None:
    if declared_length(headers) > limit:
        return None
    body = bytearray()
    while not talk.is_read:
        message = await talk.receive()
        body += message.get("body", b"")
        if len(body) > limit:
            return None
    return bytes(body)


def declared_length(headers: Headers) -> int:
    """Return how many bytes a request announces; 0 when it does not say."""
    text = headers.get("content-length", "")
    return int(text) if text.isdecimal() else 0


def _is_upload(scope: Scope, headers: Headers) -> bool:
    return (
        scope["method"] == "POST"
        and _UPLOADS.fullmatch(scope["path"]) is not None
        and not is_json(headers)
    )


class _Talk:
    """One request and its answer; knows whether the request was read to its end."""

    def __init__(self, receive: Receive, send: Send, headers: Headers) -> None:
        self._receive = receive
        self._send = send
        self.has_body = declared_length(headers) > 0 or "transfer-encoding" in headers
        self.is_read = not self.has_body
        self._is_asked_for = headers.get("expect", "").lower() != "100-continue"

    async def receive(self) -> Message:
        self._is_asked_for = True
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.is_read = True
        return message

    def with_body(self, body: bytes) -> Receive:
        """Return a channel that gives *body* first, and then what comes."""
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return first.pop() if first else await self._receive()

        return receive

    async def send(self, message: Message) -> None:
        ends = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not ends or self.is_read or not self._is_asked_for:
            await self._send(message)
            return
        # The whole answer goes out now; only its end waits until the client has sent everything.
        await self._send({**message, "more_body": True})
        with contextlib.suppress(TimeoutError), anyio.fail_after(LONGEST_DRAIN):
            while not self.is_read:
                with anyio.fail_after(LONGEST_SILENCE):
                    await self.receive()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
