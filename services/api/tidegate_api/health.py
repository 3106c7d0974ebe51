"""Whether this process and what it needs are well; open to everybody, says nothing else."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError

from tidegate.engine.health import unready
from tidegate_api.parts import Parts, TheParts
from tidegate_api.problems import Problem, problem

router: Final = APIRouter(tags=["service"])


class Wellness(BaseModel):
    status: str = "ok"


@router.get("/healthz", summary="Whether this process answers")
async def healthz() -> Wellness:
    return Wellness()


@router.get(
    "/readyz",
    summary="Whether deployments can be made: database, broker, workers, beat",
    response_model=Wellness,
    responses={503: {"model": Problem, "description": "Not ready; detail says why."}},
)
def readyz(parts: TheParts) -> JSONResponse:
    reason = _reason(parts)
    if reason is None:
        return JSONResponse(Wellness().model_dump())
    return problem(503, "NotReady", reason, headers={"Retry-After": "1"})


def _reason(parts: Parts) -> str | None:
    try:
        with parts.store.read() as uow:
            reason = unready(uow)
    except DBAPIError:
        return "The database does not answer, or was not migrated with `tidegate migrate`."
    if reason is not None:
        return reason
    # What the broker's client says may hold its address, and with that a password.
    return "The broker does not answer." if parts.ping_broker() is not None else None
