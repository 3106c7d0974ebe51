"""Tokens: who may come in, kept as digests only."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tidegate.domain.access import Role, Token
from tidegate.domain.errors import AlreadyExists, TokenNotFound
from tidegate.store import credentials
from tidegate.store.access_tables import TokenRow


class TokenExists(AlreadyExists):
    code = "TokenAlreadyExists"
    kind = "token"


class Tokens:
    """Writes and reads tokens. The secret itself is never here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, token: Token, digest: str) -> None:
        """Keep *token*, whose secret has *digest*.

        Raises:
            TokenExists: There is one of that name.
        """
        row = TokenRow(
            id=token.id,
            name=token.name,
            digest=digest,
            role=token.role,
            created_at=token.created_at,
            revoked_at=None,
            last_used_at=None,
        )
        credentials.add(self._session, row, otherwise=TokenExists(token.name))

    def by_digest(self, digest: str) -> tuple[Token, str] | None:
        """Return the token whose secret has *digest*, with the digest as it is stored."""
        row = self._session.scalar(select(TokenRow).where(TokenRow.digest == digest))
        return None if row is None else (_token(row), row.digest)

    def by_name(self, name: str) -> Token:
        """Return the token called *name*.

        Raises:
            TokenNotFound: There is none.
        """
        row = self._session.scalar(select(TokenRow).where(TokenRow.name == name))
        if row is None:
            raise TokenNotFound(name)
        return _token(row)

    def page(self, *, limit: int, after: str | None = None) -> list[Token]:
        """Return tokens by name, also revoked ones."""
        rows = credentials.page(self._session, TokenRow, limit=limit, after=after)
        return [_token(row) for row in rows]

    def revoke(self, name: str, *, at: datetime) -> None:
        """End the token called *name*; one that has ended stays as it is."""
        credentials.revoke(self._session, TokenRow, TokenRow.name == name, at=at)

    def replace_digest(self, name: str, digest: str) -> None:
        """Give the token called *name* another secret, and life if it was revoked."""
        self._session.execute(
            update(TokenRow)
            .where(TokenRow.name == name)
            .values(digest=digest, revoked_at=None)
            .execution_options(synchronize_session=False)
        )

    def touch(self, token_id: str, *, at: datetime) -> None:
        """Note that a token was used, at most once a minute."""
        credentials.touch(self._session, TokenRow, TokenRow.id == token_id, at=at)


def _token(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
