"""Instances come and go, and AWS is busy, while messages are lost and workers die."""

import os

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from simulation.ec2_world import BUSY, InstanceWitness, InstanceWorld
from simulation.test_whatever_happens import LONGEST_CALM, ROLLBACKS, AnyWeather
from simulation.test_whatever_happens import MOVES as USUAL_MOVES
from simulation.weather import choices, machine_of, run
from tidegate.domain.configs import PREDEFINED_PREFIX
from tidegate.domain.instances import InstanceState
from tidegate.domain.lifecycle import HOST_EVENTS

MOVES = (*USUAL_MOVES, "_deliver", "_deliver", "_step", "_sweep")
TROUBLES = (
    "_stop",
    "_lose_all_messages",
    "_lose_broker",
    "_let_time_pass",
    "_let_time_pass",
    "_kill_worker",
    "_lose_heart",
    "_leave_worker",
    "_launch",
    "_launch",
    "_terminate",
    "_terminate",
    "_let_a_look_come",
    "_boot",
    "_trouble_aws",
)
happenings = st.sampled_from(2 * MOVES + TROUBLES)


class InstanceWeather(AnyWeather):
    """Any weather, over instances that an Auto Scaling group launches and terminates."""

    longest_calm = LONGEST_CALM
    world: InstanceWorld

    @initialize(
        hosts=st.integers(1, 4),
        config=st.sampled_from(["OneAtATime", "HalfAtATime", "AllAtOnce"]),
        rollback=st.sampled_from(ROLLBACKS),
        first_weather=st.sampled_from([0, 2, 4, 20]),
    )
    def begin(self, hosts, config, rollback, first_weather):
        self.world = InstanceWorld(
            self.template,
            self.folder,
            hosts=hosts,
            config=PREDEFINED_PREFIX + config,
            auto_rollback=rollback,
        )
        self.witness = InstanceWitness(self.world)
        self.revisions = 0
        self.deploy_to_instances(failures=set())
        self.fair_weather(first_weather)

    @rule(failures=st.sets(st.tuples(st.integers(0, 3), st.sampled_from(HOST_EVENTS)), max_size=2))
    def deploy_to_instances(self, failures):
        self.revisions += 1
        names = self.world.names
        fails = [[names[number % len(names)], event] for number, event in sorted(failures)]
        self.world.deploy(f"revision-{self.revisions}", {"hooks": {}, "fails": fails})

    @rule(moves=st.lists(st.tuples(happenings, choices), min_size=15, max_size=60))
    def things_happen(self, moves):
        self.happen(moves)

    def _launch(self, choice):
        states = (InstanceState.RUNNING, InstanceState.RUNNING, InstanceState.PENDING)
        if len(self.world.names) < 8:
            self.world.launch(states[choice % 3])

    def _boot(self, _choice):
        for name in self.world.names:
            if self.world.instances.instances[name].state is InstanceState.PENDING:
                self.world.instances.become(name, InstanceState.RUNNING)

    def _terminate(self, choice):
        if running := self.world.running_names():
            self.world.terminate(running[choice % len(running)])

    def _let_a_look_come(self, choice):
        self.world.clock.advance(15 + choice % 20)

    def _trouble_aws(self, choice):
        self.world.instances.failure = BUSY if choice % 2 else None

    def _let_all_end(self):
        super()._let_all_end()
        # One more in good weather, under which another instance is launched.
        self.world.launch()
        self.world.deploy("the-last", {"hooks": {}})
        for _ in range(2):
            self.world.calm()
        self.world.launch()
        super()._let_all_end()

    def clear_up(self):
        super().clear_up()
        self.world.instances.failure = None
        self.world.settle_gone()
        self._boot(0)


@pytest.fixture(scope="module")
def machine(databases, tmp_path_factory):
    with machine_of(InstanceWeather, databases, tmp_path_factory) as machine:
        yield machine


def test_every_deployment_ends_right_whoever_comes_and_goes(machine):
    run(machine, examples=4, steps=10)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_every_deployment_ends_right_whoever_comes_and_goes_for_long(machine):
    """For a whole night, set TIDEGATE_SIMULATION_EXAMPLES to some thousands."""
    run(machine, examples=int(os.environ.get("TIDEGATE_SIMULATION_EXAMPLES", "120")), steps=25)
