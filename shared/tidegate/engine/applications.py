"""Use cases on applications."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import ApplicationExists, ApplicationNotFound, InUse, Invalid
from tidegate.domain.group import Application
from tidegate.domain.ids import ApplicationId
from tidegate.domain.resource_tags import check_resource_tags
from tidegate.engine.checks import check_name
from tidegate.engine.groups import wake_all
from tidegate.store.unit_of_work import UnitOfWork

MOST_APPLICATIONS: Final = 1000


def create_application(
    name: str,
    platform: ComputePlatform,
    *,
    uow: UnitOfWork,
    tags: Mapping[str, str] | None = None,
) -> Application:
    """Create an application.

    Raises:
        Invalid: The name or a tag cannot be taken, or there are too many applications.
        ApplicationExists: There is one of that name.
    """
    check_name("application", name)
    check_resource_tags(tags or {})
    if _exists(name, uow):
        raise ApplicationExists(name)
    if uow.catalog.count_applications() >= MOST_APPLICATIONS:
        raise Invalid(
            f"There are {MOST_APPLICATIONS} applications in {uow.region} already, which is the "
            "limit; delete one first with `tidegate app delete`.",
            code="ApplicationLimitExceededException",
        )
    return uow.catalog.add_application(
        ApplicationId(uow.ids.unique()), name, platform, at=uow.now(), tags=tags
    )


def rename_application(name: str, new_name: str, *, uow: UnitOfWork) -> Application:
    """Give an application another name; its groups, revisions and deployments stay with it.

    Raises:
        Invalid: The new name cannot be taken.
        ApplicationNotFound: There is none.
        ApplicationExists: Another one has that name.
    """
    check_name("application", new_name)
    application = uow.catalog.application(name)
    if new_name != name:
        if _exists(new_name, uow):
            raise ApplicationExists(new_name)
        uow.catalog.rename_application(application, new_name)
    return replace(application, name=new_name)


def delete_application(name: str, *, uow: UnitOfWork, even_while_deploying: bool = False) -> None:
    """Delete an application with its groups and revisions; its deployments stay as history.

    They still show the revisions that they had, which nobody else finds.

    *even_while_deploying* is CodeDeploy's way: what runs comes to its end, what has not started
    fails, and nobody finds the application any more.

    Raises:
        ApplicationNotFound: There is none.
        InUse: One of its deployments is active.
    """
    application = uow.catalog.application(name)
    if even_while_deploying:
        wake_all(uow.catalog.active_deployments_of(application.id), uow=uow)
    # The application before its groups: whoever registers a revision locks them in that order, too.
    uow.catalog.orphan_application(application.id)
    active = uow.catalog.active_deployment_of(application.id)
    if active is not None and not even_while_deploying:
        raise InUse(
            f"The application {name!r} has an active deployment {active}; "
            f"wait for it or stop it with `tidegate stop {active}`."
        )
    uow.catalog.delete_orphan(application.id)


def _exists(name: str, uow: UnitOfWork) -> bool:
    try:
        uow.catalog.application(name)
    except ApplicationNotFound:
        return False
    return True
