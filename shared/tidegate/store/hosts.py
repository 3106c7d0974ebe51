"""Hosts in the catalog."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import Select, delete, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tidegate.domain.deployment import DEPLOYMENT_MACHINE, DeploymentStatus
from tidegate.domain.errors import HostExists, HostNotFound, IamArnTaken, Refused
from tidegate.domain.host import Candidate, Host, Origin, Registration
from tidegate.domain.ids import DeploymentId, HostId
from tidegate.domain.tag_filters import TagFilter
from tidegate.domain.target import FINAL_TARGET_STATUSES, TargetStatus
from tidegate.store.found_hosts import instance_from_json, instance_to_json
from tidegate.store.tables import DeploymentRow, HostRow, TargetRow

_FINAL = [status for status in DeploymentStatus if DEPLOYMENT_MACHINE.is_final(status)]
_MOST_NAMES: Final = 1000
"""So many fit into one statement of either database."""


class Hosts:
    """Writes and reads hosts."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region

    def host(self, name: str, *, lock: bool = False) -> Host:
        """Return the host called *name*; with *lock* nobody else changes it until the commit.

        Raises:
            HostNotFound: There is none.
        """
        host = self.find_host(name, lock=lock)
        if host is None:
            raise HostNotFound(name)
        return host

    def find_host(self, name: str, *, lock: bool = False) -> Host | None:
        """Return the host called *name*, if there is one; *lock* as with `host`."""
        query = self._hosts_here().where(HostRow.name == name)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        row = self._session.scalar(query)
        return None if row is None else _host(row)

    def hosts_named(self, names: Sequence[str]) -> list[Host]:
        """Return those hosts that there are, in the order of *names*."""
        query = self._hosts_here().where(HostRow.name.in_(names))
        known = {row.name: _host(row) for row in self._session.scalars(query)}
        return [known[name] for name in dict.fromkeys(names) if name in known]

    def host_registered_as(self, iam_arn: str) -> str | None:
        """Return the name of the host that is registered with an IAM ARN, if one is."""
        return self._session.scalar(
            select(HostRow.name).where(
                HostRow.region == self._region,
                HostRow.deregistered_at.is_(None),
                or_(HostRow.iam_user_arn == iam_arn, HostRow.iam_session_arn == iam_arn),
            )
        )

    def host_by_id(self, host_id: HostId) -> Host | None:
        """Return a host, if it still exists."""
        row = self._session.get(HostRow, host_id)
        return None if row is None else _host(row)

    def hosts_by_id(self, ids: Iterable[HostId]) -> dict[HostId, Host]:
        """Return those of several hosts that still exist."""
        query = select(HostRow).where(HostRow.id.in_(list(ids)))
        return {HostId(row.id): _host(row) for row in self._session.scalars(query)}

    def candidates(self) -> list[Candidate]:
        """Return of all hosts that are registered what decides whether they are deployed to."""
        query = self._registered().where(HostRow.deregistered_at.is_(None))
        return self._candidates(query.order_by(HostRow.name))

    def candidates_named(self, names: Sequence[str]) -> list[Candidate]:
        """Return the same of those hosts of *names* that take part in deployments."""
        found: list[Candidate] = []
        for begin in range(0, len(names), _MOST_NAMES):
            some = names[begin : begin + _MOST_NAMES]
            here = self._hosts_here().where(HostRow.deregistered_at.is_(None))
            found += self._candidates(here.where(HostRow.name.in_(some)))
        return found

    def _candidates(self, query: Select[HostRow]) -> list[Candidate]:
        instance = HostRow.settings["instance_id"].as_string()
        rows = self._session.execute(
            query.with_only_columns(HostRow.id, HostRow.name, HostRow.tags, instance)
        )
        return [Candidate(HostId(id_), name, tags, is_ or "") for id_, name, tags, is_ in rows]

    def unknown_hosts(self, names: Iterable[str]) -> list[str]:
        """Return those of *names* that nobody has registered, in their order."""
        names = list(names)
        query = self._registered().where(HostRow.name.in_(names)).with_only_columns(HostRow.name)
        known = set(self._session.scalars(query))
        return [name for name in names if name not in known]

    def instances_page(
        self,
        *,
        limit: int,
        after: str | None = None,
        registered: bool | None = None,
        filters: Sequence[TagFilter] = (),
    ) -> list[Host]:
        """Return hosts by name, those that are registered or those that are not.

        With *filters* only those that meet one of them.
        """
        query = self._registered().order_by(HostRow.name)
        if after is not None:
            query = query.where(HostRow.name > after)
        if registered is not None:
            ended = HostRow.deregistered_at
            query = query.where(ended.is_(None) if registered else ended.is_not(None))
        if not filters:
            return [_host(row) for row in self._session.scalars(query.limit(limit))]
        with self._session.scalars(query.execution_options(yield_per=500)) as rows:
            meeting = (row for row in rows if any(one.matches(row.tags) for one in filters))
            return [_host(row) for row in islice(meeting, limit)]

    def hosts_page(
        self,
        *,
        limit: int,
        after: str | None = None,
        tags: Sequence[tuple[str, str]] = (),
        origin: Origin = Origin.REGISTERED,
    ) -> list[Host]:
        """Return hosts of an origin by name; with *tags* those that have all of them.

        A tag that is asked for with two values is had by nobody.
        """
        query = self._of(origin).order_by(HostRow.name)
        if after is not None:
            query = query.where(HostRow.name > after)
        if not tags:
            return [_host(row) for row in self._session.scalars(query.limit(limit))]
        found: list[Host] = []
        for row in self._session.scalars(query):
            if all(row.tags.get(key) == value for key, value in tags):
                found.append(_host(row))
            if len(found) == limit:
                break
        return found

    def add_host(self, host: Host) -> None:
        """Create a host.

        Raises:
            HostExists: There is one of that name.
            IamArnTaken: Another one is registered as the same user or session.
        """
        row = HostRow(
            id=host.id,
            region=self._region,
            name=host.name,
            created_at=host.created_at,
            last_seen_at=None,
        )
        _write(row, host)
        self._session.add(row)
        self._flush_host(host)

    def save_host(self, host: Host) -> None:
        """Write what can be changed of a host that exists.

        Raises:
            HostNotFound: It does no longer.
            IamArnTaken: Another one is registered as the same user or session.
        """
        row = self._session.get(HostRow, host.id)
        if row is None:
            raise HostNotFound(host.name)
        _write(row, host)
        self._flush_host(host)

    def delete_host(self, host_id: HostId) -> None:
        """Delete a host; history stays."""
        self._session.execute(
            delete(HostRow)
            .where(HostRow.id == host_id)
            .execution_options(synchronize_session=False)
        )

    def deployment_on_host(self, host_id: HostId) -> DeploymentId | None:
        """Return a deployment that is active there or whose last script may still run there."""
        found = self._session.scalar(
            select(DeploymentRow.id)
            .join(TargetRow, TargetRow.deployment_id == DeploymentRow.id)
            .where(
                TargetRow.host_id == host_id,
                or_(
                    DeploymentRow.status.not_in(_FINAL),
                    TargetRow.status.not_in(FINAL_TARGET_STATUSES),
                ),
            )
            .limit(1)
        )
        return None if found is None else DeploymentId(found)

    def run_on_host(self, host_id: HostId) -> DeploymentId | None:
        """Return a deployment whose run on the host has been taken and has not ended."""
        found = self._session.scalar(
            select(TargetRow.deployment_id)
            .where(TargetRow.host_id == host_id, TargetRow.status == TargetStatus.IN_PROGRESS)
            .limit(1)
        )
        return None if found is None else DeploymentId(found)

    def learn_host_key(self, host_id: HostId, host_key: str) -> None:
        """Keep the key that a host presented, unless one is known already."""
        row = self._session.get(HostRow, host_id, with_for_update=True, populate_existing=True)
        if row is not None and not row.settings.get("host_key"):
            row.settings = {**row.settings, "host_key": host_key}
            self._session.flush()

    def _flush_host(self, host: Host) -> None:
        try:
            self._session.flush()
        except IntegrityError as error:
            raise _clash(host, error) from None

    def _registered(self) -> Select[HostRow]:
        return self._of(Origin.REGISTERED)

    def _of(self, origin: Origin) -> Select[HostRow]:
        return self._hosts_here().where(HostRow.origin.is_not_distinct_from(origin or None))

    def _hosts_here(self) -> Select[HostRow]:
        return select(HostRow).where(HostRow.region == self._region)


