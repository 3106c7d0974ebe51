"""What is said to a deployment that goes on, by people and by hooks."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path

from tidegate.domain.course import Word
from tidegate.domain.deployment import Deployment
from tidegate.domain.ids import DeploymentId
from tidegate.engine.steering import (
    pause_deployment,
    promote_deployment,
    resume_deployment,
    rollback_deployment,
)
from tidegate.engine.waits import end_hook
from tidegate_api.auth import Deployer
from tidegate_api.parts import Parts, TheParts
from tidegate_api.problems import Problem
from tidegate_api.rest.deployments import DeploymentOut
from tidegate_api.rest.shapes import In, Reason

router: Final = APIRouter(prefix="/deployments/{id}", tags=["deployments"])
_CONFLICT: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": Problem, "description": "It is final, or this is nothing for it, or not now."}
}


class ReasonIn(In):
    reason: Reason = ""
    """Why; its history says so, and who."""


class HookIn(In):
    status: Word
    """How the hook went."""


class PromoteIn(ReasonIn):
    full: bool = False
    """Give the replacement all traffic, and not only its next share."""


@router.post("/pause", summary="Have no step begin until it is resumed", responses=_CONFLICT)
def pause(
    id: str,  # noqa: A002 - the path's word
    token: Deployer,
    parts: TheParts,
    body: ReasonIn | None = None,
) -> DeploymentOut:
    return _steered(pause_deployment, id, parts, actor=token.name, reason=_reason(body))


@router.post("/resume", summary="Let a paused deployment go on", responses=_CONFLICT)
def resume(
    id: str,  # noqa: A002 - the path's word
    token: Deployer,
    parts: TheParts,
    body: ReasonIn | None = None,
) -> DeploymentOut:
    return _steered(resume_deployment, id, parts, actor=token.name, reason=_reason(body))


@router.post(
    "/promote", summary="Move the next share of the traffic now, or all of it", responses=_CONFLICT
)
def promote(
    id: str,  # noqa: A002 - the path's word
    token: Deployer,
    parts: TheParts,
    body: PromoteIn | None = None,
) -> DeploymentOut:
    wish = body or PromoteIn()
    return _steered(
        promote_deployment, id, parts, actor=token.name, reason=wish.reason, full=wish.full
    )


@router.post("/rollback", summary="Stop it and roll it back", responses=_CONFLICT)
def rollback(
    id: str,  # noqa: A002 - the path's word
    token: Deployer,
    parts: TheParts,
    body: ReasonIn | None = None,
) -> DeploymentOut:
    return _steered(rollback_deployment, id, parts, actor=token.name, reason=_reason(body))


@router.post(
    "/hooks/{execution_id}",
    summary="Say how a hook went that was called with this LifecycleEventHookExecutionId",
    responses=_CONFLICT,
)
def hook(
    id: str,  # noqa: A002 - the path's word
    execution_id: Annotated[str, Path(max_length=256)],
    token: Deployer,
    parts: TheParts,
    body: HookIn,
) -> DeploymentOut:
    del token
    id_ = DeploymentId(id)
    with parts.store.write() as uow:
        end_hook(id_, execution_id, body.status, uow=uow)
        return DeploymentOut.whole(uow.deployments.get(id_), uow)


def _reason(body: ReasonIn | None) -> str:
    return body.reason if body else ""


def _steered(act: Callable[..., Deployment], id_: str, parts: Parts, **how: Any) -> DeploymentOut:
    with parts.store.write() as uow:
        return DeploymentOut.whole(act(DeploymentId(id_), uow=uow, **how), uow)
