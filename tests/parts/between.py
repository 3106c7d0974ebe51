"""What stands between us and the stand-in for AWS: it sees each call, and tests interfere there."""

import http.client
import json
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_OPERATIONS = {
    ("GET", "aliases"): "GetAlias",
    ("PUT", "aliases"): "UpdateAlias",
    ("GET", "configuration"): "GetFunctionConfiguration",
    ("POST", "invocations"): "Invoke",
}


@dataclass(frozen=True)
class Call:
    operation: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)
    """When it came, in seconds since 1970."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """What a call of one of the older services asks for."""
        return dict(parse_qsl(self.body.decode()))

    @property
    def region(self) -> str:
        """For which region the call is signed."""
        signed = re.search(r"Credential=[^/]+/[0-9]+/([^/]+)/", self.headers["Authorization"])
        assert signed
        return signed[1]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


Forward = Callable[[], Reply]
Fault = Callable[[Forward], Reply | None]
"""What is answered instead; None hangs up."""


def answers(status: int, code: str, message: str = "No.") -> Fault:
    """AWS refuses."""
    body = json.dumps({"Type": "User", "message": message}).encode()
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    return lambda _: Reply(status, headers, body)


def gives(**answer: Any) -> Fault:
    """AWS says this, whatever is so."""
    body = json.dumps(answer).encode()
    return lambda _: Reply(200, {"Content-Type": "application/json"}, body)


def hangs_up(_: Forward) -> None:
    """The call is lost."""


def loses(forward: Forward) -> None:
    """The call is carried out, and its answer is lost."""
    forward()


def after(what: Callable[[], object]) -> Fault:
    """Something happens before the call arrives."""

    def fault(forward: Forward) -> Reply:
        what()
        return forward()

    return fault


@dataclass
class Between:
    """A server on loopback in front of another one."""

    upstream: str
    calls: list[Call] = field(default_factory=list)
    next: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    """What happens to calls to come of an operation, once each."""
    always: dict[str, Fault] = field(default_factory=dict)
    """What happens to every call of an operation; `*` stands for all operations."""
    about: dict[str, Fault] = field(default_factory=dict)
    """What happens to every call in whose path a word stands."""

    def __post_init__(self) -> None:
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hangs(self, _: Forward) -> None:
        """Nobody says anything."""
        self._closing.wait(60)

    def of(self, operation: str) -> list[Call]:
        return [call for call in self.calls if call.operation == operation]

    def dies_after(self, operation: str) -> None:
        """Have the next call of an operation be the last that arrives: its answer is lost."""

        def last(forward: Forward) -> None:
            self.always["*"] = hangs_up
            forward()

        self.next[operation].append(last)

    def heal(self) -> None:
        self.next.clear()
        self.always.clear()
        self.about.clear()

    def answer(self, call: Call, forward: Forward) -> Reply | None:
        self.calls.append(call)
        waiting = self.next[call.operation]
        if waiting:
            return waiting.popleft()(forward)
        told = [fault for word, fault in self.about.items() if word in call.path]
        fault = next(iter(told), None) or self.always.get(call.operation) or self.always.get("*")
        return fault(forward) if fault else forward()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        between = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                call = Call(operation_of(self, body), self.path, dict(self.headers), body)
                reply = between.answer(call, lambda: forwarded(self, between.upstream, body))
                self.close_connection = True
                if reply:
                    send(self, reply)

            do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


def operation_of(request: BaseHTTPRequestHandler, body: bytes) -> str:
    if target := request.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2]
    if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode())).get("Action", "")
    for (method, word), operation in _OPERATIONS.items():
        if request.command == method and re.search(rf"/{word}(/|\?|$)", request.path):
            return operation
    return f"{request.command} {request.path}"


def forwarded(request: BaseHTTPRequestHandler, upstream: str, body: bytes) -> Reply:
    connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=60)
    try:
        connection.request(request.command, request.path, body, dict(request.headers))
        answer = connection.getresponse()
        return Reply(answer.status, dict(answer.headers), answer.read())
    finally:
        connection.close()


def send(request: BaseHTTPRequestHandler, reply: Reply) -> None:
    request.send_response(reply.status)
    for name, value in reply.headers.items():
        if name.lower() not in ("connection", "content-length", "date", "server"):
            request.send_header(name, value)
    request.send_header("Content-Length", str(len(reply.body)))
    request.end_headers()
    request.wfile.write(reply.body)
