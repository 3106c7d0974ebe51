"""Deployments in the order of their creation, newest first, at a cost that knows no history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.orm import Session

from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.ids import ApplicationId, GroupId
from tidegate.store.statements import plain_table
from tidegate.store.tables import DeploymentRow

_DEPLOYMENTS: Final = plain_table(DeploymentRow)
_KEY: Final = (_DEPLOYMENTS.c.created_at, _DEPLOYMENTS.c.id)


class Key(NamedTuple):
    """Where a deployment stands in the order."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which deployments are meant; what is None or empty leaves it open.

    Groups and applications go by their ids: the names that deployments remember may be old.
    """

    region: str | None = None
    application_id: ApplicationId | None = None
    group_ids: Sequence[GroupId] | None = None
    statuses: Sequence[DeploymentStatus] = ()
    external_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


def newest(
    session: Session, wanted: Wanted, *, limit: int, after: tuple[datetime, str] | None
) -> list[Key]:
    """Return the keys of those that are *wanted*, newest first, that come after *after*.

    Each status is asked for by itself, so that an index leads to its newest ones, however many of
    other statuses were made since.
    """
    query = _query(wanted)
    if after is not None:
        behind = tuple_(
            *(literal(part, column.type) for part, column in zip(after, _KEY, strict=True))
        )
        query = query.where(tuple_(*_KEY) < behind)
    query = query.order_by(*(column.desc() for column in _KEY)).limit(limit)
    statuses = list(dict.fromkeys(wanted.statuses))
    queries = [query.where(_DEPLOYMENTS.c.status == status) for status in statuses] or [query]
    found = [[Key(*row) for row in session.execute(one)] for one in queries]
    return list(islice(merge(*found, reverse=True), limit))


def _query(wanted: Wanted) -> Select[datetime, str]:
    deployments = _DEPLOYMENTS.c
    query = select(*_KEY)
    if wanted.region is not None:
        query = query.where(deployments.region == wanted.region)
    if wanted.application_id is not None:
        query = query.where(deployments.application_id == wanted.application_id)
    if wanted.group_ids is not None:
        # An equation where it can be one: only then is an index in the order of the list.
        ids, group = wanted.group_ids, deployments.group_id
        query = query.where(group == ids[0] if len(ids) == 1 else group.in_(ids))
    if wanted.external_id is not None:
        query = query.where(deployments.external_id == wanted.external_id)
    if wanted.created_from is not None:
        query = query.where(deployments.created_at >= wanted.created_from)
    if wanted.created_to is not None:
        query = query.where(deployments.created_at <= wanted.created_to)
    return query
