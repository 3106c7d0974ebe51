"""How a service stands in the middle of a deployment, and what that means. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import DRAINING, PRIMARY, Found, Made, Side, TaskSet
from tidegate.drivers.traffic.aws_failures import Refused
from tidegate.drivers.traffic.elb import Junction
from tidegate.drivers.traffic.forwards import Actions, named, share_of_green
from tidegate.drivers.traffic.service_before import Before, Route
from tidegate.drivers.traffic.task_sets import TaskSetSeen

TASK_SET: Final = "task set"
"""The kind of what is created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a junction is to do."""

    junction: Junction
    actions: Actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    before: Before
    service: Mapping[str, Any]
    """As ECS describes it."""
    junctions: Sequence[Junction]

    @property
    def task_sets(self) -> Sequence[TaskSetSeen]:
        found: Sequence[TaskSetSeen] = self.service.get("taskSets", ())
        return found

    @property
    def blue(self) -> TaskSetSeen | None:
        return next(
            (one for one in self.task_sets if one["taskSetArn"] == self.before.primary), None
        )

    @property
    def greens(self) -> list[TaskSetSeen]:
        """Return what this deployment has created: one, or none; what is going comes last."""
        mine = self.before.external_id
        found = [one for one in self.task_sets if one.get("externalId") == mine]
        return sorted(found, key=lambda one: bool(one["status"] == DRAINING))

    @property
    def green(self) -> TaskSetSeen | None:
        return next(iter(self.greens), None)

    @property
    def primary(self) -> TaskSetSeen | None:
        return next((one for one in self.task_sets if one["status"] == PRIMARY), None)

    @property
    def made(self) -> tuple[Made, ...]:
        return tuple(Made(kind=TASK_SET, name=one["taskSetArn"]) for one in self.greens)

    def unlisted(self, made: Iterable[Made]) -> list[str]:
        """Return the ARNs of task sets that were *made* and that ECS does not list.

        They are gone, or so fresh that it does not list them yet.
        """
        listed = {one["taskSetArn"] for one in self.task_sets}
        return [one.name for one in made if one.kind == TASK_SET and one.name not in listed]

    def whole_blue(self) -> TaskSetSeen:
        """Return the task set that had the traffic.

        Raises:
            Refused: It is gone, or about to go.
        """
        blue = self.blue
        if blue is None or blue["status"] == DRAINING:
            raise Refused(
                ErrorCode.ECS_UPDATE_ERROR,
                f"The original task set {self.before.primary} is gone, so there is no way back;"
                f" {self._without_blue()}",
            )
        return blue

    def _without_blue(self) -> str:
        """Return what can be done then: nothing is deployed to a service without a primary one."""
        if self.primary is not None:
            return "deploy what is wanted anew"
        green = self.green
        if green is None or green["status"] == DRAINING:
            return "create a task set and make it the primary one"
        to = " and ".join(route.green_name for route in self.before.routes)
        return f"have its listeners forward to {to}, and make {green['taskSetArn']} the primary one"

    def whole_green(self) -> TaskSetSeen:
        """Return the task set that is to have the traffic.

        Raises:
            Refused: There is none, or it is about to go.
        """
        green = self.green
        if green is None or green["status"] == DRAINING:
            raise Refused(
                ErrorCode.ECS_UPDATE_ERROR,
                f"The new task set of the deployment {self.before.external_id} has been removed by"
                " somebody else; deploy again",
            )
        return green

    def shares(self) -> Iterator[tuple[Junction, float]]:
        """Yield what green has of each junction that traffic of production comes through."""
        for route in self.before.routes:
            yield from self._shares(route, route.prod)

    def _shares(self, route: Route, listeners: Sequence[str]) -> Iterator[tuple[Junction, float]]:
        for junction in self.junctions:
            share = share_of_green(junction.actions, route.groups)
            if junction.listener in listeners and share is not None:
                yield junction, share

    def ahead_of(self, weight: int) -> Iterator[tuple[Junction, float]]:
        """Yield where green has more already than with *weight* percent, which may be rounded."""
        for route in self.before.routes:
            for junction, share in self._shares(route, route.prod):
                wanted = self.before.moved(self.before.source(junction), weight)
                if share > max(weight, share_of_green(wanted, route.groups) or 0):
                    yield junction, share

    def changes(self, weight: int, *, test: bool = False) -> list[Change]:
        """Return what is to be written so that green has *weight* percent.

        Raises:
            Refused: A listener forwards to none of its pair any more, or what forwarded to it when
                all began does not.
        """
        for route in self.before.routes:
            self._see_that_none_was_led_elsewhere(route, route.test if test else route.prod)
            for listener in route.test if test else route.prod:
                shares = list(self._shares(route, [listener]))
                if not shares:
                    raise Refused(
                        ErrorCode.ECS_UPDATE_ERROR,
                        f"The listener {listener} no longer forwards to {route.blue_name} or"
                        f" {route.green_name}; somebody else has changed it",
                    )
                if 0 < weight < 100 and not all(one.weighted for one, _ in shares):
                    raise Refused(
                        ErrorCode.ECS_UPDATE_ERROR,
                        f"The listener {listener} is none of an Application Load Balancer, so its"
                        f" traffic cannot be split at {weight} %; move all of it at once",
                    )
        concerned = {arn for one in self.before.routes for arn in (one.test if test else one.prod)}
        return [
            Change(junction=one, actions=self.before.moved(self.before.source(one), weight))
            for one in self.junctions
            if one.listener in concerned
        ]

    def _see_that_none_was_led_elsewhere(self, route: Route, listeners: Sequence[str]) -> None:
        now = {one.key: one.actions for one in self.junctions}
        for was in self.before.junctions:
            # One that is gone has no traffic that could go astray.
            actions = now.get(was.key)
            if was.listener not in listeners or actions is None:
                continue
            had, has = (share_of_green(one, route.groups) for one in (was.actions, actions))
            if had is not None and has is None:
                raise Refused(
                    ErrorCode.ECS_UPDATE_ERROR,
                    f"Somebody else changed the {was.name}: found is {named(actions)}, and wanted"
                    f" was forward to {route.blue_name} and {route.green_name}; it was left alone."
                    " Set it right, and deploy again",
                )

    def found(self, at: datetime) -> Found:
        weight = min((share for _, share in self.shares()), default=0.0)
        blue = [self.blue] if self.blue else []
        return Found(
            weight=weight,
            at=at,
            task_sets=(
                *self._told(blue, Side.BLUE, 100 - weight),
                *self._told(self.greens, Side.GREEN, weight),
            ),
        )

    def _told(self, seen: Iterable[TaskSetSeen], side: Side, weight: float) -> Iterator[TaskSet]:
        route = self.before.routes[0]
        for one in seen:
            yield TaskSet(
                id=one["id"],
                side=side,
                status=one["status"],
                desired=one.get("computedDesiredCount", 0),
                pending=one.get("pendingCount", 0),
                running=one.get("runningCount", 0),
                weight=weight,
                target_group=route.blue_name if side is Side.BLUE else route.green_name,
                arn=one["taskSetArn"],
            )
