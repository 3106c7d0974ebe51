"""Whatever is lost, repeated, late or killed: every deployment ends, and ends right."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from simulation.invariants import Witness
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
choices = st.integers(0, 1000)
happenings = st.sampled_from(3 * MOVES + TROUBLES)


class AnyWeather(RuleBasedStateMachine):
    """The engine on a real database, and a world in which everything that can go wrong does."""

    template: Path
    folder: Path

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
        for name, choice in moves:
            getattr(self, name)(choice)
            self.witness.check()

    def _deliver(self, choice):
        if self.world.broker.queue:
            self.world.deliver(choice, choice // 2)

    def _deliver_and_keep(self, choice):
        if self.world.broker.queue:
            self.world.deliver(choice, choice // 2, keep=True)

    def _sweep(self, choice):
        self.world.sweep(choice)

    def _resume(self, choice):
        for _ in range(1 + choice % 4):
            running = self.world.running()
            if running:
                running[choice % len(running)].resume()

    def _step(self, choice):
        host = self.world.hosts[self.world.names[choice % len(self.world.names)]]
        for _ in range(1 + choice % 3):
            host.step()

    def _show_life(self, choice):
        self.world.workers[choice % len(self.world.workers)].show_life()

    def _tick(self, choice):
        self.world.clock.advance(0.5 + choice % 3)

    def _stop(self, choice):
        deployments = self.world.rows("SELECT id FROM deployments ORDER BY created_at DESC LIMIT 2")
        rollback = (None, True, False)[choice % 3]
        self.world.stop(deployments[choice // 500 % len(deployments)][0], rollback=rollback)

    def _lose_all_messages(self, _choice):
        self.world.broker.queue.clear()

    def _lose_broker(self, _choice):
        self.world.broker.is_down = True

    def _let_time_pass(self, choice):
        self.world.clock.advance(5 + choice % 40)

    def _kill_worker(self, choice):
        self.world.kill_worker(choice)

    def _lose_heart(self, choice):
        worker = self.world.workers[choice % len(self.world.workers)]
        self.world.heartless ^= {worker.name}

    def _leave_worker(self, choice):
        self.world.leave_worker(choice)

    def _silence(self, choice):
        host = self.world.hosts[self.world.names[choice % len(self.world.names)]]
        host.is_silent = not host.is_silent

    def _restart_host(self, choice):
        self.world.hosts[self.world.names[choice % len(self.world.names)]].restart()

    @rule(seconds=st.sampled_from([1, 2, 3, 15, 20]))
    def fair_weather(self, seconds):
        self.world.broker.is_down = False
        for _ in range(seconds):
            self.world.calm()

    @invariant()
    def everything_is_sound(self):
        self.witness.check()

    def teardown(self):
        if not hasattr(self, "witness"):
            return
        try:
            self._let_all_end()
        finally:
            self.world.close()

    def _let_all_end(self):
        self.world.broker.is_down = False
        self.world.heartless.clear()
        for host in self.world.hosts.hosts.values():
            host.is_silent = False
        for _ in range(LONGEST_CALM):
            if self.witness.everything_is_over() and not self.world.running():
                break
            self.world.calm()
            self.witness.check()
        else:
            raise AssertionError("something never ended")
        self.witness.check_end()


@pytest.fixture(scope="module")
def machine(databases, tmp_path_factory):
    """The state machine with a migrated database to copy."""
    folder = tmp_path_factory.mktemp("simulation")
    with databases.fresh("sqlite") as url:
        template = Path(url.removeprefix("sqlite:///"))
        yield type("AnyWeatherHere", (AnyWeather,), {"template": template, "folder": folder})


def run(machine, *, examples, steps):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )


def test_every_deployment_ends_right_whatever_happens(machine):
    run(machine, examples=25, steps=12)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_every_deployment_ends_right_whatever_happens_for_long(machine):
    """For a whole night, set TIDEGATE_SIMULATION_EXAMPLES to some thousands."""
    run(machine, examples=int(os.environ.get("TIDEGATE_SIMULATION_EXAMPLES", "120")), steps=25)
