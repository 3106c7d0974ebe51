"""A world whose hosts are EC2 instances: they are launched and terminated while all goes on."""

from typing import Any

from simulation.fibers import pause
from simulation.invariants import Witness
from simulation.world import World
from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.instances import InstanceState
from tidegate.drivers.hosts import Failed
from tidegate.drivers.instances import NotFound
from tidegate.testing.builders import Shop
from tidegate.testing.fake_instances import FakeInstances

BUSY = NotFound(ErrorCode.THROTTLED, "EC2 answered Throttling.", may_pass=True)
GROUP = "asg-1"
OUTCOMES_OF_AWS = {"THROTTLED", "NO_INSTANCES", "HEALTH_CONSTRAINTS"}


class InstanceWorld(World):
    """One Auto Scaling group, and what AWS tells of it."""

    def __init__(self, *places: Any, hosts: int, **group: Any):
        self.first = hosts
        self.launched_at: dict[str, Any] = {}
        super().__init__(*places, hosts=0, **group)

    def new_shop(self, **group) -> Shop:
        self.instances = FakeInstances(groups={GROUP}, before=pause)
        for _ in range(self.first):
            self.launch()
        return Shop.with_hosts(self.store, (), aws=AwsGroup(auto_scaling_groups=(GROUP,)), **group)

    def drivers(self) -> dict[str, Any]:
        return {"instances": self.instances}

    def launch(self, state: InstanceState = InstanceState.RUNNING) -> None:
        name = self.instances.launch(GROUP, state=state)
        self.names.append(name)
        self.launched_at[name] = self.clock.now()

    def terminate(self, name: str) -> None:
        """End an instance with all that runs on it."""
        self.instances.terminate(name)
        self.hosts[name].restart()
        self.hosts[name].is_silent = True

    def settle_gone(self) -> None:
        """Have it known of those that are gone that nobody will hear of them again."""
        for name in filter(self.is_gone, self.names):
            self.hosts[name].is_silent = False
            self.hosts[name].refusal = Failed("lost", "The machine is gone.")

    def is_gone(self, name: str) -> bool:
        return self.instances.instances[name].state is InstanceState.TERMINATED

    def running_names(self) -> list[str]:
        return [
            name
            for name in self.names
            if self.instances.instances[name].state is InstanceState.RUNNING
        ]


class InstanceWitness(Witness):
    """Knows what has to hold where instances come and go."""

    world: InstanceWorld

    def check_out_there(self, deployments, targets) -> None:
        # Whoever is gone was taken down by nobody here.
        alive = [
            (id_, name, "Succeeded" if self.world.is_gone(name) else status, dispatched)
            for id_, name, status, dispatched in targets
        ]
        super().check_out_there(deployments, alive)
        self.follow_ups_are_single_and_apart()

    def follow_ups_are_single_and_apart(self) -> None:
        related = self.world.rows("SELECT deployment_id, root_id, follow_up_id FROM searches")
        roots = [root for _, root, _ in related if root is not None]
        assert len(roots) == len(set(roots)), "one is followed twice"
        pairs = {(root, id_) for id_, root, _ in related if root is not None}
        assert pairs == {(id_, by) for id_, _, by in related if by is not None}
        for root, follow_up in pairs:
            assert not self._targets(root) & self._targets(follow_up)
            assert root not in {by for _, by in pairs}, "one follows a follow-up"

    def everything_is_over(self) -> bool:
        ((open_searches,),) = self.world.rows(
            "SELECT count(*) FROM searches WHERE due_at IS NOT NULL AND stage != 'asked'"
        )
        return not open_searches and super().everything_is_over()

    def _deployment_is_right(self, id_: str) -> None:
        ((status, minimum, creator, code),) = self.world.rows(
            "SELECT status, minimum_healthy, creator, error_code "
            f"FROM deployments WHERE id = '{id_}'"
        )
        targets = dict(
            self.world.rows(f"SELECT target_id, status FROM targets WHERE deployment_id = '{id_}'")
        )
        for target, outcome in targets.items():
            self._target_is_right(id_, target, outcome, is_cut_short=status != "Succeeded")
        skipped = {name for name, outcome in targets.items() if outcome == "Skipped"}
        bad = sum(outcome in {"Failed", "Skipped"} for outcome in targets.values())
        if status == "Succeeded":
            assert all(self.world.is_gone(name) for name in skipped), f"{id_} left somebody out"
            assert len(targets) - bad >= max(minimum, 1)
            if creator != "CodeDeployAutoUpdate":
                self._nobody_was_forgotten(id_)
        elif status == "Failed":
            assert code in OUTCOMES_OF_AWS
            assert bad or not targets

    def _nobody_was_forgotten(self, id_: str) -> None:
        """Whoever was launched meanwhile, and runs, was deployed to after all."""
        ((completed, created),) = self.world.rows(
            f"SELECT completed_at, created_at FROM deployments WHERE id = '{id_}'"
        )
        later = self.world.rows(
            "SELECT id FROM deployments WHERE creator != 'CodeDeployAutoUpdate' "
            f"AND created_at >= '{created}' AND id != '{id_}'"
        )
        if later:
            return
        ((follow_up,),) = self.world.rows(
            f"SELECT follow_up_id FROM searches WHERE deployment_id = '{id_}'"
        )
        had = self._targets(id_) | (self._targets(follow_up) if follow_up else set())
        left_out = {
            name
            for name in self.world.running_names()
            if str(self.world.launched_at[name].replace(tzinfo=None)) < completed
        } - had
        assert not left_out, f"{id_} forgot {left_out}"

    def _targets(self, id_: str) -> set[str]:
        rows = self.world.rows(f"SELECT target_id FROM targets WHERE deployment_id = '{id_}'")
        return {name for (name,) in rows}