class LastSeen:
    """Notes when hosts were heard of, at the end of a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[tuple[str, str], datetime] = {}

    def note(self, region: str, name: str, at: datetime) -> None:
        """Have it noted that the host called *name* in *region* was heard of."""
        self._seen[region, name] = at

    def flush(self) -> None:
        """Write what was noted; where somebody changes a host just now, nobody waits for a hint."""
        if not self._seen:
            return
        free = self._session.scalars(
            select(HostRow.id)
            .where(tuple_(HostRow.region, HostRow.name).in_(list(self._seen)))
            .with_for_update(skip_locked=True)
        ).all()
        self._session.execute(
            update(HostRow)
            .where(HostRow.id.in_(free))
            .values(last_seen_at=max(self._seen.values()))
            .execution_options(synchronize_session=False)
        )
        self._seen.clear()


def _write(row: HostRow, host: Host) -> None:
    row.driver = host.driver
    row.settings = dict(host.settings)
    row.tags = dict(host.tags)
    row.variables = dict(host.variables)
    registration = host.registration
    row.instance_suffix = registration.suffix
    row.iam_user_arn = registration.iam_user_arn or None
    row.iam_session_arn = registration.iam_session_arn or None
    row.registered_at = registration.registered_at
    row.deregistered_at = registration.deregistered_at
    row.origin = host.origin or None
    row.instance = None if host.instance is None else instance_to_json(host.instance)
    row.found_at = host.found_at


def _clash(host: Host, error: IntegrityError) -> Refused:
    """Return what a row clashed with; both databases name it first, and only then its value."""
    if "iam_" not in str(error.orig).partition("\n")[0]:
        return HostExists(host.name)
    user = host.registration.iam_user_arn
    return IamArnTaken(user or host.registration.iam_session_arn, is_user=bool(user))


def _host(row: HostRow) -> Host:
    return Host(
        id=HostId(row.id),
        name=row.name,
        driver=row.driver,
        settings=row.settings,
        tags=row.tags,
        variables=row.variables,
        registration=Registration(
            suffix=row.instance_suffix,
            registered_at=row.registered_at,
            deregistered_at=row.deregistered_at,
            iam_user_arn=row.iam_user_arn or "",
            iam_session_arn=row.iam_session_arn or "",
        ),
        last_seen_at=row.last_seen_at,
        created_at=row.created_at,
        origin=Origin(row.origin or ""),
        instance=row.instance and instance_from_json(row.instance, row.tags),  # type: ignore[arg-type]
        found_at=row.found_at,
    )
