"""Deployment groups in the catalog."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tidegate.domain.deployment import (
    AutoRollback,
    ComputePlatform,
    DeploymentStatus,
    RollbackEvent,
)
from tidegate.domain.errors import EcsServiceTaken, GroupExists, GroupNotFound
from tidegate.domain.group import DeploymentSummary, Group
from tidegate.domain.ids import ApplicationId, DeploymentId, GroupId, RevisionId
from tidegate.store.aws_settings import aws_from_json, aws_to_json
from tidegate.store.deployment_options import tag_set_from_json
from tidegate.store.group_settings import (
    GroupSettings,
    ec2_from_json,
    host_options_from_json,
)
from tidegate.store.statements import plain_table
from tidegate.store.tables import ApplicationRow, DeploymentRow, GroupRow

_GROUPS: Final = plain_table(GroupRow)
_APPLICATIONS: Final = plain_table(ApplicationRow)
_NAMES_OF: Final = (
    select(_GROUPS.c.name, _APPLICATIONS.c.name)
    .join(_APPLICATIONS, _APPLICATIONS.c.id == _GROUPS.c.application_id)
    .where(_GROUPS.c.id == bindparam("id_"))
)


class Groups:
    """Writes and reads deployment groups."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region

    def group(self, application_name: str, group_name: str, *, lock: bool = False) -> Group:
        """Return a group of an application; with *lock* nobody changes it until the commit.

        Raises:
            GroupNotFound: There is none.
        """
        query = _groups().where(
            ApplicationRow.region == self._region,
            ApplicationRow.name == application_name,
            GroupRow.name == group_name,
        )
        if lock:
            query = query.with_for_update(of=GroupRow).execution_options(populate_existing=True)
        found = self._groups(query)
        if not found:
            raise GroupNotFound(group_name)
        return found[0]

    def group_by_id(self, group_id: GroupId) -> Group | None:
        """Return a group, if it still exists."""
        found = self._groups(_groups().where(GroupRow.id == group_id))
        return found[0] if found else None

    def is_group_deleted(self, group_id: GroupId) -> bool:
        """Tell whether a group was deleted, alone or with its application, and still deploys."""
        names = self._session.execute(_NAMES_OF, {"id_": group_id}).one_or_none()
        return names is not None and None in names

    def groups_page(
        self, application_id: ApplicationId, *, limit: int, after: str | None = None
    ) -> list[Group]:
        """Return the groups of an application by name."""
        query = self._named(application_id)
        if after is not None:
            query = query.where(GroupRow.name > after)
        return self._groups(query.order_by(GroupRow.name).limit(limit))

    def group_names(
        self, application_id: ApplicationId, *, limit: int, after: str | None = None
    ) -> list[str]:
        """Return the names of an application's groups in order."""
        query = select(GroupRow.name).where(
            GroupRow.application_id == application_id, GroupRow.name.is_not(None)
        )
        if after is not None:
            query = query.where(GroupRow.name > after)
        return [
            name or "" for name in self._session.scalars(query.order_by(GroupRow.name).limit(limit))
        ]

    def ids_of_groups(self, name: str, application_name: str | None = None) -> list[GroupId]:
        """Return the groups of that name, of one application or of all."""
        query = self._living().where(GroupRow.name == name)
        if application_name is not None:
            query = query.where(ApplicationRow.name == application_name)
        return [GroupId(id_) for id_ in self._session.scalars(query.with_only_columns(GroupRow.id))]

    def groups_named(self, application_id: ApplicationId, names: Sequence[str]) -> list[Group]:
        """Return those groups of an application that there are, in the order of *names*."""
        found = self._groups(self._named(application_id).where(GroupRow.name.in_(names)))
        known = {group.name: group for group in found}
        return [known[name] for name in names if name in known]

    def count_groups(self, application_id: ApplicationId) -> int:
        """Return how many groups an application has."""
        query = select(func.count()).select_from(GroupRow)
        here = query.where(GroupRow.application_id == application_id, GroupRow.name.is_not(None))
        return self._session.scalar(here) or 0

    def add_group(self, group: Group, *, tags: Mapping[str, str] | None = None) -> None:
        """Create a group.

        Raises:
            GroupExists: The application has one of that name.
            EcsServiceTaken: Another group has its ECS service.
        """
        self._check_ecs_service(group)
        self._session.add(
            GroupRow(
                id=group.id,
                application_id=group.application_id,
                name=group.name,
                config_name=group.config_name,
                tags=dict(tags or {}),
                settings=self.settings_of(group),
                service_role_arn=group.aws.service_role_arn,
                aws=aws_to_json(group.aws),
                ec2=asdict(group.ec2),
                ecs_service=self._ecs_service(group),
                target_revision_id=None,
                active_deployment_id=None,
                last_attempted_id=None,
                last_successful_id=None,
                created_at=group.created_at,
            )
        )
        self._flush_group(group)

    def save_group(self, group: Group) -> None:
        """Write what a user can change of a group that exists.

        Raises:
            GroupExists: The application has another one of that name.
            EcsServiceTaken: Another group has its ECS service.
        """
        self._check_ecs_service(group)
        row = self._session.get(GroupRow, group.id)
        if row is None:
            raise GroupNotFound(group.name)
        row.name = group.name
        row.config_name = group.config_name
        row.settings = self.settings_of(group)
        row.service_role_arn = group.aws.service_role_arn
        row.aws = aws_to_json(group.aws)
        row.ec2 = asdict(group.ec2)
        row.ecs_service = self._ecs_service(group)
        self._flush_group(group)

    def rename_in_history(self, group_id: GroupId, name: str) -> None:
        """Give a group another name where its deployments remember it."""
        self._session.execute(
            update(DeploymentRow)
            .where(DeploymentRow.group_id == group_id, DeploymentRow.group != name)
            .values({DeploymentRow.group: name})
            .execution_options(synchronize_session=False)
        )

    def _flush_group(self, group: Group) -> None:
        try:
            self._session.flush()
        except IntegrityError as error:
            if "ecs_service" in str(error.orig):
                raise EcsServiceTaken(group.aws.ecs_services[0].identity) from None
            raise GroupExists(group.name) from None

    def _check_ecs_service(self, group: Group) -> None:
        wanted = self._ecs_service(group)
        query = select(GroupRow.id).where(GroupRow.ecs_service == wanted, GroupRow.id != group.id)
        if wanted is not None and self._session.scalar(query) is not None:
            raise EcsServiceTaken(group.aws.ecs_services[0].identity)

    def _ecs_service(self, group: Group) -> str | None:
        services = group.aws.ecs_services
        return f"{self._region}/{services[0].identity}" if services else None

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

    def orphan_group(self, group_id: GroupId) -> None:
        """Take its name from a group, so that nobody finds it; its row stays for now."""
        self._session.execute(
            update(GroupRow)
            .where(GroupRow.id == group_id)
            .values(name=None, ecs_service=None)
            .execution_options(synchronize_session=False)
        )

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

    def active_deployments_of(self, application_id: ApplicationId) -> list[DeploymentId]:
        """Return the active deployments of an application."""
        query = select(GroupRow.active_deployment_id).where(
            GroupRow.application_id == application_id, GroupRow.active_deployment_id.is_not(None)
        )
        return [DeploymentId(active) for active in self._session.scalars(query) if active]

    def group_with_config(self, config_name: str) -> tuple[str, str] | None:
        """Return application and name of a group that uses a config, if one does."""
        row = self._session.execute(
            self._living().where(GroupRow.config_name == config_name).limit(1)
        ).first()
        return None if row is None else (row[1].name or "", row[0].name or "")

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
                return application.name or "", group.name or ""
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
            "ssm": dict(group.ssm),
            "variables": dict(group.variables),
            "host_options": asdict(group.host_options),
        }

    @classmethod
    def snapshot_of(cls, group: Group) -> dict[str, Any]:
        """Return the JSON form of all that a deployment goes by, whatever becomes of the group."""
        aws = group.aws
        return {
            **cls.settings_of(group),
            "aws": aws_to_json(aws),
            "ec2": asdict(group.ec2),
            "service_role_arn": aws.service_role_arn,
        }

    @staticmethod
    def group_from_settings(settings: Mapping[str, Any], role: str = "") -> GroupSettings:
        """Return what `settings_of` or `snapshot_of` made into JSON, as values again."""
        rollback = settings["auto_rollback"]
        return GroupSettings(
            tag_set=tag_set_from_json(settings["tag_set"]),
            hosts=tuple(settings["hosts"]),
            auto_rollback=AutoRollback(
                enabled=rollback["enabled"],
                events=tuple(RollbackEvent(event) for event in rollback["events"]),
            ),
            ssh=settings["ssh"],
            ssm=settings.get("ssm", {}),
            variables=settings["variables"],
            host_options=host_options_from_json(settings.get("host_options", {})),
            ec2=ec2_from_json(settings.get("ec2")),
            aws=aws_from_json(settings.get("aws", {}), service_role_arn=role),
        )

    def _living(self) -> Select[GroupRow, ApplicationRow]:
        """Return the groups of this region that were not deleted, alone or together."""
        return _groups().where(
            ApplicationRow.region == self._region,
            ApplicationRow.name.is_not(None),
            GroupRow.name.is_not(None),
        )

    def _named(self, application_id: ApplicationId) -> Select[GroupRow, ApplicationRow]:
        """Return the groups of an application that were not deleted."""
        return _groups().where(
            GroupRow.application_id == application_id, GroupRow.name.is_not(None)
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
                name=row.name or "",
                config_name=row.config_name,
                target_revision_id=_revision(row.target_revision_id),
                active_deployment_id=_deployment(row.active_deployment_id),
                last_attempted=summaries.get(row.last_attempted_id or ""),
                last_successful=summaries.get(row.last_successful_id or ""),
                created_at=row.created_at,
                **self.group_from_settings(
                    {**row.settings, "aws": row.aws, "ec2": row.ec2}, row.service_role_arn
                ),
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
