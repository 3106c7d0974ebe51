"""Use cases on applications."""

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import ApplicationExists, ApplicationNotFound, InUse
from tidegate.domain.group import Application
from tidegate.domain.ids import ApplicationId
from tidegate.engine.checks import check_name
from tidegate.store.unit_of_work import UnitOfWork


def create_application(name: str, platform: ComputePlatform, *, uow: UnitOfWork) -> Application:
    """Create an application.

    Raises:
        Invalid: The name cannot be taken.
        ApplicationExists: There is one of that name.
    """
    check_name("application", name)
    if _exists(name, uow):
        raise ApplicationExists(name)
    return uow.catalog.add_application(
        ApplicationId(uow.ids.unique()), name, platform, at=uow.now()
    )


def delete_application(name: str, *, uow: UnitOfWork) -> None:
    """Delete an application with its groups and revisions; its deployments stay as history.

    Raises:
        ApplicationNotFound: There is none.
        InUse: One of its deployments is active.
    """
    application = uow.catalog.application(name)
    active = uow.catalog.active_deployment_of(application.id)
    if active is not None:
        raise InUse(
            f"The application {name!r} has an active deployment {active}; "
            f"wait for it or stop it with `tidegate stop {active}`."
        )
    uow.catalog.delete_application(application.id)


def _exists(name: str, uow: UnitOfWork) -> bool:
    try:
        uow.catalog.application(name)
    except ApplicationNotFound:
        return False
    return True
