"""Use cases on hosts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tidegate.domain.errors import HostExists, InUse, Invalid
from tidegate.domain.host import Host, Origin
from tidegate.domain.ids import HostId
from tidegate.engine.checks import check_name, check_tags, check_variables
from tidegate.engine.host_ways import SSH, check_ssh, check_way
from tidegate.engine.instances import new_registration
from tidegate.store.unit_of_work import UnitOfWork

_WHERE: Final = (
    "address",
    "port",
    "user",
    "proxy_jump",
    "state_dir",
    "instance_id",
    "region",
)
"""Settings that lead to the folder in which the host remembers what it has run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRequest:
    """What a host is wanted to be."""

    driver: str = SSH
    """`NO_WAY` while nothing has to be known of how it is reached; settings change that."""
    settings: Mapping[str, object]
    """What the driver needs; what is None is left to the group or to the driver."""
    tags: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


def create_host(name: str, request: HostRequest, *, uow: UnitOfWork) -> Host:
    """Create a host; the name of one that was deregistered may be used again.

    An EC2 instance that a deployment found is one that nobody has registered yet.

    Raises:
        Invalid: A value cannot be taken.
        HostExists: There is one of that name.
        InUse: A run goes on at one that was deregistered, and would be sought at another place; or
            a deployment is at work on the instance, and reaches it as its group says.
    """
    check_name("host", name)
    driver, settings = _checked(request)
    known = uow.catalog.find_host(name, lock=True)
    if known is not None and known.origin is Origin.EC2:
        _check_idle(known, uow)
    elif known is not None and known.is_registered:
        raise HostExists(name)
    host = Host(
        id=HostId(uow.ids.unique()) if known is None else known.id,
        name=name,
        driver=driver,
        settings=settings,
        tags=request.tags,
        variables=request.variables,
        registration=new_registration(uow),
        created_at=uow.now() if known is None else known.created_at,
    )
    if known is None:
        uow.catalog.add_host(host)
    else:
        _check_move(known, driver, settings, uow)
        uow.catalog.save_host(host)
    return host


def replace_host(name: str, request: HostRequest, *, uow: UnitOfWork) -> Host:
    """Make a host that exists what *request* says.

    Raises:
        Invalid: A value cannot be taken.
        HostNotFound: There is none of that name.
        InUse: A run goes on there, and would be sought, and begun anew, at another place.
    """
    return change_host(name, lambda _: request, uow=uow)


def change_host(
    name: str, change: Callable[[HostRequest], HostRequest], *, uow: UnitOfWork
) -> Host:
    """Make a host that exists what *change* makes of it, and of no older state of it.

    Raises:
        Invalid, HostNotFound, InUse: As `replace_host`.
    """
    # Locked, or a key that a worker learns meanwhile would be lost.
    host = uow.catalog.host(name, lock=True)
    request = change(_request_of(host))
    if host.origin is not Origin.REGISTERED:
        changed = replace(host, settings=_known_key(host, request))
        uow.catalog.save_host(changed)
        return changed
    driver, settings = _checked(request)
    _check_move(host, driver, settings, uow)
    changed = replace(
        host,
        driver=driver,
        settings=settings,
        tags=request.tags,
        variables=request.variables,
    )
    uow.catalog.save_host(changed)
    return changed


def _known_key(host: Host, request: HostRequest) -> dict[str, object]:
    """Return the host key that a request has for an EC2 instance, of which no more is said here."""
    if _without_key(request) != _without_key(_request_of(host)):
        raise Invalid(
            f"The host {host.name!r} is an EC2 instance that a deployment found; its deployment "
            "group says how it is reached, with `tidegate group ec2`, and here only its host key "
            "can be set."
        )
    return check_ssh({"host_key": request.settings.get("host_key")})


def _without_key(request: HostRequest) -> HostRequest:
    rest = {key: value for key, value in request.settings.items() if key != "host_key"}
    return replace(request, settings=rest)


def delete_host(name: str, *, uow: UnitOfWork) -> None:
    """Delete a host; what was deployed there stays as history.

    Raises:
        HostNotFound: There is none of that name.
        InUse: A deployment is active there, or a group names it.
    """
    host = uow.catalog.host(name)
    _check_idle(host, uow)
    user = uow.catalog.group_naming_host(name)
    if user is not None:
        application, group = user
        raise InUse(
            f"The deployment group {group!r} of the application {application!r} names the host "
            f"{name!r}; take it out of the group first."
        )
    uow.catalog.delete_host(host.id)


def _check_idle(host: Host, uow: UnitOfWork) -> None:
    active = uow.catalog.deployment_on_host(host.id)
    if active is not None:
        raise InUse(
            f"The deployment {active} is at work on the host {host.name!r}; "
            f"wait for it or stop it with `tidegate stop {active}`."
        )


def _check_move(host: Host, driver: str, settings: Mapping[str, object], uow: UnitOfWork) -> None:
    """Refuse to move a host at which a run goes on; where none can be reached, none does."""
    differs = any(settings.get(key) != host.settings.get(key) for key in _WHERE)
    moves = host.is_reachable and (differs or driver != host.driver)
    running = uow.catalog.run_on_host(host.id) if moves else None
    if running is not None:
        raise InUse(
            f"The deployment {running} is at work on the host {host.name!r}, so it cannot be "
            f"moved; wait for it or stop it with `tidegate stop {running}`."
        )


def _checked(request: HostRequest) -> tuple[str, dict[str, object]]:
    """Return the driver and the settings that a request comes to."""
    check_tags(request.tags)
    check_variables(request.variables)
    return check_way(request.driver, request.settings)


def _request_of(host: Host) -> HostRequest:
    return HostRequest(
        driver=host.driver, settings=host.settings, tags=host.tags, variables=host.variables
    )
