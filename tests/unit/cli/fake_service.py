"""A service that lives in the test: routes answer from a table, and every request is kept."""

import json
from collections.abc import Callable
from typing import Any

import httpx2

from tidegate_cli.client import Service
from tidegate_cli.connection import Connection

URL = "http://tidegate.test:8080"
Answer = Any | Callable[[httpx2.Request], Any]


class FakeService:
    """Answers what it was told to; an exception as answer is raised, as a network does."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.requests: list[httpx2.Request] = []

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Give *answers* in turn; the last one stays."""
        self.answers[method, f"/v1/{path}"] = list(answers)

    def bodies(self, method: str) -> list[Any]:
        return [json.loads(r.content or b"null") for r in self.requests if r.method == method]

    def service(self, token: str | None = "secret", profile: str | None = None) -> Service:
        connection = Connection(url=URL, token=token, remedy="Set TIDEGATE_TOKEN.")
        return Service(connection, transport=httpx2.MockTransport(self.answer))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.requests.append(request)
        streams = request.headers["accept"] == "text/event-stream"
        method = "SSE" if streams else request.method
        answers = self.answers.get((method, request.url.path))
        if not answers:
            return problem(404, f"There is no {request.url.path}.")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)


def problem(status: int, detail: str) -> httpx2.Response:
    return httpx2.Response(
        status,
        json={"type": "about:blank", "title": "no", "status": status, "detail": detail},
        headers={"Content-Type": "application/problem+json"},
    )


def page(*items: Any, cursor: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": cursor}


def stream(*events: dict[str, Any]) -> httpx2.Response:
    text = "".join(f"id: {event['id']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return httpx2.Response(
        200, content=text.encode(), headers={"Content-Type": "text/event-stream"}
    )


def event(number: int, to: str, *, target: str | None = None, name: str = "", reason: str = ""):
    """A transition as `/events` tells it."""
    subject = "deployment" if target is None else "lifecycle_event" if name else "target"
    return {
        "id": number,
        "at": f"2026-11-25T12:00:{number % 60:02}.250000Z",
        "subject": subject,
        "target": target,
        "name": name,
        "from": "Pending",
        "to": to,
        "actor": "engine",
        "reason": reason,
    }


def deployment(id_: str = "d-111111111", status: str = "InProgress", **more: Any):
    """A deployment as the service shows it."""
    return {
        "id": id_,
        "application": "shop",
        "deployment_group": "prod",
        "status": status,
        "revision": "r-1",
        "previous_revision": None,
        "deployment_config": "CodeDeployDefault.OneAtATime",
        "creator": "user",
        "created_at": "2026-11-25T12:00:00Z",
        "started_at": "2026-11-25T12:00:00Z",
        "completed_at": None,
        "error": None,
        "overview": {"Pending": 1, "Succeeded": 1},
        "rollback": None,
        "auto_rollback": {"enabled": False, "events": []},
        "status_messages": [],
        **more,
    }


def target(id_: str, status: str = "Pending", *, message: str = "", events: Any = ()):
    return {"id": id_, "status": status, "message": message, "lifecycle_events": list(events)}
