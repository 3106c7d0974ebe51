"""The floor: a bare route that answers with the same row. `api_floor.py DATABASE_URL PORT`.

The same server with the same settings, a thread for each request, the same pool of connections
and the same SELECT; no signature, no roles, no shapes, and no log.
"""

import sys
from datetime import datetime
from typing import Any

import uvicorn
from anyio import to_thread
from sqlalchemy import Engine, bindparam, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tidegate.store.database import connect
from tidegate.store.statements import plain_table
from tidegate.store.tables import DeploymentRow

DEPLOYMENTS = plain_table(DeploymentRow)
BY_ID = select(DEPLOYMENTS).where(DEPLOYMENTS.c.id == bindparam("id_"))


def app_on(engine: Engine) -> Starlette:
    reader = engine.execution_options(tidegate_reads=True)

    def row(deployment_id: str) -> dict[str, Any]:
        with reader.connect() as connection:
            found = connection.execute(BY_ID, {"id_": deployment_id}).mappings().one()
        return {name: shown(value) for name, value in found.items()}

    async def get(request: Request) -> JSONResponse:
        wanted = await request.json()
        return JSONResponse(await to_thread.run_sync(row, wanted["deploymentId"]))

    return Starlette(routes=[Route("/", get, methods=["POST"])])


def shown(value: object) -> object:
    return value.timestamp() if isinstance(value, datetime) else value


if __name__ == "__main__":
    uvicorn.run(
        app_on(connect(sys.argv[1])),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )
