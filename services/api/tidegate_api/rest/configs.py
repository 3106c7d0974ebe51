"""`/v1/deployment-configs`."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from tidegate.domain.access import Role
from tidegate.domain.configs import (
    DeploymentConfig,
    MinimumHealthy,
    MinimumHealthyType,
    TrafficRouting,
    TrafficType,
)
from tidegate.domain.deployment import ComputePlatform
from tidegate.engine.configs import create_config, delete_config
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts
from tidegate_api.rest.paging import page_of, read_name
from tidegate_api.rest.shapes import Cursor, In, Limit, Page

router: Final = APIRouter(prefix="/deployment-configs", tags=["deployment configs"])
Whole = Annotated[int, Field(ge=-1_000_000, le=1_000_000, strict=True)]


class MinimumIn(In):
    type: MinimumHealthyType
    value: Whole

    def minimum(self) -> MinimumHealthy:
        return MinimumHealthy(self.type, self.value)


class RoutingIn(In):
    type: TrafficType
    percentage: Whole = 100
    interval_minutes: Whole = 0

    def routing(self) -> TrafficRouting:
        return TrafficRouting(self.type, self.percentage, self.interval_minutes)


class ConfigIn(In):
    name: str
    compute_platform: ComputePlatform = ComputePlatform.SERVER
    minimum_healthy_hosts: MinimumIn | None = None
    traffic_routing: RoutingIn | None = None

    def value(self) -> DeploymentConfig:
        minimum, routing = self.minimum_healthy_hosts, self.traffic_routing
        return DeploymentConfig(
            name=self.name,
            compute_platform=self.compute_platform,
            minimum_healthy=None if minimum is None else minimum.minimum(),
            traffic_routing=None if routing is None else routing.routing(),
        )


class MinimumOut(BaseModel):
    type: MinimumHealthyType
    value: int


class RoutingOut(BaseModel):
    type: TrafficType
    percentage: int
    interval_minutes: int


class ConfigOut(BaseModel):
    name: str
    compute_platform: ComputePlatform
    minimum_healthy_hosts: MinimumOut | None
    traffic_routing: RoutingOut | None
    predefined: bool
    created_at: datetime | None

    @classmethod
    def of(cls, config: DeploymentConfig) -> "ConfigOut":
        minimum, routing = config.minimum_healthy, config.traffic_routing
        return cls(
            name=config.name,
            compute_platform=config.compute_platform,
            minimum_healthy_hosts=minimum and MinimumOut(type=minimum.type, value=minimum.value),
            traffic_routing=routing
            and RoutingOut(
                type=routing.type,
                percentage=routing.percentage,
                interval_minutes=routing.interval_minutes,
            ),
            predefined=config.is_predefined,
            created_at=config.created_at,
        )


@router.post(
    "",
    status_code=201,
    summary="Create a deployment config",
    dependencies=[Depends(needs(Role.ADMIN))],
)
def create(body: ConfigIn, parts: TheParts, response: Response) -> ConfigOut:
    with parts.store.write() as uow:
        config = create_config(body.value(), uow=uow)
    response.headers["Location"] = f"/v1/deployment-configs/{config.name}"
    return ConfigOut.of(config)


@router.get(
    "",
    summary="List deployment configs by name, predefined ones too",
    dependencies=[Depends(needs(Role.VIEWER))],
)
def list_(parts: TheParts, limit: Limit = 100, cursor: Cursor = None) -> Page[ConfigOut]:
    after = read_name(cursor)
    with parts.store.read() as uow:
        found = [one for one in uow.catalog.configs() if after is None or one.name > after]
    return page_of(found, limit, key=lambda one: [one.name], shape=ConfigOut.of)


@router.get(
    "/{name}", summary="Show a deployment config", dependencies=[Depends(needs(Role.VIEWER))]
)
def show(name: str, parts: TheParts) -> ConfigOut:
    with parts.store.read() as uow:
        return ConfigOut.of(uow.catalog.config(name))


@router.delete(
    "/{name}",
    status_code=204,
    summary="Delete a custom deployment config",
    dependencies=[Depends(needs(Role.ADMIN))],
)
def delete(name: str, parts: TheParts) -> None:
    with parts.store.write() as uow:
        delete_config(name, uow=uow)
