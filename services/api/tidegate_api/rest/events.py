"""`/v1/deployments/{id}/events`: what happened, as a list or as it happens."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Final

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from tidegate.domain.access import Role
from tidegate.domain.errors import Invalid
from tidegate.domain.history import RecordedTransition, Subject
from tidegate.domain.ids import DeploymentId
from tidegate_api.auth import needs
from tidegate_api.feeds import Feeds, TooManyStreams
from tidegate_api.parts import Parts, TheParts
from tidegate_api.problems import Problem, refusal
from tidegate_api.rest.shapes import Page

router: Final = APIRouter(prefix="/deployments/{id}/events", tags=["deployments"])
EVENT_STREAM: Final = "text/event-stream"
_LARGEST: Final = 2**31 - 1


class EventOut(BaseModel):
    """One accepted transition, or a note (from = to)."""

    model_config = ConfigDict(populate_by_name=True)

    id: int
    """1, 2, 3 … within the deployment, without a gap."""
    at: datetime
    subject: Subject
    target: str | None
    name: str
    source: str = Field(alias="from")
    to: str
    actor: str
    reason: str

    @classmethod
    def of(cls, recorded: RecordedTransition) -> "EventOut":
        move = recorded.transition
        return cls(
            id=recorded.number,
            at=move.at,
            subject=move.subject,
            target=move.target,
            name=move.name,
            source=move.source,
            to=move.to,
            actor=move.actor,
            reason=move.reason,
        )


class EventStream(StreamingResponse):
    """Events as they are committed; holds one of the process's places for as long as it lasts."""

    media_type = EVENT_STREAM

    def __init__(self, feeds: Feeds, deployment_id: DeploymentId, position: int) -> None:
        self._feeds = feeds
        self._text = _stream(feeds, deployment_id, position)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._text, headers=headers)

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._feeds.reserve()
        except TooManyStreams as refused:
            await refusal(refused)(scope, receive, send)
            return
        try:
            async with aclosing(self._text):
                await super().__call__(scope, receive, send)
        finally:
            self._feeds.release()


@router.get(
    "",
    summary="List events, or follow them (Accept: text/event-stream)",
    response_model=Page[EventOut],
    dependencies=[Depends(needs(Role.VIEWER))],
    responses={
        200: {
            "content": {EVENT_STREAM: {}},
            "description": "`id` is the event's, `event` its subject, `data` the event as JSON; "
            "an `event: end` comes when nothing can follow.",
        },
        503: {"model": Problem, "description": "Too many streams."},
    },
)
async def events(
    request: Request,
    id: str,  # noqa: A002 - the path's word
    parts: TheParts,
    *,
    after: Annotated[int, Query(ge=0, le=_LARGEST, description="Only what came later.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    cursor: Annotated[int | None, Query(ge=0, le=_LARGEST)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response | Page[EventOut]:
    deployment_id = DeploymentId(id)
    if EVENT_STREAM in request.headers.get("accept", ""):
        position = _position(last_event_id, after)
        await to_thread.run_sync(_check, deployment_id, parts)
        return EventStream(parts.feeds, deployment_id, position)
    return await to_thread.run_sync(_page, deployment_id, cursor or after, limit, parts)


def _check(deployment_id: DeploymentId, parts: Parts) -> None:
    with parts.store.read() as uow:
        uow.deployments.get(deployment_id)


def _page(deployment_id: DeploymentId, after: int, limit: int, parts: Parts) -> Page[EventOut]:
    with parts.store.read() as uow:
        uow.deployments.get(deployment_id)
        found = uow.history.after(deployment_id, after, limit=limit + 1)
    shown = found[:limit]
    cursor = str(shown[-1].number) if len(found) > limit else None
    return Page(items=[EventOut.of(one) for one in shown], next_cursor=cursor)


def _position(last_event_id: str | None, after: int) -> int:
    if not last_event_id:
        return after
    digits = last_event_id if last_event_id.isdecimal() else ""
    if not 1 <= len(digits) <= len(str(_LARGEST)) or int(digits) > _LARGEST:
        raise Invalid(
            f"The Last-Event-ID {last_event_id[:40]!r} is no number that this stream gave."
        )
    return int(digits)


async def _stream(feeds: Feeds, deployment_id: DeploymentId, position: int) -> AsyncGenerator[str]:
    yield "retry: 1000\n\n"
    async with aclosing(feeds.listen(deployment_id, position)) as heard:
        async for recorded in heard:
            yield ": still here\n\n" if recorded is None else _message(recorded)
    if not feeds.is_closing:
        yield "event: end\ndata: {}\n\n"


def _message(recorded: RecordedTransition) -> str:
    event = EventOut.of(recorded)
    data = event.model_dump_json(by_alias=True)
    return f"id: {event.id}\nevent: {event.subject}\ndata: {data}\n\n"
