"""Whether the traffic of a service can be moved, and how all stands before that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import DRAINING, PRIMARY, Errand
from tidegate.drivers.traffic.aws_failures import Refused
from tidegate.drivers.traffic.elb import Junction, LoadBalancing
from tidegate.drivers.traffic.forwards import Groups, share_of_green, target_groups_in
from tidegate.drivers.traffic.service_before import Before, Route
from tidegate.drivers.traffic.standing import Standing
from tidegate.drivers.traffic.task_sets import TaskSets, TaskSetSeen, move_of

_CONTROLLERS: Final = ("EXTERNAL", "CODE_DEPLOY")


def first_look(errand: Errand, ecs: TaskSets, elb: LoadBalancing) -> Standing:
    """Return how all stands.

    Raises:
        CallFailed: A call did not go well.
        Refused: The traffic cannot be moved.
    """
    service = _movable(ecs.service(errand), errand)
    primary = _the_primary(service.get("taskSets", ()), errand)
    routes = tuple(_routes(errand, primary, elb))
    _see_that_all_is_routed(primary, routes)
    _see_that_no_listener_is_both(routes)
    before = Before(
        external_id=errand.deployment_id,
        primary=primary["taskSetArn"],
        controller=service["deploymentController"]["type"],
        desired_count=service.get("desiredCount", 0),
        routes=routes,
        junctions=(),
    )
    junctions = elb.junctions(errand, before.listeners)
    for route in routes:
        _see_that_it_is_in_front(route, junctions)
    kept = tuple(one for one in junctions if not one.rule or _concerns(one, before))
    return Standing(
        before=replace(before, junctions=kept),
        service=service,
        junctions=junctions,
    )


def _movable(service: Mapping[str, Any], errand: Errand) -> Mapping[str, Any]:
    name = move_of(errand).identity
    if service["status"] != "ACTIVE":
        raise Refused(
            ErrorCode.INVALID_ECS_SERVICE,
            f"The service {name} is {service['status']}; it has to be ACTIVE",
        )
    controller = service.get("deploymentController", {}).get("type", "ECS")
    if controller not in _CONTROLLERS:
        raise Refused(
            ErrorCode.INVALID_ECS_SERVICE,
            f"The service {name} has the deployment controller {controller}; recreate it with"
            " EXTERNAL",
        )
    return service


def _the_primary(task_sets: Sequence[TaskSetSeen], errand: Errand) -> TaskSetSeen:
    name = move_of(errand).identity
    primary = [one for one in task_sets if one["status"] == PRIMARY]
    if not primary:
        raise Refused(
            ErrorCode.INVALID_ECS_SERVICE,
            f"The service {name} has no primary task set; create one and make it the primary one",
        )
    for one in task_sets:
        if one["status"] not in (PRIMARY, DRAINING):
            of = one.get("externalId")
            raise Refused(
                ErrorCode.INVALID_ECS_SERVICE,
                f"The service {name} has the task set {one['taskSetArn']} beside its primary one"
                f"{f', left over from {of}' if of else ''}; make it the primary one or delete it",
            )
    return primary[0]


def _routes(errand: Errand, primary: TaskSetSeen, elb: LoadBalancing) -> Iterator[Route]:
    serving = {one.get("targetGroupArn") for one in primary.get("loadBalancers", ())}
    for pair in move_of(errand).pairs:
        if len(pair.target_groups) != 2 or not pair.prod_listeners:
            raise Refused(
                ErrorCode.ELASTIC_LOAD_BALANCING_INVALID,
                f"The pair {_named(pair)} has to have two target groups and a production listener;"
                " correct the deployment group",
            )
        both = [elb.target_group(errand, name) for name in pair.target_groups]
        blue = [one for one in both if one.arn in serving]
        green = [one for one in both if one.arn not in serving]
        if len(blue) != 1 or len(green) != 1:
            raise Refused(
                ErrorCode.ECS_UPDATE_ERROR,
                f"The primary task set {primary['taskSetArn']} has to be in one of the target"
                f" groups {_named(pair)}, and in one only; correct the deployment group",
            )
        yield Route(
            groups=Groups(blue[0].arn, green[0].arn),
            blue_name=blue[0].name,
            green_name=green[0].name,
            prod=pair.prod_listeners,
            test=pair.test_listeners or (),
        )


def _named(pair: TargetGroupPair) -> str:
    return " and ".join(pair.target_groups)


def _see_that_all_is_routed(primary: TaskSetSeen, routes: Sequence[Route]) -> None:
    """See that no load balancer would send traffic to green as soon as it stands there."""
    moved = {one.groups.blue for one in routes}
    for entry in primary.get("loadBalancers", ()):
        if entry.get("targetGroupArn") not in moved:
            where = entry.get("targetGroupArn") or entry.get("loadBalancerName")
            raise Refused(
                ErrorCode.ECS_UPDATE_ERROR,
                f"The primary task set is also behind {where}, which is in no pair of target"
                " groups; add the pair to the deployment group",
            )


def _see_that_no_listener_is_both(routes: Sequence[Route]) -> None:
    prod = {arn for one in routes for arn in one.prod}
    for route in routes:
        for arn in route.test:
            if arn in prod:
                raise Refused(
                    ErrorCode.ELASTIC_LOAD_BALANCING_INVALID,
                    f"The listener {arn} cannot take traffic of production and of tests; correct"
                    " the deployment group",
                )


def _see_that_it_is_in_front(route: Route, junctions: Sequence[Junction]) -> None:
    for listener in route.prod + route.test:
        here = [one for one in junctions if one.listener == listener]
        shares = [(one, share_of_green(one.actions, route.groups)) for one in here]
        if all(share is None for _, share in shares):
            wanted = route.blue_name if listener in route.prod else "either of the pair"
            raise Refused(
                ErrorCode.ECS_UPDATE_ERROR,
                f"Primary taskset target group must be behind listener: {listener} forwards to"
                f" neither {route.blue_name} nor {route.green_name}; have it forward to {wanted}",
            )
        for one, share in shares if listener in route.prod else ():
            if share:
                raise Refused(
                    ErrorCode.ECS_UPDATE_ERROR,
                    f"Primary taskset target group must be behind listener: the {one.name} gives"
                    f" {share:g} % to {route.green_name}, which the primary task set is not in;"
                    f" have it forward to {route.blue_name}",
                )


def _concerns(junction: Junction, before: Before) -> bool:
    pairs = [route.groups.both for route in before.routes_at(junction.listener)]
    return any(target_groups_in(junction.actions) & both for both in pairs)
