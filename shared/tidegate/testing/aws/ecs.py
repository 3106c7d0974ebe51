"""Has moto's ECS and load balancers behave as AWS where a deployment would notice.

Nothing here takes time: a task set becomes steady, and one that is removed goes, after it was
described some times.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from unittest.mock import patch

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ecs.exceptions import (
    ECSException,
    InvalidParameterException,
    ServiceNotFoundException,
)
from moto.ecs.models import EC2ContainerServiceBackend as Ecs
from moto.ecs.models import Service, TaskSet
from moto.ecs.responses import EC2ContainerServiceResponse as EcsResponse
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend, FakeAction, FakeTargetGroup, elbv2_backends

NEVER_STEADY = "broken"
"""Tasks whose image is named so stop again and again."""
MOST_TASKS = 100
"""That can be asked for in one call."""
ONLY_EXTERNAL = (
    "Amazon ECS only supports task set management on services configured to use external"
    " deployment controllers."
)


@dataclass
class Behaviour:
    looks: int = 2
    """How often something is described before it has settled."""
    controllers: set[str] = field(default_factory=lambda: {"EXTERNAL", "CODE_DEPLOY"})
    """Whose task sets may be managed from outside."""


behaviour = Behaviour()
_addresses = count(1)


class LivingTaskSet:
    """A task set whose tasks start, are registered, drain and go."""

    status: str
    scale: dict[str, Any]
    launch_type: str | None
    capacity_provider_strategy: list[dict[str, Any]]
    load_balancers: list[dict[str, Any]]
    task_definition: str
    region_name: str
    client_token: str | None

    def __init__(self, made_of: TaskSet, service: Service, backend: Ecs) -> None:
        self.__dict__.update(made_of.__dict__)
        self.of: Any = service
        self.backend = backend
        self.id = f"ecs-svc/{next(_addresses):019d}"
        place = made_of.task_set_arn.partition("/ecs-svc/")[0]
        self.task_set_arn = f"{place}/{self.id}"
        self.looks, self.addresses, self.broken_tasks = 0, dict[str, list[str]](), list[Any]()
        providers = {one["capacityProvider"] for one in self.capacity_provider_strategy}
        if not {"FARGATE", "FARGATE_SPOT"} & {*providers, self.launch_type}:
            self.platform_version = None

    @property
    def computed_desired_count(self) -> int:
        share: float = self.of.desired_count * self.scale["value"] / 100
        return round(share)

    @property
    def is_broken(self) -> bool:
        definition = self.backend.describe_task_definition(self.task_definition)
        return any(NEVER_STEADY in str(one["image"]) for one in definition.container_definitions)

    @property
    def running_count(self) -> int:
        runs = self.looks >= behaviour.looks and self.status != "DRAINING" and not self.is_broken
        return self.computed_desired_count if runs else 0

    @property
    def pending_count(self) -> int:
        return 0 if self.status == "DRAINING" else self.computed_desired_count - self.running_count

    @property
    def stability(self) -> str:
        settled = self.running_count == self.computed_desired_count and self.looks
        return "STEADY_STATE" if settled else "STABILIZING"

    def looked_at(self) -> None:
        """Let what a moment brings happen."""
        self.looks += 1
        self.stabilityStatus = self.stability
        if self.is_broken and self.status != "DRAINING":
            self.broken_tasks.append(self._stopped_task())
        if self.status == "DRAINING" and self.looks >= behaviour.looks:
            self.of.task_sets.remove(self)
        self.register(self.running_count)

    def register(self, wanted: int) -> None:
        backend = elbv2_backends[self.backend.account_id][self.region_name]
        for entry in self.load_balancers:
            group = backend.target_groups.get(str(entry.get("targetGroupArn")))
            mine = self.addresses.setdefault(entry.get("targetGroupArn", ""), [])
            while group and len(mine) < wanted:
                mine.append(f"10.1.{next(_addresses) % 65536 // 256}.{next(_addresses) % 256}")
                group.register([{"Id": mine[-1], "Port": entry["containerPort"]}])
            while group and len(mine) > wanted:
                group.deregister([{"Id": mine.pop()}])

    def begins_anew(self) -> None:
        self.looks, self.updatedAt, self.stabilityStatus = 0, utcnow(), "STABILIZING"

    def _stopped_task(self) -> dict[str, Any]:
        number = len(self.broken_tasks) + 1
        arn = self.task_set_arn.partition(":task-set/")[0] + f":task/{self.id}-{number}"
        return {
            "taskArn": arn,
            "startedBy": self.id,
            "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED",
            "stoppedAt": utcnow(),
            "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "web", "exitCode": 1, "reason": f"crash {number}"}],
        }


def _service(self: Ecs, cluster: str, service: str) -> Any:
    """Return a service, whose task sets are living ones."""
    found = self.services.get(f"{_name(cluster)}:{_name(service)}")
    if found is None:
        raise ServiceNotFoundException
    return found


def _name(name_or_arn: str) -> str:
    return name_or_arn.rpartition("/")[2]


def _managed(self: Ecs, cluster: str, service: str) -> Any:
    found = _service(self, cluster, service)
    if found.deployment_controller["type"] not in behaviour.controllers:
        raise InvalidParameterException(ONLY_EXTERNAL)
    return found


def _one(service: Any, name: str) -> LivingTaskSet:
    for one in service.task_sets:
        if name in (one.task_set_arn, one.id) and isinstance(one, LivingTaskSet):
            return one
    # Moto calls it a ClientException, which AWS's API reference does not.
    raise ECSException("TaskSetNotFoundException", "The specified task set wasn't found.")


def _refuse_nonsense(self: Ecs, request: dict[str, Any]) -> None:
    if request.get("launch_type") and request.get("capacity_provider_strategy"):
        raise InvalidParameterException(
            "Specifying both a launch type and capacity provider strategy is not supported."
        )
    if request.get("launch_type") == "EC2" and request.get("platform_version"):
        raise InvalidParameterException(
            "The platform version must be null when specifying an EC2 launch type."
        )
    if any(tag["key"].startswith("aws:") for tag in request.get("tags") or ()):
        raise InvalidParameterException("Tag keys may not begin with aws:.")
    groups = elbv2_backends[self.account_id][self.region_name].target_groups
    for entry in request.get("load_balancers") or ():
        arn = entry["targetGroupArn"]
        if arn not in groups or not groups[arn].load_balancer_arns:
            raise InvalidParameterException(
                f"The target group with targetGroupArn {arn} does not have an associated load"
                " balancer."
            )


def _refuse_strange_containers(self: Ecs, definition: str, request: dict[str, Any]) -> None:
    found = self.describe_task_definition(definition).container_definitions
    known = {one["name"] for one in found}
    for entry in request.get("load_balancers") or ():
        if entry["containerName"] not in known:
            raise InvalidParameterException(
                f"The container {entry['containerName']} does not exist in the task definition."
            )


_create, _describe_services = Ecs.create_task_set, EcsResponse.describe_services


def create_task_set(
    self: Ecs, service: str, cluster: str, task_definition: str, **request: Any
) -> LivingTaskSet:
    of = _managed(self, cluster, service)
    known: list[LivingTaskSet] = of.task_sets
    again = request.get("client_token")
    for one in known:
        if again and one.client_token == again:
            return one
    _refuse_nonsense(self, request)
    _refuse_strange_containers(self, task_definition, request)
    launch_type = request.pop("launch_type", None)
    scale = request.pop("scale", None)
    made = _create(self, service, cluster, task_definition, **request)
    made.scale = scale or {"value": 100.0, "unit": "PERCENT"}
    made.launch_type = launch_type
    living = LivingTaskSet(made, of, self)
    living.begins_anew()
    of.task_sets[-1] = living
    return living


def describe_task_sets(self: Ecs, cluster: str, service: str, task_sets: list[str]) -> list[Any]:
    of = _service(self, cluster, service)
    for one in list(of.task_sets):
        one.looked_at()
    return [
        one for one in of.task_sets if not task_sets or {one.task_set_arn, one.id} & {*task_sets}
    ]


def describe_services(self: EcsResponse) -> ActionResult:
    """Tell of the task sets too, but not of their tags."""
    answer = _describe_services(self)
    for one in (service := answer.result)["services"]:  # type: ignore[index]
        for task_set in list(one.task_sets):
            task_set.looked_at()
    told = [copy(one) for one in service["services"]]  # type: ignore[index]
    for one in told:
        one.task_sets = [copy(task_set) for task_set in one.task_sets]
        for task_set in one.task_sets:
            task_set.tags = None
    return ActionResult({"services": told, "failures": service["failures"]})  # type: ignore[index]


def delete_task_set(self: EcsResponse) -> ActionResult:
    of = _managed(self.ecs_backend, self._get_param("cluster"), self._get_param("service"))
    one = _one(of, self._get_param("taskSet"))
    if not self._get_param("force", False):
        if one.status == "PRIMARY":
            raise InvalidParameterException("Cannot delete a primary TaskSet without force.")
        if one.scale["value"]:
            raise InvalidParameterException("TaskSet has to be scaled to 0 before it is deleted.")
    if one.status != "DRAINING":
        one.status = "DRAINING"
        one.begins_anew()
        one.register(0)
    return ActionResult({"taskSet": one})


def update_task_set(
    self: Ecs, cluster: str, service: str, task_set: str, scale: dict[str, Any]
) -> LivingTaskSet:
    one = _one(_managed(self, cluster, service), task_set)
    one.scale = scale
    one.begins_anew()
    return one


def update_service_primary_task_set(
    self: Ecs, cluster: str, service: str, primary_task_set: str
) -> LivingTaskSet:
    of = _managed(self, cluster, service)
    wanted = _one(of, primary_task_set)
    for one in of.task_sets:
        if one.status == "PRIMARY":
            one.status = "ACTIVE"
    wanted.status = "PRIMARY"
    of.load_balancers, of.task_definition = wanted.load_balancers, wanted.task_definition
    return wanted


def _broken_tasks(self: Ecs) -> dict[str, Any]:
    sets = [one for service in self.services.values() for one in service.task_sets]
    return {task["taskArn"]: task for one in sets for task in one.broken_tasks}  # type: ignore[attr-defined]


def list_tasks(self: EcsResponse) -> ActionResult:
    status = self._get_param("desiredStatus", "RUNNING")
    arns = list(_broken_tasks(self.ecs_backend)) if status == "STOPPED" else []
    start, most = int(self._get_param("nextToken") or 0), self._get_param("maxResults") or 100
    more = {"nextToken": str(start + most)} if len(arns) > start + most else {}
    return ActionResult({"taskArns": arns[start : start + most], **more})


def describe_tasks(self: EcsResponse) -> ActionResult:
    known, wanted = _broken_tasks(self.ecs_backend), self._get_param("tasks", [])
    if len(wanted) > MOST_TASKS:
        raise InvalidParameterException(f"Tasks cannot be more than {MOST_TASKS}.")
    return ActionResult({"tasks": [known[arn] for arn in wanted]})


_action, _modify_listener = FakeAction.__init__, ELBv2Backend.modify_listener


def action(self: FakeAction, data: dict[str, Any]) -> None:
    """Keep an action as it is read back from AWS."""
    data = dict(data)
    config = data.get("ForwardConfig") or {}
    groups = config.get("TargetGroups", [])
    alone = [one["TargetGroupArn"] for one in groups] == [data.get("TargetGroupArn")]
    if groups and "TargetGroupArn" in data and not alone:
        raise ELBClientError(
            "ValidationError",
            "You cannot specify both a target group ARN and several target groups.",
        )
    if any(not 0 <= one.get("Weight", 1) <= 999 for one in groups):
        raise ELBClientError("ValidationError", "Weight must be between 0 and 999.")
    if data["Type"] == "forward":
        groups = groups or [{"TargetGroupArn": data["TargetGroupArn"], "Weight": 1}]
        data["ForwardConfig"] = config | {"TargetGroups": groups}
        data.pop("TargetGroupArn", None)
        if len(groups) == 1:
            data["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    if oidc := data.get("AuthenticateOidcConfig"):
        if "ClientSecret" not in oidc and not oidc.get("UseExistingClientSecret"):
            raise ELBClientError("InvalidLoadBalancerAction", "A client secret is needed.")
        hidden = ("ClientSecret", "UseExistingClientSecret")
        data["AuthenticateOidcConfig"] = {k: v for k, v in oidc.items() if k not in hidden}
    _action(self, data)


def modify_listener(self: ELBv2Backend, arn: str, *args: Any, **kwargs: Any) -> Any:
    actions = [FakeAction(one) for one in kwargs.get("actions") or args[-1]]
    self._validate_actions(actions)
    listener = self.describe_listeners(None, [arn])[0]
    several = any(
        len(one.data.get("ForwardConfig", {}).get("TargetGroups", ())) > 1 for one in actions
    )
    if several and listener.protocol not in ("HTTP", "HTTPS"):
        raise ELBClientError("InvalidLoadBalancerAction", "One target group only.")
    return _modify_listener(self, arn, *args, **kwargs)


def load_balancer_arns(self: FakeTargetGroup) -> list[str]:
    """Return by what this target group is used now, not what it was once made for."""
    backend = elbv2_backends[self.account_id][self.region_name]
    return [
        balancer.arn
        for balancer in backend.load_balancers.values()
        if any(
            self.arn in str(one.data)
            for listener in balancer.listeners.values()
            for rule in [*listener.rules.values(), listener]
            for one in getattr(rule, "actions", None) or listener.default_actions
        )
    ]


_PATCHES: list[tuple[type, str, Any]] = [
    (Ecs, "create_task_set", create_task_set),
    (Ecs, "describe_task_sets", describe_task_sets),
    (Ecs, "update_task_set", update_task_set),
    (Ecs, "update_service_primary_task_set", update_service_primary_task_set),
    (EcsResponse, "describe_services", describe_services),
    (EcsResponse, "delete_task_set", delete_task_set),
    (EcsResponse, "list_tasks", list_tasks),
    (EcsResponse, "describe_tasks", describe_tasks),
    (FakeAction, "__init__", action),
    (ELBv2Backend, "modify_listener", modify_listener),
]


@contextmanager
def like_aws(**changes: Any) -> Iterator[Behaviour]:
    """Have moto behave so in this process."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}))
        for where, name, wanted in _PATCHES:
            stack.enter_context(patch.object(where, name, wanted))
        attached = property(load_balancer_arns, lambda _self, _value: None)
        stack.enter_context(
            patch.object(FakeTargetGroup, "load_balancer_arns", attached, create=True)
        )
        stack.enter_context(patch.object(sys.modules[__name__], "behaviour", Behaviour(**changes)))
        yield behaviour
