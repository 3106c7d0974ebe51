"""Use cases on tokens: who may come in, and as what."""

import hashlib
import hmac

from tidegate.domain.access import Role, Token
from tidegate.domain.errors import NotAllowed, NotAuthenticated, TokenNotFound
from tidegate.engine.checks import check_name
from tidegate.store.access import TokenExists
from tidegate.store.unit_of_work import UnitOfWork


def digest_of(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(name: str, role: Role, *, uow: UnitOfWork) -> tuple[Token, str]:
    """Create a token and return it with its secret, which nobody can be told again.

    Raises:
        Invalid: The name cannot be taken.
        TokenExists: There is one of that name.
    """
    check_name("token", name)
    if _exists(name, uow):
        raise TokenExists(name)
    secret = uow.ids.secret()
    token = Token(id=uow.ids.unique(), name=name, role=role, created_at=uow.now())
    uow.tokens.add(token, digest_of(secret))
    return token, secret


def ensure_token(name: str, role: Role, secret: str, *, uow: UnitOfWork) -> None:
    """Have *secret* be that of the token *name*: what a system does for its own at its start."""
    if _exists(name, uow):
        uow.tokens.replace_digest(name, digest_of(secret))
    else:
        token = Token(id=uow.ids.unique(), name=name, role=role, created_at=uow.now())
        uow.tokens.add(token, digest_of(secret))


def is_revoked(secret: str, *, uow: UnitOfWork) -> bool:
    """Tell whether this is the secret of a token that somebody has ended."""
    found = uow.tokens.by_digest(digest_of(secret))
    return found is not None and found[0].revoked_at is not None


def revoke_token(name: str, *, uow: UnitOfWork) -> Token:
    """End a token; one that has ended stays so.

    Raises:
        TokenNotFound: There is none of that name.
    """
    uow.tokens.by_name(name)
    uow.tokens.revoke(name, at=uow.now())
    return uow.tokens.by_name(name)


def authenticate(secret: str, *, uow: UnitOfWork) -> Token:
    """Return the token whose secret this is.

    Raises:
        NotAuthenticated: It is nobody's, or was revoked.
    """
    digest = digest_of(secret)
    found = uow.tokens.by_digest(digest)
    if found is None or not hmac.compare_digest(digest, found[1]):
        raise NotAuthenticated(
            "This token is not known; `tidegate token create` makes one, and TIDEGATE_TOKEN or "
            "the profile file holds it."
        )
    token = found[0]
    if token.revoked_at is not None:
        raise NotAuthenticated(
            f"The token {token.name!r} was revoked; an admin makes a new one with "
            "`tidegate token create`."
        )
    return token


def authorize(token: Token, needed: Role) -> None:
    """Refuse what the token's role does not include.

    Raises:
        NotAllowed: It does not.
    """
    if not token.role.includes(needed):
        raise NotAllowed(token.role.value, needed.value)


def _exists(name: str, uow: UnitOfWork) -> bool:
    try:
        uow.tokens.by_name(name)
    except TokenNotFound:
        return False
    return True
