"""What can happen to any deployment, whatever it deploys to, and how a simulation is run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from parts.databases import Databases

choices = st.integers(0, 1000)


class Weather(RuleBasedStateMachine):
    """The engine on a real database: messages, workers and time, of which all may go wrong.

    A class of it begins by making `world`, and `witness`, which knows what has to hold.
    """

    template: Path
    folder: Path
    longest_calm: int
    """Rounds of fair weather in which all has to end."""
    world: Any
    witness: Any

    def happen(self, moves):
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
        for number in range(1 + choice % 4):
            running = self.world.running()
            if running:
                running[(choice + number) % len(running)].resume()
                self.witness.check()

    def _show_life(self, choice):
        worker = self.world.workers[choice % len(self.world.workers)]
        if worker.name not in self.world.heartless:
            worker.show_life()

    def _tick(self, choice):
        self.world.clock.advance(0.5 + choice % 3)

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

    def one_of_the_last(self, choice):
        """Return the id of one of the two newest deployments."""
        rows = self.world.rows("SELECT id FROM deployments ORDER BY created_at DESC LIMIT 2")
        return rows[choice // 500 % len(rows)][0]

    def clear_up(self):
        """End all trouble."""
        self.world.broker.is_down = False
        self.world.heartless.clear()

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
        self.clear_up()
        for _ in range(self.longest_calm):
            if self.witness.everything_is_over() and not self.world.running():
                break
            self.world.calm()
            self.witness.check()
        else:
            raise AssertionError("something never ended")
        self.witness.check_end()


@contextmanager
def machine_of(
    weather: type[Weather], databases: Databases, factory: pytest.TempPathFactory
) -> Iterator[type[Weather]]:
    """A state machine with a migrated database to copy."""
    with databases.fresh("sqlite") as url:
        template = Path(url.removeprefix("sqlite:///"))
        names = {"template": template, "folder": factory.mktemp("simulation")}
        yield type(f"{weather.__name__}Here", (weather,), names)


def run(machine: type[Weather], *, examples: int, steps: int) -> None:
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
