"""Whether this process and what it needs are well; open to everybody, says nothing else."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError

from tidegate.engine.health import Unready, unready
from tidegate.store.schema import misfit
from tidegate_api.parts import Parts, PartsOfNoRegion
from tidegate_api.problems import Problem, problem

router: Final = APIRouter(tags=["service"])


class Wellness(BaseModel):
    status: str = "ok"


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Whether this process answers")
async def healthz() -> Wellness:
    return Wellness()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Whether deployments can be made: database, broker, workers, beat",
    response_model=Wellness,
    responses={503: {"model": Problem, "description": "Not ready; detail says why."}},
)
def readyz(parts: PartsOfNoRegion) -> JSONResponse:
    found = _unready(parts)
    if found is None:
        return JSONResponse(Wellness().model_dump())
    return problem(503, found.code, found.reason, headers={"Retry-After": "1"})


def _unready(parts: Parts) -> Unready | None:
    try:
        if (wrong := misfit(parts.store.engine)) is not None:
            return Unready("WrongSchema", wrong.reason)
        with parts.store.read() as uow:
            found = unready(uow)
    except DBAPIError:
        return Unready("NoDatabase", "The database does not answer.")
    # What the broker's client says may hold its address, and with that a password.
    if found is None and parts.ping_broker() is not None:
        return Unready("NoBroker", "The broker does not answer.")
    return found
