"""`/v1/deployments/{id}/targets/{target}/log`."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import PlainTextResponse, StreamingResponse

from tidegate.domain.access import Role
from tidegate.domain.errors import NotFound
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.target import Target
from tidegate.store.unit_of_work import Store
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts

router: Final = APIRouter(prefix="/deployments/{id}/targets", tags=["deployments"])
TEXT: Final = "text/plain; charset=utf-8"


class LifecycleEventNotFound(NotFound):
    code = "LifecycleEventDoesNotExist"
    kind = "lifecycle event"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        self.args = (f"{self} The target has: {', '.join(known) or 'none'}.",)


@router.get(
    "/{target}/log",
    summary="Read the log of a target, or of one of its lifecycle events",
    response_class=PlainTextResponse,
    dependencies=[Depends(needs(Role.VIEWER))],
)
def log(
    id: str,  # noqa: A002 - the path's word
    target: str,
    parts: TheParts,
    event: Annotated[
        str | None, Query(description="Name of the lifecycle event; all without it.")
    ] = None,
    after: Annotated[
        int,
        Query(
            ge=0,
            description="Leave out so many bytes of the event's log: what Tidegate-Log-End said.",
        ),
    ] = 0,
) -> StreamingResponse:
    with parts.store.read() as uow:
        uow.deployments.get(DeploymentId(id))
        found = uow.targets.get(DeploymentId(id), TargetId(target))
    names = [one.name for one in found.events]
    if event is not None and event not in names:
        raise LifecycleEventNotFound(event, names)
    if event is None:
        return StreamingResponse(_all(parts.store, found), media_type=TEXT)
    pieces = _pieces(parts.store, found, event, start=after)
    end = pieces[-1][0] + len(pieces[-1][1]) if pieces else after
    headers = {"Tidegate-Log-End": str(end)}
    return StreamingResponse(_marked(pieces, reached=after), media_type=TEXT, headers=headers)


def _all(store: Store, target: Target) -> Iterator[bytes]:
    for event in target.events:
        if event.log_size:
            yield f"==> {event.name} ({event.status}) <==\n".encode()
            yield from _marked(_pieces(store, target, event.name))
            yield b"\n"


def _pieces(store: Store, target: Target, event: str, *, start: int = 0) -> list[tuple[int, bytes]]:
    # Read first, then sent: a client that reads slowly must not hold a transaction open.
    with store.read() as uow:
        return list(uow.logs.pieces(target.deployment_id, target.id, event, start=start))


def _marked(pieces: list[tuple[int, bytes]], *, reached: int = 0) -> Iterator[bytes]:
    for at, data in pieces:
        if at > reached:
            yield f"\n[… {at - reached:,} bytes cut …]\n".encode()
        yield data
        reached = at + len(data)
