"""Whatever is lost, late, killed or frozen: traffic moves one way, or back to where it was."""

import os
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from simulation.traffic_invariants import TrafficWitness
from simulation.traffic_world import Scene, TrafficWorld
from simulation.weather import Weather, choices, machine_of, run
from tidegate.domain.alarms import AlarmState
from tidegate.domain.aws_group import (
    BlueGreen,
    InstanceAction,
    ReadyAction,
    TerminateBlue,
    WhenReady,
)
from tidegate.domain.course import Word
from tidegate.domain.deployment import AutoRollback, ComputePlatform, RollbackEvent
from tidegate.domain.lifecycle import ECS_EVENTS, LAMBDA_EVENTS
from tidegate.engine.deployments import stop_deployment
from tidegate.engine.steering import pause_deployment, promote_deployment, resume_deployment
from tidegate.engine.waits import Wait, continue_deployment, skip_termination_wait

LONGEST_CALM = 2000
"""Rounds, each until something is due."""
ROLLBACKS = (AutoRollback(), AutoRollback(enabled=True, events=tuple(RollbackEvent)))
MOVES = (
    "_deliver",
    "_deliver",
    "_deliver_and_keep",
    "_resume",
    "_resume",
    "_sweep",
    "_show_life",
    "_tick",
    "_answer",
)
PEOPLE = ("_deploy", "_deploy", "_stop", "_pause", "_go_on", "_promote", "_continue")
TROUBLES = (
    "_lose_all_messages",
    "_lose_broker",
    "_let_time_pass",
    "_let_minutes_pass",
    "_kill_worker",
    "_lose_heart",
    "_freeze",
    "_leave_worker",
    "_trouble_aws",
    "_change_alarm",
)
happenings = st.sampled_from(8 * MOVES + PEOPLE + TROUBLES)

functions = st.builds(
    Scene,
    platform=st.just(ComputePlatform.LAMBDA),
    config=st.sampled_from(["AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minute"]),
    functions=st.integers(1, 3),
    hooks=st.lists(st.sampled_from(LAMBDA_EVENTS[::2]), unique=True, max_size=2).map(tuple),
    hooks_answer=st.booleans(),
    hooks_are_quick=st.booleans(),
    has_alarm=st.sampled_from([True, True, False]),
)
LATER = TerminateBlue(InstanceAction.TERMINATE, 3)
waits = st.builds(
    BlueGreen,
    # Most often there is a wait: what is removed too early shows only then.
    terminate=st.sampled_from(
        [
            None,
            TerminateBlue(InstanceAction.KEEP_ALIVE, 0),
            TerminateBlue(InstanceAction.TERMINATE, 0),
            *3 * [LATER],
        ]
    ),
    ready=st.none() | st.builds(WhenReady, st.sampled_from(ReadyAction), st.just(30)),
)
services = st.builds(
    Scene,
    platform=st.just(ComputePlatform.ECS),
    config=st.sampled_from(
        ["AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minutes"]
    ),
    hooks=st.lists(
        st.sampled_from([e for e in ECS_EVENTS if e.startswith(("Before", "After"))]),
        unique=True,
        max_size=2,
    ).map(tuple),
    hooks_answer=st.booleans(),
    hooks_are_quick=st.booleans(),
    has_alarm=st.sampled_from([True, True, False]),
    has_test=st.booleans(),
    blue_green=waits,
)


class TrafficInAnyWeather(Weather):
    """The engine on a real database, and traffic of which everything may go wrong."""

    longest_calm = LONGEST_CALM

    @initialize(
        scene=functions | services,
        rollback=st.sampled_from(ROLLBACKS),
        first_weather=st.sampled_from([0, 1, 3, 8]),
    )
    def begin(self, scene, rollback, first_weather):
        self.world = TrafficWorld(self.template, self.folder, scene=scene, auto_rollback=rollback)
        self.witness = TrafficWitness(self.world)
        self.world.go()
        self.fair_weather(first_weather)

    @rule()
    def deploy(self):
        self.world.go()

    @rule(moves=st.lists(st.tuples(happenings, choices), min_size=15, max_size=60))
    def things_happen(self, moves):
        self.happen(moves)

    def _answer(self, choice):
        self.world.answer(choice, Word.FAILED if choice % 9 == 0 else Word.SUCCEEDED)

    def _deploy(self, _choice):
        self.world.go()

    def _stop(self, choice):
        rollback = (None, True, False)[choice % 3]
        self.world.act(
            stop_deployment, self.one_of_the_last(choice), actor="tester", rollback=rollback
        )

    def _pause(self, choice):
        self.world.act(pause_deployment, self.one_of_the_last(choice), actor="tester")

    def _go_on(self, choice):
        self.world.act(resume_deployment, self.one_of_the_last(choice), actor="tester")

    def _promote(self, choice):
        full = choice % 2 == 0
        self.world.act(promote_deployment, self.one_of_the_last(choice), actor="tester", full=full)

    def _continue(self, choice):
        if choice % 3 == 0:
            self.world.act(skip_termination_wait, self.one_of_the_last(choice))
        else:
            self.world.act(
                continue_deployment, self.one_of_the_last(choice), list(Wait)[choice % 2]
            )

    def _let_minutes_pass(self, choice):
        self.world.clock.advance(timedelta(minutes=1 + choice % 7))
        self.world.show_life()

    def _freeze(self, choice):
        """Have one worker stand still until the others take it for dead; later it goes on."""
        busy = [w for w in self.world.workers if self.world.is_busy(w)] or self.world.workers
        frozen = busy[choice % len(busy)]
        self.world.heartless.add(frozen.name)
        self.world.clock.advance(16)
        self.world.show_life()
        self.world.sweep(choice + 1)

    def _trouble_aws(self, choice):
        self.world.traffic.troubles += [("slow", "away", "slow", "away", "refused")[choice % 5]]

    def _change_alarm(self, choice):
        self.world.alarm.state = list(AlarmState)[choice % len(AlarmState)]
        self.world.alarm.may_pass = choice % 2 == 0

    @rule(state=st.sampled_from([AlarmState.OK, AlarmState.ALARM, *AlarmState]))
    def alarm_turns(self, state):
        """Have an alarm turn in fair weather, where nothing hides what it does."""
        self.world.alarm.state = state
        self.fair_weather(2)

    def clear_up(self):
        super().clear_up()
        self.world.traffic.troubles.clear()
        self.world.alarm.state = AlarmState.OK

    @rule(rounds=st.sampled_from([1, 2, 3, 8]))
    def fair_weather(self, rounds):
        self.world.broker.is_down = False
        for _ in range(rounds):
            self.world.calm()
            self.witness.check()


@pytest.fixture(scope="module")
def machine(databases, tmp_path_factory):
    with machine_of(TrafficInAnyWeather, databases, tmp_path_factory) as machine:
        yield machine


def test_traffic_moves_right_whatever_happens(machine):
    run(machine, examples=5, steps=8)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_traffic_moves_right_whatever_happens_for_long(machine):
    """For a whole night, set TIDEGATE_SIMULATION_EXAMPLES to some thousands."""
    run(machine, examples=int(os.environ.get("TIDEGATE_SIMULATION_EXAMPLES", "120")), steps=20)
