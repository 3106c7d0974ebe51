"""An AppSpec for ECS: the task set that shall take the traffic of a service."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from tidegate.appspec import nodes
from tidegate.appspec.fields import Fields
from tidegate.appspec.findings import Findings
from tidegate.appspec.resources import Kind, read_hooks, read_resources, read_top
from tidegate.appspec.ruby import cut
from tidegate.appspec.values import Json, Problem, warnings_of
from tidegate.domain.traffic import CapacityProvider, Network

_KIND: Final = Kind(
    platform="ECS",
    properties=(
        "TaskDefinition",
        "LoadBalancerInfo",
        "PlatformVersion",
        "NetworkConfiguration",
        "CapacityProviderStrategy",
    ),
    events=(
        "BeforeInstall",
        "AfterInstall",
        "AfterAllowTestTraffic",
        "BeforeAllowTraffic",
        "AfterAllowTraffic",
    ),
)
_TASK_DEFINITION: Final = re.compile(
    r"(?:arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task-definition/)?[A-Za-z0-9_-]{1,255}"
    r"(?P<revision>:[1-9][0-9]*)?"
)
_CONTAINER: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_PLATFORM_VERSION: Final = re.compile(r"LATEST|\d+\.\d+\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsAppSpec:
    """An AppSpec for ECS, checked; what is None or empty is carried over from the service."""

    task_definition: str
    """Its ARN, or family:revision."""
    container_name: str
    container_port: int
    platform_version: str | None = None
    network: Network | None = None
    capacity_providers: tuple[CapacityProvider, ...] = ()
    hooks: Mapping[str, str] = field(default_factory=dict)
    """The name or ARN of a function, or an http(s) URL, for each event that has a hook."""
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def as_json(self) -> dict[str, Json]:
        network: dict[str, Json] | None = None
        if self.network:
            network = {
                "subnets": list(self.network.subnets),
                "security_groups": list(self.network.security_groups),
                "assign_public_ip": self.network.assign_public_ip,
            }
        return {
            "version": 0.0,
            "task_definition": self.task_definition,
            "container_name": self.container_name,
            "container_port": self.container_port,
            "platform_version": self.platform_version,
            "network": network,
            "capacity_providers": [asdict(provider) for provider in self.capacity_providers],
            "hooks": dict(self.hooks),
            **warnings_of(self.warnings),
        }


def read_ecs(root: nodes.Node | None, findings: Findings) -> EcsAppSpec | None:
    """Return the AppSpec that *root* says, or None after a problem was found."""
    top = read_top(root, findings)
    if top is None:
        return None
    services = read_resources(top, _KIND)
    for surplus in services[1:]:
        message = "An AppSpec for ECS has one resource, and this is one more."
        findings.refuse(surplus.node, surplus.path, message)
    read = [_read_service(properties) for properties in services]
    hooks = read_hooks(top, _KIND)
    if findings.problems:
        return None
    return replace(read[0], hooks=hooks, warnings=tuple(findings.warnings))


def _read_service(properties: Fields) -> EcsAppSpec:
    container = properties.inner("LoadBalancerInfo", ("ContainerName", "ContainerPort"))
    port = container.whole("ContainerPort", 1, 65535) if container else None
    return EcsAppSpec(
        task_definition=_read_task_definition(properties),
        container_name=_read_container_name(container) if container else "",
        container_port=port or 0,
        platform_version=_read_platform_version(properties),
        network=_read_network(properties),
        capacity_providers=_read_strategy(properties),
    )


def _read_task_definition(properties: Fields) -> str:
    name = "TaskDefinition"
    text = properties.text(name) or ""
    match = _TASK_DEFINITION.fullmatch(text)
    if text and match is None:
        message = f"'{cut(text)}' is neither the ARN of a task definition nor family:revision."
        properties.refuse(name, message)
    elif match and not match["revision"]:
        message = f"The TaskDefinition '{cut(text)}' has no revision, so the newest is taken."
        properties.warn(name, message, "Add it, as in family:3, so that a rollback knows it too.")
    return text


def _read_container_name(container: Fields) -> str:
    text = container.text("ContainerName") or ""
    if text and not _CONTAINER.fullmatch(text):
        message = f"'{cut(text)}' is no container: its name has letters, digits, '-' and '_'."
        container.refuse("ContainerName", message)
    return text


def _read_platform_version(properties: Fields) -> str | None:
    name = "PlatformVersion"
    text = properties.text(name, is_required=False)
    if text is not None and not _PLATFORM_VERSION.fullmatch(text):
        message = f"{name} is '{cut(text)}', and must be LATEST or such as 1.4.0."
        properties.refuse(name, message)
    return text


def _read_network(properties: Fields) -> Network | None:
    outer = properties.inner("NetworkConfiguration", ("AwsvpcConfiguration",), is_required=False)
    names = ("Subnets", "SecurityGroups", "AssignPublicIp")
    inner = outer.inner("AwsvpcConfiguration", names) if outer else None
    if inner is None:
        return None
    word = inner.text("AssignPublicIp")
    if word is not None and word not in ("ENABLED", "DISABLED"):
        message = f"AssignPublicIp is '{cut(word)}', and must be ENABLED or DISABLED."
        inner.refuse("AssignPublicIp", message)
    return Network(
        subnets=inner.texts("Subnets"),
        security_groups=inner.texts("SecurityGroups"),
        assign_public_ip=word or "",
    )


def _read_strategy(properties: Fields) -> tuple[CapacityProvider, ...]:
    name = "CapacityProviderStrategy"
    node = properties.get(name)
    if node is None:
        return ()
    key, findings = properties.key(name), properties.findings
    if not isinstance(node, nodes.Sequence):
        findings.wrong_type(node, key, "a list of maps with a CapacityProvider")
        return ()
    read = [_read_provider(item, f"{key}[{at}]", findings) for at, item in enumerate(node.items)]
    if sum(provider.base > 0 for provider in read) > 1:
        properties.refuse(name, "More than one CapacityProvider has a Base; ECS takes one.")
    return tuple(read)


def _read_provider(item: nodes.Node, key: str, findings: Findings) -> CapacityProvider:
    if not isinstance(item, nodes.Mapping):
        findings.wrong_type(item, key, "a map with a CapacityProvider")
        return CapacityProvider(name="")
    known = ("CapacityProvider", "Base", "Weight")
    fields = Fields(item, key, known, what="The capacity provider", findings=findings)
    return CapacityProvider(
        name=fields.text("CapacityProvider") or "",
        base=fields.whole("Base", 0, 100_000, default=0) or 0,
        weight=fields.whole("Weight", 0, 1000, default=0) or 0,
    )
