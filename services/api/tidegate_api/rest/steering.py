"""What is said to a deployment that goes on, by people and by hooks."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path

from tidegate.domain.access import Role
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
from tidegate_api.auth import Deployer, needs
from tidegate_api.parts import TheParts
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


class Steering:
    """A deployment, and who steers it."""

    def __init__(self, id: str, token: Deployer, parts: TheParts) -> None:  # noqa: A002 - the path's word
        self._id, self._actor, self._parts = DeploymentId(id), token.name, parts

    def do(
        self, act: Callable[..., Deployment], body: ReasonIn | None, **how: Any
    ) -> DeploymentOut:
        """Do something to the deployment, for the reason that is given, and show it."""
        reason = body.reason if body else ""
        with self._parts.store.write() as uow:
            deployment = act(self._id, uow=uow, actor=self._actor, reason=reason, **how)
            return DeploymentOut.whole(deployment, uow)


_Steering = Annotated[Steering, Depends()]


@router.post("/pause", summary="Have no step begin until it is resumed", responses=_CONFLICT)
def pause(steering: _Steering, body: ReasonIn | None = None) -> DeploymentOut:
    return steering.do(pause_deployment, body)


@router.post("/resume", summary="Let a paused deployment go on", responses=_CONFLICT)
def resume(steering: _Steering, body: ReasonIn | None = None) -> DeploymentOut:
    return steering.do(resume_deployment, body)


@router.post(
    "/promote", summary="Move the next share of the traffic now, or all of it", responses=_CONFLICT
)
def promote(steering: _Steering, body: PromoteIn | None = None) -> DeploymentOut:
    return steering.do(promote_deployment, body, full=body is not None and body.full)


@router.post("/rollback", summary="Stop it and roll it back", responses=_CONFLICT)
def rollback(steering: _Steering, body: ReasonIn | None = None) -> DeploymentOut:
    return steering.do(rollback_deployment, body)


@router.post(
    "/hooks/{execution_id}",
    summary="Say how a hook went that was called with this LifecycleEventHookExecutionId",
    dependencies=[Depends(needs(Role.DEPLOYER))],
    responses=_CONFLICT,
)
def hook(
    id: str,  # noqa: A002 - the path's word
    execution_id: Annotated[str, Path(max_length=256)],
    parts: TheParts,
    body: HookIn,
) -> DeploymentOut:
    with parts.store.write() as uow:
        deployment = end_hook(DeploymentId(id), execution_id, body.status, uow=uow)
        return DeploymentOut.whole(deployment, uow)
