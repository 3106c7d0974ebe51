"""GitHub tokens of one region; their secrets are sealed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from tidegate.domain.errors import GitHubTokenExists, GitHubTokenNotFound
from tidegate.domain.github import GitHubAccountToken
from tidegate.store import credentials
from tidegate.store.access_tables import GitHubTokenRow


class GitHubTokens:
    """Writes and reads GitHub tokens."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region
        self._here = GitHubTokenRow.region == region

    def add(self, token: GitHubAccountToken, sealed_secret: bytes) -> None:
        """Keep *token* with its sealed secret.

        Raises:
            GitHubTokenExists: There is one of that name.
        """
        row = GitHubTokenRow(
            region=self._region,
            name=token.name,
            sealed_secret=sealed_secret,
            created_at=token.created_at,
            last_used_at=token.last_used_at,
        )
        credentials.add(self._session, row, otherwise=GitHubTokenExists(token.name))

    def first(self, names: Sequence[str]) -> tuple[GitHubAccountToken, bytes] | None:
        """Return the token of the first of *names* that one has, with its sealed secret."""
        query = select(GitHubTokenRow).where(self._here, GitHubTokenRow.name.in_(names))
        found = {row.name: row for row in self._session.scalars(query)}
        row = next((found[name] for name in names if name in found), None)
        return None if row is None else (_token(row), row.sealed_secret)

    def page(self, *, limit: int, after: str | None = None) -> list[GitHubAccountToken]:
        """Return GitHub tokens by name."""
        rows = credentials.page(self._session, GitHubTokenRow, self._here, limit=limit, after=after)
        return [_token(row) for row in rows]

    def touch(self, token: GitHubAccountToken, *, at: datetime) -> None:
        """Note that *token* was used, at most once a minute."""
        used = token.last_used_at
        # One that was used a moment ago costs no statement: whoever fetches takes no lock.
        if used is None or used < at - credentials.TOUCHED_EVERY:
            its = GitHubTokenRow.name == token.name
            credentials.touch(self._session, GitHubTokenRow, self._here, its, at=at)

    def delete(self, name: str) -> None:
        """Delete the token called *name*.

        Raises:
            GitHubTokenNotFound: There is none.
        """
        gone = self._session.scalar(
            delete(GitHubTokenRow)
            .where(self._here, GitHubTokenRow.name == name)
            .returning(GitHubTokenRow.name)
        )
        if gone is None:
            raise GitHubTokenNotFound(name)


def _token(row: GitHubTokenRow) -> GitHubAccountToken:
    return GitHubAccountToken(
        name=row.name, created_at=row.created_at, last_used_at=row.last_used_at
    )
