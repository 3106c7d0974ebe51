"""Whatever is lost, repeated, late or killed: every deployment ends, and ends right."""

import os

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from simulation.invariants import Witness
from simulation.weather import Weather, choices, machine_of, run
from simulation.world import World
from tidegate.domain.configs import PREDEFINED_PREFIX
from tidegate.domain.deployment import AutoRollback, DeploymentOptions, RollbackEvent
from tidegate.domain.lifecycle import HOST_EVENTS

LONGEST_CALM = 1100
"""Seconds; a message that was lost again and again is sent again after 16 minutes."""
ROLLBACKS = (
    AutoRollback(),
    AutoRollback(enabled=True, events=(RollbackEvent.FAILURE, RollbackEvent.REQUEST)),
)
MOVES = ("_deliver", "_deliver_and_keep", "_sweep", "_resume", "_step", "_show_life", "_tick")
TROUBLES = (
    "_stop",
    "_lose_all_messages",
    "_lose_broker",
    "_let_time_pass",
    "_kill_worker",
    "_lose_heart",
    "_leave_worker",
    "_silence",
    "_restart_host",
)
happenings = st.sampled_from(3 * MOVES + TROUBLES)


class AnyWeather(Weather):
    """The engine on a real database, and a world in which everything that can go wrong does."""

    longest_calm = LONGEST_CALM

    @initialize(
        hosts=st.integers(1, 4),
        config=st.sampled_from(["OneAtATime", "HalfAtATime", "AllAtOnce"]),
        rollback=st.sampled_from(ROLLBACKS),
        first_weather=st.sampled_from([2, 3, 4, 20]),
    )
    def begin(self, hosts, config, rollback, first_weather):
        self.world = World(
            self.template,
            self.folder,
            hosts=hosts,
            config=PREDEFINED_PREFIX + config,
            auto_rollback=rollback,
        )
        self.witness = Witness(self.world)
        self.revisions = 0
        self.deploy(failures=set(), ignore=False, old=False)
        self.fair_weather(first_weather)

    @rule(
        failures=st.sets(st.tuples(st.integers(1, 4), st.sampled_from(HOST_EVENTS)), max_size=3),
        ignore=st.booleans(),
        old=st.booleans(),
    )
    def deploy(self, failures, ignore, old):
        self.revisions += not old or not self.revisions
        fails = [[f"web-{number}", event] for number, event in sorted(failures)]
        options = DeploymentOptions(ignore_application_stop_failures=ignore)
        appspec = {"hooks": {}, "fails": fails}
        self.world.deploy(f"revision-{self.revisions}", appspec, options=options)

    @rule(moves=st.lists(st.tuples(happenings, choices), min_size=15, max_size=60))
    def things_happen(self, moves):
        self.happen(moves)

    def _step(self, choice):
        host = self.world.hosts[self.world.names[choice % len(self.world.names)]]
        for _ in range(1 + choice % 3):
            host.step()

    def _stop(self, choice):
        rollback = (None, True, False)[choice % 3]
        self.world.stop(self.one_of_the_last(choice), rollback=rollback)

    def _silence(self, choice):
        host = self.world.hosts[self.world.names[choice % len(self.world.names)]]
        host.is_silent = not host.is_silent

    def _restart_host(self, choice):
        self.world.hosts[self.world.names[choice % len(self.world.names)]].restart()

    def clear_up(self):
        super().clear_up()
        for host in self.world.hosts.hosts.values():
            host.is_silent = False

    @rule(seconds=st.sampled_from([1, 2, 3, 15, 20]))
    def fair_weather(self, seconds):
        self.world.broker.is_down = False
        for _ in range(seconds):
            self.world.calm()


@pytest.fixture(scope="module")
def machine(databases, tmp_path_factory):
    with machine_of(AnyWeather, databases, tmp_path_factory) as machine:
        yield machine


def test_every_deployment_ends_right_whatever_happens(machine):
    run(machine, examples=8, steps=12)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_every_deployment_ends_right_whatever_happens_for_long(machine):
    """For a whole night, set TIDEGATE_SIMULATION_EXAMPLES to some thousands."""
    run(machine, examples=int(os.environ.get("TIDEGATE_SIMULATION_EXAMPLES", "120")), steps=25)
