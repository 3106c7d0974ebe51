"""Whether this process and what it needs are well; open to everybody, says nothing else."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError

from tidegate.engine.health import Trouble, Unready, troubles, unready
from tidegate.store.schema import misfit
from tidegate_api.parts import Parts, PartsOfNoRegion
from tidegate_api.problems import Problem, problem

router: Final = APIRouter(tags=["service"])


class Wellness(BaseModel):
    status: str = "ok"


class TroubleOut(BaseModel):
    worker: str
    """By the name of its heartbeat; `api` is the process that answers."""
    reason: str


class Readiness(Wellness):
    troubles: list[TroubleOut] = []
    """What single processes lack, while others can do their work."""


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Whether this process answers")
async def healthz() -> Wellness:
    return Wellness()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Whether deployments can be made: database, broker, workers, beat",
    response_model=Readiness,
    responses={503: {"model": Problem, "description": "Not ready; detail says why."}},
)
def readyz(parts: PartsOfNoRegion) -> JSONResponse:
    found, lacking = _seen(parts)
    if found is None:
        shown = [TroubleOut(worker=one.worker, reason=one.reason) for one in lacking]
        return JSONResponse(Readiness(troubles=shown).model_dump())
    return problem(503, found.code, found.reason, headers={"Retry-After": "1"})


def _seen(parts: Parts) -> tuple[Unready | None, list[Trouble]]:
    """Return why the system is not ready, and what single processes lack."""
    own = parts.watch.trouble()
    lacking = [Trouble("api", own)] if own else []
    try:
        if (wrong := misfit(parts.store.engine)) is not None:
            return Unready("WrongSchema", wrong.reason), []
        with parts.store.read() as uow:
            found = unready(uow)
            lacking += troubles(uow)
    except DBAPIError:
        return Unready("NoDatabase", "The database does not answer."), []
    # What the broker's client says may hold its address, and with that a password.
    if found is None and parts.ping_broker() is not None:
        return Unready("NoBroker", "The broker does not answer."), []
    return found, lacking
