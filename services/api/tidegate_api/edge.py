"""The outermost layer: an id and a log line for each request, and no failure that escapes."""

from typing import Final
from urllib.parse import quote

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.clock import monotonic
from tidegate.domain.ids import RandomIds
from tidegate_api.problems import failure

REQUEST_ID: Final = "x-amzn-RequestId"
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
log = structlog.get_logger(__name__)


class Edge:
    """Logs each request and answers for what failed inside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ids = RandomIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, request_id, path = monotonic(), self._ids.unique(), _printable(scope["path"])
        answer = _Answer(send, request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            log.info("client_went_away", method=scope["method"], path=path)
        except Exception:
            log.exception("request_failed", id=request_id, path=path)
            if answer.status is None:
                await failure(request_id)(scope, receive, answer.send)
        finally:
            note = log.debug if scope["path"] in _QUIET else log.info
            note(
                "request_finished",
                method=scope["method"],
                path=path,
                status=answer.status,
                milliseconds=round((monotonic() - started) * 1000),
                **_refusal(scope),
            )


def _refusal(scope: Scope) -> dict[str, str]:
    """Return what whoever answered calls his refusal, where the status does not say it."""
    state = scope["state"]
    return {"refusal": state["refusal"]} if "refusal" in state else {}


def _printable(path: str) -> str:
    """Return a path as a log may hold it: with nothing that moves the cursor of a terminal."""
    return quote(path[:500], safe="/~!$&'()*+,;=:@", errors="replace")


class _Answer:
    """Says under which id the log has the request, and remembers what was answered."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID] = self._request_id
        await self._send(message)
