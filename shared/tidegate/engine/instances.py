"""Use cases on on-premises instances, which are hosts as CodeDeploy sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tidegate.domain.errors import (
    HostExists,
    HostNotFound,
    IamArnTaken,
    InstanceNotRegistered,
    Invalid,
)
from tidegate.domain.host import NO_WAY, Host, Origin, Registration
from tidegate.domain.ids import HostId
from tidegate.engine.checks import check_name
from tidegate.engine.host_ways import SSM, is_ssm_node
from tidegate.store.unit_of_work import UnitOfWork

MOST_TAGS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom an instance is registered: one of the two."""

    iam_user_arn: str = ""
    iam_session_arn: str = ""


def register_instance(name: str, identity: Identity, *, uow: UnitOfWork) -> Host:
    """Register an instance; one that was deregistered comes back with a new ARN.

    A new one has no way to be reached until somebody gives it one.

    Raises:
        Invalid: The name cannot be taken.
        HostExists: One of that name is registered.
        IamArnTaken: Another one is registered as the same user or session.
    """
    check_name("host", name)
    known = uow.catalog.find_host(name, lock=True)
    if known is not None and known.is_registered:
        raise HostExists(name)
    for arn in (identity.iam_user_arn, identity.iam_session_arn):
        if arn and (holder := uow.catalog.host_registered_as(arn)):
            raise IamArnTaken(arn, holder, is_user=arn == identity.iam_user_arn)
    registration = new_registration(uow, identity)
    # Nothing more has to be said of one whose name says how it is reached.
    driver, settings = (SSM, {"instance_id": name}) if is_ssm_node(name) else (NO_WAY, {})
    if known is not None:
        host = replace(known, registration=registration)
        uow.catalog.save_host(host)
        return host
    host = Host(
        id=HostId(uow.ids.unique()),
        name=name,
        driver=driver,
        settings=settings,
        registration=registration,
        created_at=uow.now(),
    )
    uow.catalog.add_host(host)
    return host


def new_registration(uow: UnitOfWork, identity: Identity | None = None) -> Registration:
    """Return the registration of a host that is registered now."""
    identity = identity or Identity()
    return Registration(
        suffix=uow.ids.unique().replace("-", "")[:10],
        registered_at=uow.now(),
        iam_user_arn=identity.iam_user_arn,
        iam_session_arn=identity.iam_session_arn,
    )


def deregister_instance(name: str, *, uow: UnitOfWork) -> None:
    """Take an instance out of all deployments to come; it can still be looked at.

    Raises:
        HostNotFound: There is none of that name.
    """
    host = uow.catalog.host(name, lock=True)
    if host.is_registered and host.origin is Origin.REGISTERED:
        ended = replace(host.registration, deregistered_at=uow.now())
        uow.catalog.save_host(replace(host, registration=ended))


def tag_instances(names: Sequence[str], tags: Mapping[str, str], *, uow: UnitOfWork) -> None:
    """Give instances more tags; one whose key an instance has is replaced.

    Raises:
        InstanceNotRegistered: One of them is not registered; no tag of any is changed.
        Invalid: One would have too many tags.
    """
    for host in _registered(names, uow):
        together = {**host.tags, **tags}
        # One made under `/v1` may have more already, and its values can still be changed.
        if len(together) > max(MOST_TAGS, len(host.tags)):
            raise Invalid(
                f"The instance {host.name!r} would have {len(together)} tags; the limit is "
                f"{MOST_TAGS}.",
                code="TagLimitExceededException",
            )
        uow.catalog.save_host(replace(host, tags=together))


def untag_instances(
    names: Sequence[str], tags: Sequence[tuple[str, str]], *, uow: UnitOfWork
) -> None:
    """Take tags from instances, where key and value are as said; others are passed over.

    Raises:
        InstanceNotRegistered: One of them is not registered; no tag of any is changed.
    """
    for host in _registered(names, uow):
        kept = {key: value for key, value in host.tags.items() if (key, value) not in tags}
        uow.catalog.save_host(replace(host, tags=kept))


def _registered(names: Sequence[str], uow: UnitOfWork) -> list[Host]:
    """Return hosts that nobody else changes until the commit, locked in the order of names."""
    hosts: list[Host] = []
    for name in sorted(set(names)):
        try:
            host = uow.catalog.host(name, lock=True)
        except HostNotFound:
            raise InstanceNotRegistered(name) from None
        if host.origin is not Origin.REGISTERED or not host.is_registered:
            raise InstanceNotRegistered(name)
        hosts.append(host)
    return hosts
