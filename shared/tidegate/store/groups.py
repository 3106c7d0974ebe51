"""Deployment groups in the catalog."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tidegate.domain.deployment import (
    AutoRollback,
    ComputePlatform,
    DeploymentStatus,
    RollbackEvent,
)
from tidegate.domain.errors import GroupExists, GroupNotFound
from tidegate.domain.group import (
    DeploymentSummary,
    Group,
    HostOptions,
    OnStop,
    TagFilter,
    TagFilterType,
    TagSet,
    WorkingDirectory,
)
from tidegate.domain.ids import ApplicationId, DeploymentId, GroupId, RevisionId
from tidegate.store.tables import ApplicationRow, DeploymentRow, GroupRow


class GroupSettings(TypedDict):
    """What a row's settings say, as values of the domain."""

    tag_set: TagSet
    hosts: tuple[str, ...]
    auto_rollback: AutoRollback
    ssh: Mapping[str, object]
    variables: Mapping[str, str]
    host_options: HostOptions


class Groups:
    """Writes and reads deployment groups."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region

    def group(self, application_name: str, group_name: str) -> Group:
        """Return a group of an application.

        Raises:
            GroupNotFound: There is none.
        """
        found = self._groups(
            _groups().where(
                ApplicationRow.region == self._region,
                ApplicationRow.name == application_name,
                GroupRow.name == group_name,
            )
        )
        if not found:
            raise GroupNotFound(group_name)
        return found[0]

    def group_by_id(self, group_id: GroupId) -> Group | None:
        """Return a group, if it still exists."""
        found = self._groups(_groups().where(GroupRow.id == group_id))
        return found[0] if found else None

    def groups_page(
        self, application_id: ApplicationId, *, limit: int, after: str | None = None
    ) -> list[Group]:
        """Return the groups of an application by name."""
        query = _groups().where(GroupRow.application_id == application_id)
        if after is not None:
            query = query.where(GroupRow.name > after)
        return self._groups(query.order_by(GroupRow.name).limit(limit))

    def add_group(self, group: Group) -> None:
        """Create a group.

        Raises:
            GroupExists: The application has one of that name.
        """
        self._session.add(
            GroupRow(
                id=group.id,
                application_id=group.application_id,
                name=group.name,
                config_name=group.config_name,
                tags={},
                settings=self.settings_of(group),
                target_revision_id=None,
                active_deployment_id=None,
                last_attempted_id=None,
                last_successful_id=None,
                created_at=group.created_at,
            )
        )
        try:
            self._session.flush()
        except IntegrityError:
            raise GroupExists(group.name) from None

    def save_group(self, group: Group) -> None:
        """Write what a user can change of a group that exists."""
        row = self._session.get(GroupRow, group.id)
        if row is None:
            raise GroupNotFound(group.name)
        row.config_name = group.config_name
        row.settings = self.settings_of(group)
        self._session.flush()

    def delete_idle_group(self, group_id: GroupId) -> bool:
        """Delete a group with what it knows of its hosts, unless it has an active deployment.

        Return whether it was deleted; history stays. The WHERE clause is the check, so that no
        deployment can begin between the look and the deletion.
        """
        deleted = self._session.execute(
            delete(GroupRow)
            .where(GroupRow.id == group_id, GroupRow.active_deployment_id.is_(None))
            .returning(GroupRow.id)
            .execution_options(synchronize_session=False)
        )
        return deleted.one_or_none() is not None

    def active_deployment_of(
        self, application_id: ApplicationId, group_id: GroupId | None = None
    ) -> DeploymentId | None:
        """Return an active deployment of an application, or of one of its groups, if it has one.

        The groups stay locked until the end of the transaction, so that none can begin.
        """
        query = select(GroupRow.active_deployment_id).where(
            GroupRow.application_id == application_id
        )
        if group_id is not None:
            query = query.where(GroupRow.id == group_id)
        found = self._session.scalars(query.order_by(GroupRow.id).with_for_update())
        return next((DeploymentId(active) for active in found if active is not None), None)

    def group_with_config(self, config_name: str) -> tuple[str, str] | None:
        """Return application and name of a group that uses a config, if one does."""
        row = self._session.execute(
            self._living().where(GroupRow.config_name == config_name).limit(1)
        ).first()
        return None if row is None else (row[1].name or "", row[0].name)

    def active_deployment_with_config(self, config_name: str) -> DeploymentId | None:
        """Return an active deployment that goes by a config, if there is one."""
        found = self._session.scalar(
            select(GroupRow.active_deployment_id)
            .join(DeploymentRow, DeploymentRow.id == GroupRow.active_deployment_id)
            .where(DeploymentRow.region == self._region, DeploymentRow.config_name == config_name)
            .limit(1)
        )
        return None if found is None else DeploymentId(found)

    def group_naming_host(self, host_name: str) -> tuple[str, str] | None:
        """Return application and name of a group that names a host, if one does."""
        for group, application in self._session.execute(self._living()):
            if host_name in group.settings["hosts"]:
                return application.name or "", group.name
        return None

    @staticmethod
    def settings_of(group: Group) -> dict[str, Any]:
        """Return the JSON form of what a group settles, as its row keeps it."""
        return {
            "tag_set": [
                [{"type": f.type.value, "key": f.key, "value": f.value} for f in either]
                for either in group.tag_set
            ],
            "hosts": list(group.hosts),
            "auto_rollback": {
                "enabled": group.auto_rollback.enabled,
                "events": [event.value for event in group.auto_rollback.events],
            },
            "ssh": dict(group.ssh),
            "variables": dict(group.variables),
            "host_options": asdict(group.host_options),
        }

    @staticmethod
    def group_from_settings(settings: Mapping[str, Any]) -> GroupSettings:
        """Return what `settings_of` made into JSON, as values again."""
        rollback = settings["auto_rollback"]
        return GroupSettings(
            tag_set=tuple(
                tuple(TagFilter(TagFilterType(f["type"]), f["key"], f["value"]) for f in either)
                for either in settings["tag_set"]
            ),
            hosts=tuple(settings["hosts"]),
            auto_rollback=AutoRollback(
                enabled=rollback["enabled"],
                events=tuple(RollbackEvent(event) for event in rollback["events"]),
            ),
            ssh=settings["ssh"],
            variables=settings["variables"],
            host_options=_host_options(settings.get("host_options", {})),
        )

    def _living(self) -> Select[GroupRow, ApplicationRow]:
        """Return the groups of this region whose application was not deleted."""
        return _groups().where(
            ApplicationRow.region == self._region, ApplicationRow.name.is_not(None)
        )

    def _groups(self, query: Select[GroupRow, ApplicationRow]) -> list[Group]:
        pairs = [(row[0], row[1]) for row in self._session.execute(query)]
        ids = {id_ for row, _ in pairs for id_ in (row.last_attempted_id, row.last_successful_id)}
        summaries = self._summaries(id_ for id_ in ids if id_ is not None)
        return [
            Group(
                id=GroupId(row.id),
                application_id=ApplicationId(application.id),
                application=application.name or "",
                compute_platform=ComputePlatform(application.compute_platform),
                name=row.name,
                config_name=row.config_name,
                target_revision_id=_revision(row.target_revision_id),
                active_deployment_id=_deployment(row.active_deployment_id),
                last_attempted=summaries.get(row.last_attempted_id or ""),
                last_successful=summaries.get(row.last_successful_id or ""),
                created_at=row.created_at,
                **self.group_from_settings(row.settings),
            )
            for row, application in pairs
        ]

    def _summaries(self, ids: Iterable[str]) -> dict[str, DeploymentSummary]:
        wanted = list(ids)
        if not wanted:
            return {}
        rows = self._session.execute(
            select(
                DeploymentRow.id,
                DeploymentRow.status,
                DeploymentRow.created_at,
                DeploymentRow.completed_at,
            ).where(DeploymentRow.id.in_(wanted))
        )
        return {
            row.id: _summary(row.id, row.status, row.created_at, row.completed_at) for row in rows
        }


def _host_options(settings: Mapping[str, Any]) -> HostOptions:
    """Return the options of a row; what it is too old to have is as it was then."""
    known = {**asdict(HostOptions()), **settings}
    return HostOptions(
        working_directory=WorkingDirectory(known["working_directory"]),
        sudo=known["sudo"],
        allow_setid=known["allow_setid"],
        on_stop=OnStop(known["on_stop"]),
        max_revisions=known["max_revisions"],
    )


def _groups() -> Select[GroupRow, ApplicationRow]:
    return select(GroupRow, ApplicationRow).join(
        ApplicationRow, ApplicationRow.id == GroupRow.application_id
    )


def _summary(
    deployment_id: str, status: str, created_at: datetime, completed_at: datetime | None
) -> DeploymentSummary:
    return DeploymentSummary(
        deployment_id=DeploymentId(deployment_id),
        status=DeploymentStatus(status),
        created_at=created_at,
        completed_at=completed_at,
    )


def _revision(revision_id: str | None) -> RevisionId | None:
    return None if revision_id is None else RevisionId(revision_id)


def _deployment(deployment_id: str | None) -> DeploymentId | None:
    return None if deployment_id is None else DeploymentId(deployment_id)
