"""`/v1/applications`."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from tidegate.domain.access import Role
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.group import Application
from tidegate.engine.applications import create_application, delete_application
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts
from tidegate_api.rest.paging import page_of, read_name
from tidegate_api.rest.shapes import Cursor, In, Limit, Page

router: Final = APIRouter(prefix="/applications", tags=["applications"])


class ApplicationIn(In):
    name: str
    compute_platform: ComputePlatform = ComputePlatform.SERVER


class ApplicationOut(BaseModel):
    id: str
    name: str
    compute_platform: ComputePlatform
    created_at: datetime

    @classmethod
    def of(cls, application: Application) -> "ApplicationOut":
        return cls(
            id=application.id,
            name=application.name,
            compute_platform=application.compute_platform,
            created_at=application.created_at,
        )


@router.post(
    "",
    status_code=201,
    summary="Create an application",
    dependencies=[Depends(needs(Role.ADMIN))],
)
def create(body: ApplicationIn, parts: TheParts, response: Response) -> ApplicationOut:
    with parts.store.write() as uow:
        application = create_application(body.name, body.compute_platform, uow=uow)
    response.headers["Location"] = f"/v1/applications/{application.name}"
    return ApplicationOut.of(application)


@router.get("", summary="List applications by name", dependencies=[Depends(needs(Role.VIEWER))])
def list_(parts: TheParts, limit: Limit = 100, cursor: Cursor = None) -> Page[ApplicationOut]:
    with parts.store.read() as uow:
        found = uow.catalog.applications_page(limit=limit + 1, after=read_name(cursor))
    return page_of(found, limit, key=lambda one: [one.name], shape=ApplicationOut.of)


@router.get(
    "/{application}", summary="Show an application", dependencies=[Depends(needs(Role.VIEWER))]
)
def show(application: str, parts: TheParts) -> ApplicationOut:
    with parts.store.read() as uow:
        return ApplicationOut.of(uow.catalog.application(application))


@router.delete(
    "/{application}",
    status_code=204,
    summary="Delete an application with its groups and revisions; history stays",
    dependencies=[Depends(needs(Role.ADMIN))],
)
def delete(application: str, parts: TheParts) -> None:
    with parts.store.write() as uow:
        delete_application(application, uow=uow)
