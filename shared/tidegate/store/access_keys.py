"""Access keys: what requests to the AWS API are signed with; their secrets are sealed."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from tidegate.domain.access import AccessKey, Role
from tidegate.domain.errors import AccessKeyExists, AccessKeyNotFound
from tidegate.store import credentials
from tidegate.store.access_tables import AccessKeyRow
from tidegate.store.statements import plain_table

_KEYS: Final = plain_table(AccessKeyRow)
_BY_ID: Final = select(_KEYS).where(_KEYS.c.id == bindparam("id_"))
"""Asked for with every request."""


class AccessKeys:
    """Writes and reads access keys."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: AccessKey, sealed_secret: bytes) -> None:
        """Keep *key* with its sealed secret.

        Raises:
            AccessKeyExists: There is one of that name.
        """
        row = AccessKeyRow(
            id=key.id,
            name=key.name,
            sealed_secret=sealed_secret,
            role=key.role,
            created_at=key.created_at,
            revoked_at=None,
            last_used_at=None,
        )
        credentials.add(self._session, row, otherwise=AccessKeyExists(key.name))

    def by_id(self, key_id: str) -> tuple[AccessKey, bytes] | None:
        """Return an access key with its sealed secret."""
        row = self._session.execute(_BY_ID, {"id_": key_id}).one_or_none()
        return None if row is None else (_key(row), row.sealed_secret)

    def named(self, name_or_id: str) -> AccessKey:
        """Return the access key of that name or id.

        Raises:
            AccessKeyNotFound: There is none.
        """
        row = self._session.get(AccessKeyRow, name_or_id) or self._session.scalar(
            select(AccessKeyRow).where(AccessKeyRow.name == name_or_id)
        )
        if row is None:
            raise AccessKeyNotFound(name_or_id)
        return _key(row)

    def page(self, *, limit: int, after: str | None = None) -> list[AccessKey]:
        """Return access keys by name, also revoked ones."""
        rows = credentials.page(self._session, AccessKeyRow, limit=limit, after=after)
        return [_key(row) for row in rows]

    def revoke(self, key_id: str, *, at: datetime) -> None:
        """End an access key; one that has ended stays as it is."""
        credentials.revoke(self._session, AccessKeyRow, AccessKeyRow.id == key_id, at=at)

    def touch(self, key_id: str, *, at: datetime) -> None:
        """Note that an access key was used, at most once a minute."""
        credentials.touch(self._session, AccessKeyRow, AccessKeyRow.id == key_id, at=at)


def _key(row: AccessKeyRow | Row[Any]) -> AccessKey:
    return AccessKey(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
