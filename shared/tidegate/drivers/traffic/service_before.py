"""How a service and its listeners stood before a deployment touched them, as it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.domain.traffic import Json
from tidegate.drivers.traffic.elb import Junction
from tidegate.drivers.traffic.forwards import Actions, Groups, says_the_same, split


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A pair of target groups, and the listeners before it."""

    groups: Groups
    blue_name: str
    green_name: str
    prod: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    external_id: str
    """By which the task set of this deployment is found."""
    primary: str
    """The ARN of the task set that had the traffic."""
    controller: str
    desired_count: int
    routes: tuple[Route, ...]
    junctions: tuple[Junction, ...]
    """The default of each listener, and the rules that forward to any of the pairs."""

    @property
    def listeners(self) -> tuple[str, ...]:
        """Return all of them, each once."""
        return tuple(dict.fromkeys(arn for one in self.routes for arn in one.prod + one.test))

    def routes_at(self, listener: str) -> tuple[Route, ...]:
        return tuple(one for one in self.routes if listener in one.prod + one.test)

    def was(self, junction: Junction) -> Junction | None:
        """Return how this one stood; None for one that was not there, or not of the pairs."""
        return next((one for one in self.junctions if one.key == junction.key), None)

    def moved(self, junction: Junction, weight: int) -> Actions:
        """Return what a junction does with *weight* percent for green."""
        actions = junction.actions
        for route in self.routes_at(junction.listener):
            actions = split(actions, route.groups, weight, weighted=junction.weighted)
        return actions

    def is_touched(self, junction: Junction) -> bool:
        """Return whether somebody else changed this one meanwhile.

        Everything that this deployment may have made of it is known.
        """
        was = self.was(junction)
        if was is None:
            return True
        ours = (self.moved(was, weight) for weight in range(101))
        return not (
            says_the_same(was.actions, junction.actions)
            or any(says_the_same(one, junction.actions) for one in ours)
        )

    def source(self, junction: Junction) -> Junction:
        """Return what a move starts from: how it stood before, unless somebody has changed it.

        Shares that do not fit into whole weights are rounded once only that way.
        """
        was = self.was(junction)
        return junction if was is None or self.is_touched(junction) else was

    def written(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {
            "external_id": self.external_id,
            "primary": self.primary,
            "controller": self.controller,
            "desired_count": self.desired_count,
            "routes": [
                {
                    "blue": one.groups.blue,
                    "green": one.groups.green,
                    "blue_name": one.blue_name,
                    "green_name": one.green_name,
                    "prod": list(one.prod),
                    "test": list(one.test),
                }
                for one in self.routes
            ],
            "junctions": [
                {
                    "listener": one.listener,
                    "rule": one.rule,
                    "weighted": one.weighted,
                    "actions": list(one.actions),
                }
                for one in self.junctions
            ],
        }


def read_before(written: Mapping[str, Any]) -> Before:
    """Return what was written as JSON."""
    return Before(
        external_id=written["external_id"],
        primary=written["primary"],
        controller=written["controller"],
        desired_count=written["desired_count"],
        routes=tuple(
            Route(
                groups=Groups(one["blue"], one["green"]),
                blue_name=one["blue_name"],
                green_name=one["green_name"],
                prod=tuple(one["prod"]),
                test=tuple(one["test"]),
            )
            for one in written["routes"]
        ),
        junctions=tuple(Junction(**one) for one in written["junctions"]),
    )
