"""What a new task set is made of: what the AppSpec says, and what stands there for all else.

Pure. The members are those of CreateTaskSet in the API reference of Amazon ECS.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from tidegate.domain.traffic import Errand, Network, ServiceMove
from tidegate.drivers.traffic.forwards import Groups

Description: TypeAlias = Mapping[str, Any]
"""A service or a task set as ECS describes it."""

_ON_FARGATE: Final = ("FARGATE", "FARGATE_SPOT")
_WITHOUT_PLATFORM: Final = ("EC2", "EXTERNAL", "MANAGED_INSTANCES")
_AWS_TAGS: Final = "aws:"
"""The prefix of tags that only AWS may set."""


def new_task_set(
    errand: Errand,
    move: ServiceMove,
    *,
    service: Description,
    primary: Description,
    pairs: Sequence[Groups],
) -> dict[str, Any]:
    """Return the request that creates green, whole and without traffic."""
    capacity = _capacity(move, service, primary)
    wanted = {
        "cluster": move.cluster,
        "service": move.service,
        "externalId": errand.deployment_id,
        "clientToken": token(errand, move),
        "taskDefinition": move.task_definition,
        "loadBalancers": _load_balancers(move, primary, pairs),
        "networkConfiguration": _network(move.network, service, primary),
        **capacity,
        "platformVersion": _platform(move, service, primary, capacity),
        "serviceRegistries": primary.get("serviceRegistries") or service.get("serviceRegistries"),
        "tags": [
            {"key": tag["key"], "value": tag.get("value", "")}
            for tag in primary.get("tags", ())
            if not tag["key"].startswith(_AWS_TAGS)
        ],
        "scale": {"value": 100.0, "unit": "PERCENT"},
    }
    return {name: value for name, value in wanted.items() if value}


def token(errand: Errand, move: ServiceMove) -> str:
    """Return what makes a second request for the same task set the first one again."""
    return str(uuid5(NAMESPACE_URL, f"{errand.deployment_id}/{move.identity}"))


def _load_balancers(
    move: ServiceMove, primary: Description, pairs: Sequence[Groups]
) -> list[dict[str, Any]]:
    """Have the AppSpec's container and port where the first pair's were, and the rest as is."""
    had = {entry.get("targetGroupArn"): entry for entry in primary.get("loadBalancers", ())}
    first = _place(had.get(pairs[0].blue, {}))
    said = {"containerName": move.container_name, "containerPort": move.container_port}
    return [
        {"targetGroupArn": pair.green}
        | (said if _place(had.get(pair.blue, {})) == first else _place(had[pair.blue]))
        for pair in pairs
    ]


def _place(entry: Description) -> dict[str, Any]:
    return {name: entry[name] for name in ("containerName", "containerPort") if name in entry}


def _network(said: Network | None, service: Description, primary: Description) -> Any:
    if said is None:
        return primary.get("networkConfiguration") or service.get("networkConfiguration")
    network: dict[str, Any] = {"subnets": list(said.subnets)}
    if said.security_groups:
        network["securityGroups"] = list(said.security_groups)
    if said.assign_public_ip:
        network["assignPublicIp"] = said.assign_public_ip
    return {"awsvpcConfiguration": network}


def _capacity(move: ServiceMove, service: Description, primary: Description) -> dict[str, Any]:
    """Return capacity providers or a launch type: a task set has one of them, never both."""
    if move.capacity_providers:
        said = [
            {"capacityProvider": one.name, "base": one.base, "weight": one.weight}
            for one in move.capacity_providers
        ]
        return {"capacityProviderStrategy": said}
    for one in (primary, service):
        for name in ("capacityProviderStrategy", "launchType"):
            if one.get(name):
                return {name: one[name]}
    return {}


def _platform(
    move: ServiceMove, service: Description, primary: Description, capacity: dict[str, Any]
) -> str | None:
    """Return the version of Fargate; whatever runs elsewhere may have none."""
    if move.platform_version:
        return move.platform_version
    providers = capacity.get("capacityProviderStrategy", ())
    elsewhere = capacity.get("launchType") in _WITHOUT_PLATFORM or any(
        one["capacityProvider"] not in _ON_FARGATE for one in providers
    )
    found: str | None = primary.get("platformVersion") or service.get("platformVersion")
    return None if elsewhere else found
