"""`/v1/hosts`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tidegate.domain.access import Role
from tidegate.domain.errors import Invalid
from tidegate.domain.host import Host, Origin
from tidegate.engine.hosts import (
    HostRequest,
    change_host,
    create_host,
    delete_host,
    replace_host,
)
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts
from tidegate_api.rest.instances import InstanceOut
from tidegate_api.rest.paging import page_of, read_name
from tidegate_api.rest.shapes import Cursor, In, Limit, Page

router: Final = APIRouter(prefix="/hosts", tags=["hosts"])
Tags = Annotated[
    Sequence[str],
    Query(alias="tag", description="`KEY=VALUE`; given more than once, a host must have all."),
]

OfEc2 = Annotated[
    bool,
    Query(description="The EC2 instances that deployments found, instead of what is registered."),
]


class SshIn(In):
    """How a host is reached over SSH; what is null is left to the group, then to the default."""

    user: str | None = None
    port: int | None = None
    identity: str | None = None
    """`file:/path/to/key`, `env:NAME` of a variable that holds the key, or `agent`."""
    proxy_jump: str | None = None
    proxy_host_key: str | None = None
    state_dir: str | None = None


class SsmIn(In):
    """How hosts are reached over SSM; what is null is left to the default."""

    region: str | None = None
    """Where Systems Manager knows them, if not in the deployment's."""
    state_dir: str | None = None
    bundles: Literal["presigned", "host"] | None = None
    """Hosts fetch bundles by presigned addresses (default), or by their own credentials."""
    output_bucket: str | None = None
    """Where their SSM Agents put long logs."""
    output_prefix: str | None = None


class HostReplaceIn(SshIn):
    name: str | None = None
    """May be left out; a host keeps its name."""
    driver: Literal["ssh", "ssm"] = "ssh"
    address: str | None = None
    host_key: str | None = None
    trust_on_first_use: bool = False
    instance_id: str | None = None
    """Of a host over SSM: `i-…` of EC2, or `mi-…` of another machine."""
    region: str | None = None
    """Where Systems Manager knows it, if not in the deployment's."""
    tags: dict[str, str] = Field(default_factory=dict)
    variables: dict[str, str] = Field(default_factory=dict)

    def request(self) -> HostRequest:
        return HostRequest(
            driver=self.driver,
            settings=self.model_dump(exclude={"name", "driver", "tags", "variables"}),
            tags=self.tags,
            variables=self.variables,
        )


class HostIn(HostReplaceIn):
    name: str


class HostChangeIn(SshIn):
    """Only what is given changes; null takes a setting away."""

    driver: Literal["ssh", "ssm"] | None = None
    """Another one than before takes all other settings of the way away."""
    address: str | None = None
    host_key: str | None = None
    trust_on_first_use: bool | None = None
    instance_id: str | None = None
    region: str | None = None
    tags: dict[str, str] | None = None
    variables: dict[str, str] | None = None

    def applied_to(self, request: HostRequest) -> HostRequest:
        given = self.model_dump(exclude_unset=True)
        tags, variables = given.pop("tags", None), given.pop("variables", None)
        driver = given.pop("driver", None) or request.driver
        before = request.settings if driver == request.driver else {}
        return replace(
            request,
            driver=driver,
            settings={**before, **given},
            tags=request.tags if tags is None else tags,
            variables=request.variables if variables is None else variables,
        )


class HostOut(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    driver: str
    """Empty where no way to reach it is known yet."""
    address: str | None
    port: int | None
    user: str | None
    identity: str | None
    host_key: str | None
    trust_on_first_use: bool
    proxy_jump: str | None
    proxy_host_key: str | None
    state_dir: str | None
    instance_id: str | None
    region: str | None
    tags: dict[str, str]
    variables: dict[str, str]
    last_seen_at: datetime | None
    deregistered_at: datetime | None
    """Since when it takes part in no deployment."""
    instance: InstanceOut | None
    """The EC2 instance that it is; its group says how it is reached."""
    found_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, host: Host) -> "HostOut":
        unset: Mapping[str, Any] = dict.fromkeys(_SETTINGS)
        settings: Mapping[str, Any] = {**unset, "trust_on_first_use": False, **host.settings}
        return cls(
            name=host.name,
            driver=host.driver,
            **{key: settings[key] for key in _SETTINGS},
            tags=dict(host.tags),
            variables=dict(host.variables),
            last_seen_at=host.last_seen_at,
            deregistered_at=host.registration.deregistered_at,
            instance=host.instance and InstanceOut.of(host.instance),
            found_at=host.found_at,
            created_at=host.created_at,
        )


_SETTINGS: Final = (
    *SshIn.model_fields,
    "address",
    "host_key",
    "trust_on_first_use",
    "instance_id",
    "region",
)


@router.post(
    "", status_code=201, summary="Create a host", dependencies=[Depends(needs(Role.ADMIN))]
)
def create(body: HostIn, parts: TheParts, response: Response) -> HostOut:
    with parts.store.write() as uow:
        host = create_host(body.name, body.request(), uow=uow)
    response.headers["Location"] = f"/v1/hosts/{host.name}"
    return HostOut.of(host)


@router.get("", summary="List hosts by name, or by tag", dependencies=[Depends(needs(Role.VIEWER))])
def list_(
    parts: TheParts,
    tags: Tags = (),
    ec2: OfEc2 = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[HostOut]:
    wanted, after = [_tag(text) for text in tags], read_name(cursor)
    origin = Origin.EC2 if ec2 else Origin.REGISTERED
    with parts.store.read() as uow:
        found = uow.catalog.hosts_page(limit=limit + 1, after=after, tags=wanted, origin=origin)
    return page_of(found, limit, key=lambda one: [one.name], shape=HostOut.of)


@router.get("/{name}", summary="Show a host", dependencies=[Depends(needs(Role.VIEWER))])
def show(name: str, parts: TheParts) -> HostOut:
    with parts.store.read() as uow:
        return HostOut.of(uow.catalog.host(name))


@router.put("/{name}", summary="Replace a host", dependencies=[Depends(needs(Role.ADMIN))])
def put(name: str, body: HostReplaceIn, parts: TheParts) -> HostOut:
    if body.name not in {None, name}:
        raise Invalid(f"A host keeps its name; this one is {name!r}, not {body.name!r}.")
    with parts.store.write() as uow:
        return HostOut.of(replace_host(name, body.request(), uow=uow))


@router.patch("/{name}", summary="Change some of a host", dependencies=[Depends(needs(Role.ADMIN))])
def patch(name: str, body: HostChangeIn, parts: TheParts) -> HostOut:
    with parts.store.write() as uow:
        return HostOut.of(change_host(name, body.applied_to, uow=uow))


@router.delete(
    "/{name}", status_code=204, summary="Delete a host", dependencies=[Depends(needs(Role.ADMIN))]
)
def delete(name: str, parts: TheParts) -> None:
    with parts.store.write() as uow:
        delete_host(name, uow=uow)


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Invalid(f"The tag {text[:80]!r} is not of the form KEY=VALUE.", code="InvalidTag")
    return key, value
