"""`/v1/audit`: who changed what through the AWS API, from where, and who was refused."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from tidegate.domain.access import Role
from tidegate.domain.audit import AuditEntry
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts
from tidegate_api.rest.paging import page_of, read_number
from tidegate_api.rest.shapes import Cursor, Limit, Page

router: Final = APIRouter(
    prefix="/audit", tags=["audit"], dependencies=[Depends(needs(Role.ADMIN))]
)


class AuditOut(BaseModel):
    number: int
    at: datetime
    actor: str
    access_key_id: str | None
    address: str
    region: str
    operation: str
    subject: str
    """Names and ids in the request, as JSON."""
    request_id: str
    refusal: str
    """The code that it was refused with; empty when it was done."""

    @classmethod
    def of(cls, numbered: tuple[int, AuditEntry]) -> "AuditOut":
        number, entry = numbered
        return cls(
            number=number,
            at=entry.at,
            actor=entry.actor,
            access_key_id=entry.access_key_id,
            address=entry.address,
            region=entry.region,
            operation=entry.operation,
            subject=entry.subject,
            request_id=entry.request_id,
            refusal=entry.refusal,
        )


@router.get("", summary="List changes through the AWS API in all regions, newest first")
def list_(
    parts: TheParts, request_id: str | None = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[AuditOut]:
    before = read_number(cursor)
    with parts.store.read() as uow:
        found = uow.audit.page(limit=limit + 1, before=before, request_id=request_id)
    return page_of(found, limit, key=lambda one: [str(one[0])], shape=AuditOut.of)
