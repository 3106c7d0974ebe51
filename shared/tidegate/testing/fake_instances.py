"""An account of EC2 instances in memory, which launches and terminates as a test says."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from itertools import count

from tidegate.domain.arn import instance_arn_of_ec2
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.instances import LEAVING, Instance, InstanceState, Place, Search
from tidegate.domain.region import DEFAULT_REGION
from tidegate.drivers.instances import NotFound
from tidegate.planning.instances import meant


def _nothing() -> None:
    """Do nothing."""


@dataclass
class FakeInstances:
    """The instances of one region."""

    instances: dict[str, Instance] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    """Auto Scaling groups that there are; one of an instance is one as well."""
    failure: NotFound | None = None
    """What is answered instead, while it is set."""
    calls: list[object] = field(default_factory=list)
    before: Callable[[], None] = _nothing
    """Called before each answer: others may come between."""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def launch(
        self,
        group: str = "",
        *,
        state: InstanceState = InstanceState.RUNNING,
        **tags: str,
    ) -> str:
        """Launch an instance, in an Auto Scaling group where one is named; return its id."""
        number = next(self._numbers)
        id_ = f"i-{number:017x}"
        self.instances[id_] = Instance(
            id=id_,
            arn=instance_arn_of_ec2(DEFAULT_REGION, "123456789012", id_),
            state=state,
            tags=tags,
            auto_scaling_group=group,
            private_address=f"10.0.0.{number}",
        )
        return id_

    def become(self, id_: str, state: InstanceState) -> None:
        """Move an instance to another state."""
        self.instances[id_] = replace(self.instances[id_], state=state)

    def terminate(self, id_: str) -> None:
        """Terminate an instance, which EC2 tells of for a while."""
        self.become(id_, InstanceState.TERMINATED)

    def find(self, search: Search) -> tuple[Instance, ...] | NotFound:
        self.before()
        self.calls.append(search)
        if self.failure is not None:
            return self.failure
        alive = [one for one in self.instances.values() if one.state not in LEAVING]
        there = self.groups | {one.auto_scaling_group for one in self.instances.values()}
        for name in search.auto_scaling_groups:
            if name not in there:
                sentence = f"There is no Auto Scaling group {name!r}."
                return NotFound(ErrorCode.AUTO_SCALING_CONFIGURATION, sentence)
        groups = search.auto_scaling_groups
        members = {one.id for one in alive if one.auto_scaling_group in groups}
        return meant(search, alive, members)

    def look(self, place: Place, ids: Collection[str]) -> tuple[Instance, ...] | NotFound:
        self.before()
        self.calls.append((place, frozenset(ids)))
        if self.failure is not None:
            return self.failure
        return tuple(self.instances[id_] for id_ in sorted(ids) if id_ in self.instances)
