"""Every refusal and failure as a problem document (RFC 9457)."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DataError, DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tidegate.appspec import InvalidAppSpec
from tidegate.domain.errors import NotAuthenticated, Refused

MEDIA_TYPE: Final = "application/problem+json"
_METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")
log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """A problem document."""

    type: str = "about:blank"
    title: str
    """The phrase of the status."""
    status: int
    detail: str
    """What is so, and what can be done."""
    code: str
    """Names the situation for machines; CodeDeploy's exception where it has one."""


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Return a problem document as a response."""
    document = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code)
    return JSONResponse(
        {**document.model_dump(), **(more or {})},
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def refusal(error: Refused) -> JSONResponse:
    """Return what a refused use case says."""
    code = getattr(error, "situation", error.code)
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotAuthenticated) else None
    more = None
    if isinstance(error, InvalidAppSpec):
        more = {
            "problems": [asdict(one) for one in error.problems],
            "warnings": [asdict(one) for one in error.warnings],
        }
    return problem(error.http_status, code, str(error), headers=headers, more=more)


def failure(failure_id: str) -> JSONResponse:
    """Return what can be said of a failure of ours: where to look for it."""
    return problem(
        500,
        "InternalFailure",
        f"Something went wrong here; the service's log says what under the id {failure_id}.",
        more={"id": failure_id},
    )


def add_handlers(app: FastAPI) -> None:
    """Have *app* answer every refusal with a problem document."""
    app.add_exception_handler(Refused, _on_refused)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DBAPIError, _on_database)


async def _on_refused(_request: Request, error: Exception) -> JSONResponse:
    return refusal(cast("Refused", error))


async def _on_http(request: Request, raised: Exception) -> JSONResponse:
    error = cast("HTTPException", raised)
    path = request.url.path[:200]
    match error.status_code:
        case 400:
            # FastAPI's word for bytes that no JSON parser gets through.
            detail = "The body must be a JSON object, sent as application/json; this is none."
            return problem(422, "InvalidInput", detail)
        case 404:
            detail = f"There is nothing at {path}; /docs shows what there is."
        case 405:
            allowed = ", ".join(_methods(request))
            detail = f"{request.method} is not possible at {path}; it takes {allowed}."
            return problem(405, "MethodNotAllowed", detail, headers={"Allow": allowed})
        case _:
            detail = f"{str(error.detail).rstrip('.')}."
    code = HTTPStatus(error.status_code).phrase.title().replace(" ", "")
    return problem(error.status_code, code, detail, headers=error.headers)


def _methods(request: Request) -> list[str]:
    """Return what a path takes in all of its routes; the exception knows of the first alone."""
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _on_database(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, DataError):
        detail = "The request has a value that no database can hold, such as a zero byte."
        return problem(422, "InvalidInput", detail)
    log.error("database_failed", why=str(getattr(error, "orig", error)))
    return problem(
        503,
        "DatabaseUnavailable",
        "The database does not answer as it should; the service's log says why. Try again later.",
        headers={"Retry-After": "5"},
    )


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    found = cast("RequestValidationError", error).errors()
    errors = [{"field": _field(one), "message": _sentence(one)} for one in found]
    detail = errors[0]["message"]
    if len(errors) > 1:
        detail += f" (And {len(errors) - 1} more; errors lists them.)"
    return problem(422, "InvalidInput", detail, more={"errors": errors})


def _field(error: Mapping[str, Any]) -> str:
    # Where no JSON is, the location is a position in the text.
    parts = () if error["type"] == "json_invalid" else error["loc"][1:]
    return ".".join(str(part) for part in parts)


def _sentence(error: Mapping[str, Any]) -> str:
    field, where = _field(error), error["loc"][0] if error["loc"] else "body"
    name = f"The {'field' if where == 'body' else f'{where} parameter'} {field[:100]!r}"
    message = str(error["msg"]).rstrip(".")
    if where == "body" and not field:
        reason = str(error.get("ctx", {}).get("error", message)).rstrip(".")
        return f"The body must be a JSON object, sent as application/json: {reason}."
    match error["type"]:
        case "missing":
            return f"{name} is missing."
        case "extra_forbidden":
            return f"{name} is not known here; /docs shows those that are."
        case "value_error":
            return f"{name}: {error['ctx']['error']}"
        case _:
            return f"{name} cannot be taken: {message[:1].lower()}{message[1:]}."
