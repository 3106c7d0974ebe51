"""Puts the service together."""

from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi_swagger import patch_fastapi
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from tidegate.domain.errors import Refused
from tidegate.settings import Settings
from tidegate_api import health, metrics
from tidegate_api.bodies import Bodies
from tidegate_api.codedeploy import face
from tidegate_api.codedeploy.answers import refusal_of
from tidegate_api.codedeploy.errors import translated
from tidegate_api.edge import Edge
from tidegate_api.parts import Parts, make_parts
from tidegate_api.problems import Problem, add_handlers, refusal
from tidegate_api.queries import PREFIX, refuse_unknown_parameters
from tidegate_api.rest import (
    applications,
    audit,
    configs,
    deployments,
    events,
    github_tokens,
    groups,
    hosts,
    logs,
    revisions,
    steering,
    steps,
    targets,
    tokens,
)

_REFUSALS: Final = {
    401: "No token, or one that does not count.",
    403: "The token's role does not allow this.",
    422: "Something in the request cannot be taken; detail is one sentence on it.",
}


def create_app(settings: Settings, parts: Parts | None = None) -> FastAPI:
    """Return the service as an ASGI application; *parts* stand in for those of the settings."""
    app = FastAPI(
        title="Tidegate",
        version=version("tidegate"),
        summary="Deploys applications to servers in rolling batches, and says what happened.",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    # The page /docs from a package of its own, for those whose browsers reach no CDN.
    patch_fastapi(app, title="Tidegate API", swagger_ui_parameters={"filter": True})
    furnish(app, parts or make_parts(settings))
    add_handlers(app)
    app.add_middleware(Bodies, limit=_limit, refuse=_refuse)
    app.add_middleware(Edge)
    # First, since routes are tried in turn.
    app.add_route(face.PATH, _answer, methods=["POST"])
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(_v1())
    return app


def furnish(app: FastAPI, parts: Parts) -> None:
    """Have an application work with *parts* from now on: to put one together takes long."""
    app.state.parts = parts
    app.state.face = face.Face(parts.settings, parts.store)


async def _answer(request: Request) -> Response:
    answer: Response = await request.app.state.face.answer(request)
    return answer


def _limit(scope: Scope) -> int:
    limit: int = scope["app"].state.parts.settings.max_body_bytes
    return limit


def _refuse(scope: Scope, error: Refused) -> ASGIApp:
    """Return a refusal in the words of the API that was asked."""
    if scope["path"] == face.PATH:
        return refusal_of(translated(error))
    return refusal(error)


def _v1() -> APIRouter:
    problems: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": text} for status, text in _REFUSALS.items()
    }
    checks = [Depends(refuse_unknown_parameters)]
    v1 = APIRouter(prefix=PREFIX, responses=problems, dependencies=checks)
    for resource in (
        hosts,
        applications,
        groups,
        configs,
        revisions,
        deployments,
        steering,
        steps,
        targets,
        logs,
        events,
        tokens,
        github_tokens,
        audit,
    ):
        v1.include_router(resource.router)
    return v1
