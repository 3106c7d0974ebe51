"""Who is asking, and whether they may: Bearer tokens and their roles."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final

import structlog
from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.exc import DBAPIError

from tidegate.domain.access import Role, Token
from tidegate.domain.errors import NoSpace, NotAuthenticated
from tidegate.engine.tokens import authenticate, authorize
from tidegate_api.parts import Parts, TheParts

_NOTED_EVERY: Final = timedelta(minutes=1)
_bearer = HTTPBearer(auto_error=False, description="A token of `tidegate token create`.")
log = structlog.get_logger(__name__)


def current_token(
    parts: TheParts, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Token:
    """Return the token that the request shows.

    Raises:
        NotAuthenticated: It shows none, or one that does not count.
    """
    if shown is None:
        raise NotAuthenticated(
            "This needs a token: send it as `Authorization: Bearer TOKEN`; "
            "`tidegate token create` makes one."
        )
    with parts.store.read() as uow:
        token = authenticate(shown.credentials, uow=uow)
    _note_use(token, parts)
    return token


def needs(role: Role) -> Callable[[Token], Token]:
    """Return a dependency that lets only tokens pass that have *role* or more."""

    async def allowed(token: Annotated[Token, Depends(current_token)]) -> Token:
        authorize(token, role)
        return token

    return allowed  # type: ignore[return-value]


Deployer = Annotated[Token, Depends(needs(Role.DEPLOYER))]


def _note_use(token: Token, parts: Parts) -> None:
    now = parts.store.clock.now()
    if token.last_used_at is not None and now - token.last_used_at < _NOTED_EVERY:
        return
    # A full disk or a busy database must not keep anybody from reading.
    with contextlib.suppress(NoSpace, DBAPIError), parts.store.write() as uow:
        uow.tokens.touch(token.id, at=now)
