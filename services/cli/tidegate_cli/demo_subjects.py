"""What the demo moves traffic of: a function's alias, and a service behind a load balancer."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from tidegate.testing.aws.place import Place
from tidegate.testing.aws.samples import SampleFunction, SampleService
from tidegate_cli.client import Document

Side = tuple[str, float]
"""What a side is called, and how much of the traffic it has, in percent."""

REVISIONS: Final = 3
"""The first one has all traffic at the start; of the others, the last one is taken back."""


class Subject(Protocol):
    """Something with revisions 1, 2 and 3, one of which has the traffic."""

    platform: str
    application: str
    config: str
    """Name of the deployment config."""
    routing: Mapping[str, object]
    moves: str
    """How the traffic moves by that config, in words."""
    lit_at: float
    """The share, in percent, with which a bad revision shows itself."""

    def make(self, place: Place) -> None:
        """Make it on the stand-in."""

    def group(self) -> Document:
        """Return what its deployment group is more than others."""

    def appspec(self, revision: int, *, old: int, hook: str) -> Document:
        """Return the AppSpec that brings a revision where another one has the traffic."""

    def label(self, revision: int) -> str:
        """Return what a revision is called."""

    def sides(self, old: int, new: int) -> Sequence[Side]:
        """Return how much of the traffic each of two revisions has, seen past Tidegate."""

    def stands_at(self, revision: int) -> bool:
        """Tell whether a revision has all of the traffic, and nothing of another one is left."""

    def seen(self) -> str:
        """Return in a line how it stands."""

    def claim(self, revision: int) -> str:
        """Return what is so when it stands at a revision."""


class CheckoutFunction:
    """A function whose alias moves as a canary."""

    platform = "Lambda"
    application = "checkout"
    config = "Canary20Percent20s"
    routing: Mapping[str, object] = MappingProxyType(
        {"type": "TimeBasedCanary", "percentage": 20, "interval_minutes": 20}
    )
    moves = "20 % at once, and the rest 20 s later"
    lit_at = 20.0

    def make(self, place: Place) -> None:
        self._function = SampleFunction.make(
            place, self.application, alias="live", versions=REVISIONS
        )

    def group(self) -> Document:
        return {}

    def appspec(self, revision: int, *, old: int, hook: str) -> Document:
        properties = {
            "Name": self._function.name,
            "Alias": self._function.alias,
            "CurrentVersion": str(old),
            "TargetVersion": str(revision),
        }
        return {
            "version": 0.0,
            "Resources": [
                {self.application: {"Type": "AWS::Lambda::Function", "Properties": properties}}
            ],
            "Hooks": [{"BeforeAllowTraffic": hook}],
        }

    def label(self, revision: int) -> str:
        return f"version {revision}"

    def sides(self, old: int, new: int) -> Sequence[Side]:
        shares = self._function.shares()
        return [(self.label(one), shares.get(str(one), 0)) for one in (old, new)]

    def stands_at(self, revision: int) -> bool:
        return self._function.shares() == {str(revision): 100}

    def seen(self) -> str:
        shares = self._function.shares().items()
        told = ", ".join(f"version {name} {share:g} %" for name, share in shares)
        return f"alias {self._function.alias} of {self.application}  →  {told or 'unknown'}"

    def claim(self, revision: int) -> str:
        return f"the alias leads to {self.label(revision)}"


class ShopService:
    """A service whose listener moves linearly."""

    platform = "ECS"
    application = "shop"
    config = "Linear20Percent5s"
    routing: Mapping[str, object] = MappingProxyType(
        {"type": "TimeBasedLinear", "percentage": 20, "interval_minutes": 5}
    )
    moves = "20 % more every 5 s"
    lit_at = 40.0
    kept_for: Final = 5
    """Minutes of the demo for which the original is kept."""

    def make(self, place: Place) -> None:
        self._service = SampleService.make(place, self.application, revisions=REVISIONS)

    def group(self) -> Document:
        service = self._service
        pair = {
            "target_groups": list(service.target_groups),
            "prod_listeners": [service.prod_listener],
            "test_listeners": [service.test_listener],
        }
        return {
            "ecs_service": {"cluster": service.cluster, "service": service.name},
            "target_group_pairs": [pair],
            "termination_wait": {"action": "TERMINATE", "wait_minutes": self.kept_for},
        }

    def appspec(self, revision: int, *, old: int, hook: str) -> Document:
        del old
        service = self._service
        properties = {
            "TaskDefinition": service.definitions[revision - 1],
            "LoadBalancerInfo": {
                "ContainerName": service.container,
                "ContainerPort": service.container_port,
            },
        }
        return {
            "version": 0.0,
            "Resources": [
                {self.application: {"Type": "AWS::ECS::Service", "Properties": properties}}
            ],
            "Hooks": [{"AfterAllowTestTraffic": hook}],
        }

    def label(self, revision: int) -> str:
        return f"{self.application}:{revision}"

    def sides(self, old: int, new: int) -> Sequence[Side]:
        shares = self._service.shares()
        return [(self.label(one), shares.get(self._target_group(one), 0)) for one in (old, new)]

    def stands_at(self, revision: int) -> bool:
        all_of_it = {self._target_group(revision): 100}
        listeners = (self._service.shares(), self._service.shares(test=True))
        at_listeners = [{name: one for name, one in each.items() if one} for each in listeners]
        sets = {self.label(revision): "PRIMARY"}
        return at_listeners == [all_of_it, all_of_it] and self._running() == sets

    def seen(self) -> str:
        shares = self._service.shares().items()
        told = ", ".join(f"{name} {share:g} %" for name, share in shares)
        sets = ", ".join(f"{name} {status}" for name, status in self._running().items())
        return f"listener of {self.application}  →  {told or 'unknown'}; task sets: {sets}"

    def claim(self, revision: int) -> str:
        return f"the service runs {self.label(revision)}"

    def _target_group(self, revision: int) -> str:
        """Return in which target group a revision is: each brings the other one."""
        return self._service.target_groups[(revision - 1) % 2]

    def _running(self) -> dict[str, str]:
        sets = self._service.running().items()
        return {name: status for name, status in sets if status != "DRAINING"}
