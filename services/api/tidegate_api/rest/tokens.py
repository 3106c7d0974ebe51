"""`/v1/tokens`."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from tidegate.domain.access import Role, Token
from tidegate.engine.tokens import create_token, revoke_token
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts
from tidegate_api.rest.paging import page_of, read_name
from tidegate_api.rest.shapes import Cursor, In, Limit, Page

router: Final = APIRouter(
    prefix="/tokens", tags=["tokens"], dependencies=[Depends(needs(Role.ADMIN))]
)


class TokenIn(In):
    name: str
    role: Role


class TokenOut(BaseModel):
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""

    @classmethod
    def of(cls, token: Token) -> "TokenOut":
        return cls(
            name=token.name,
            role=token.role,
            created_at=token.created_at,
            revoked_at=token.revoked_at,
            last_used_at=token.last_used_at,
        )


class NewTokenOut(TokenOut):
    token: str
    """The token itself; it is not kept and cannot be shown again."""


@router.post("", status_code=201, summary="Create a token; it is shown this once")
def create(body: TokenIn, parts: TheParts) -> NewTokenOut:
    with parts.store.write() as uow:
        token, secret = create_token(body.name, body.role, uow=uow)
    return NewTokenOut(**TokenOut.of(token).model_dump(), token=secret)


@router.get("", summary="List tokens by name, revoked ones too")
def list_(parts: TheParts, limit: Limit = 100, cursor: Cursor = None) -> Page[TokenOut]:
    with parts.store.read() as uow:
        found = uow.tokens.page(limit=limit + 1, after=read_name(cursor))
    return page_of(found, limit, key=lambda one: [one.name], shape=TokenOut.of)


@router.get("/{name}", summary="Show a token")
def show(name: str, parts: TheParts) -> TokenOut:
    with parts.store.read() as uow:
        return TokenOut.of(uow.tokens.by_name(name))


@router.delete("/{name}", status_code=204, summary="Revoke a token at once")
def revoke(name: str, parts: TheParts) -> None:
    with parts.store.write() as uow:
        revoke_token(name, uow=uow)
