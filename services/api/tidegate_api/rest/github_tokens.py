"""`/v1/github-tokens`."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, SecretStr

from tidegate.domain.access import Role
from tidegate.domain.github import GitHubAccountToken
from tidegate.engine.github_tokens import create_github_token, delete_github_token
from tidegate.store.sealing import Seal
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts
from tidegate_api.rest.paging import page_of, read_name
from tidegate_api.rest.shapes import Cursor, In, Limit, Page

router: Final = APIRouter(
    prefix="/github-tokens", tags=["GitHub tokens"], dependencies=[Depends(needs(Role.ADMIN))]
)


class GitHubTokenIn(In):
    name: str
    """`owner/repository`, or `owner` for all of its repositories that have none of their own."""
    token: SecretStr
    """What GitHub gave; it is kept encrypted and never shown."""


class GitHubTokenOut(BaseModel):
    name: str
    created_at: datetime
    last_used_at: datetime | None
    """To the minute."""

    @classmethod
    def of(cls, token: GitHubAccountToken) -> "GitHubTokenOut":
        return cls(name=token.name, created_at=token.created_at, last_used_at=token.last_used_at)


@router.post("", status_code=201, summary="Add a GitHub token")
def create(body: GitHubTokenIn, parts: TheParts) -> GitHubTokenOut:
    seal, secret = Seal(parts.settings.secret_keys), body.token.get_secret_value()
    with parts.store.write() as uow:
        return GitHubTokenOut.of(create_github_token(body.name, secret, seal=seal, uow=uow))


@router.get("", summary="List GitHub tokens by name")
def list_(parts: TheParts, limit: Limit = 100, cursor: Cursor = None) -> Page[GitHubTokenOut]:
    with parts.store.read() as uow:
        found = uow.github_tokens.page(limit=limit + 1, after=read_name(cursor))
    return page_of(found, limit, key=lambda one: [one.name], shape=GitHubTokenOut.of)


# The name of a repository's token has a slash in it.
@router.delete("/{name:path}", status_code=204, summary="Delete a GitHub token")
def delete(name: str, parts: TheParts) -> None:
    with parts.store.write() as uow:
        delete_github_token(name, uow=uow)
