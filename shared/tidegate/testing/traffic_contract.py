"""What every traffic driver promises: inherit this, and give it a world that it may move."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final, Protocol

import pytest

from tidegate.domain.traffic import Errand
from tidegate.drivers.traffic import Answer, Done, Failed, Running, TrafficDriver
from tidegate.testing.sentences import is_a_sentence

ATTENTION: Final = 30
"""Seconds within which a verb answers."""
SHARES: Final = (10, 50, 100)


class World(Protocol):
    """What lies out there, seen and changed by somebody else than the driver."""

    def state(self) -> object:
        """Return all that the driver might change, to be compared."""

    def share(self) -> float:
        """Return what the new side gets of the traffic, in percent."""

    def traffic(self) -> object:
        """Return who gets how much of it, to be compared."""

    def history(self) -> Sequence[float]:
        """Return each share that the driver has ever asked for, in order."""

    def meddle(self) -> None:
        """Move the traffic as no deployment of this kind would."""

    def cut_off(self) -> AbstractContextManager[None]:
        """Have everything out there take connections and say nothing."""

    def die_after_a_change(self) -> AbstractContextManager[None]:
        """Have the driver's next change be made, and nothing answer any more from then on."""


class TrafficDriverContract:
    """The tests; a driver's own test class gives the fixtures."""

    @pytest.fixture
    def driver(self) -> TrafficDriver:
        """Return what is tested; it gives up on silence after a second or two."""
        raise NotImplementedError

    @pytest.fixture
    def world(self) -> World:
        """Return a world in which nothing has moved yet."""
        raise NotImplementedError

    @pytest.fixture
    def errand(self, world: World) -> Errand:
        """Return what is to be moved there, before the first look."""
        raise NotImplementedError

    @pytest.fixture
    def untouched(self, world: World) -> object:
        """Return how all stood before the driver did anything."""
        return world.state()

    @pytest.fixture
    def ready(self, driver: TrafficDriver, errand: Errand, untouched: object) -> Errand:  # noqa: ARG002
        """Return the errand when the new side stands there, without traffic."""
        looked = driver.look(errand)
        assert isinstance(looked, Done)
        assert looked.before
        ready = replace(errand, before=looked.before)
        prepared(driver, ready)
        return ready

    def test_a_look_changes_nothing_and_notes_how_all_stands(
        self, driver: TrafficDriver, errand: Errand, world: World, untouched: object
    ) -> None:
        looks = [driver.look(errand) for _ in range(2)]

        assert world.state() == untouched
        for look in looks:
            assert isinstance(look, Done)
            assert look.found.weight == 0
            assert look.before
            assert json.loads(json.dumps(look.before)) == look.before

    def test_what_is_prepared_has_no_traffic(
        self, driver: TrafficDriver, ready: Errand, world: World
    ) -> None:
        prepared(driver, ready)

        assert world.share() == 0

    @pytest.mark.parametrize("share", SHARES)
    def test_a_share_is_what_was_wanted_and_is_read_back(
        self, driver: TrafficDriver, ready: Errand, world: World, share: int
    ) -> None:
        shifted = driver.shift(ready, share)

        assert isinstance(shifted, Done)
        assert shifted.found.weight == share
        assert world.share() == share

    @pytest.mark.parametrize("share", SHARES)
    def test_a_shift_that_is_repeated_changes_nothing(
        self, driver: TrafficDriver, ready: Errand, world: World, share: int
    ) -> None:
        driver.shift(ready, share)
        state, asked = world.state(), list(world.history())

        again = driver.shift(ready, share)

        assert isinstance(again, Done)
        assert again.found.weight == share
        assert world.state() == state
        assert list(world.history()) == asked

    @pytest.mark.parametrize("share", SHARES)
    def test_a_shift_that_died_is_taken_up(
        self, driver: TrafficDriver, ready: Errand, world: World, share: int
    ) -> None:
        with world.die_after_a_change():
            died = driver.shift(ready, share)
        assert isinstance(died, Failed)
        assert died.may_pass

        shifted = driver.shift(ready, share)

        assert isinstance(shifted, Done)
        assert shifted.found.weight == world.share() == share

    def test_traffic_moves_one_way_and_never_too_far(
        self, driver: TrafficDriver, ready: Errand, world: World
    ) -> None:
        for share in SHARES:
            driver.shift(ready, share)
            assert max(world.history()) == share
            assert world.share() == share

        assert isinstance(settled(lambda: driver.finish(ready)), Done)

        history = list(world.history())
        assert history == sorted(history)
        assert world.share() == 100

    def test_a_late_shift_takes_no_traffic_back(
        self, driver: TrafficDriver, ready: Errand, world: World
    ) -> None:
        driver.shift(ready, 50)

        late = driver.shift(ready, 10)

        assert isinstance(late, Failed)
        assert world.share() == 50

    def test_threads_may_share_it(self, driver: TrafficDriver, ready: Errand, world: World) -> None:
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda _: driver.shift(ready, 10), range(10)))

        assert all(isinstance(answer, Done) for answer in answers)
        assert world.share() == 10

    @pytest.mark.parametrize("shares", [(), (10,), (10, 50), SHARES])
    def test_the_way_back_leads_to_how_all_was(
        self,
        driver: TrafficDriver,
        ready: Errand,
        world: World,
        untouched: object,
        shares: tuple[int, ...],
    ) -> None:
        for share in shares:
            driver.shift(ready, share)

        for _ in range(2):
            restored = settled(lambda: driver.restore(ready))

            assert isinstance(restored, Done)
            assert restored.note == ""
            assert restored.found.weight == world.share() == 0
            assert world.state() == untouched

    def test_a_way_back_that_died_is_taken_up(
        self, driver: TrafficDriver, ready: Errand, world: World, untouched: object
    ) -> None:
        driver.shift(ready, 10)
        with world.die_after_a_change():
            died = settled(lambda: driver.restore(ready))
        assert isinstance(died, Failed)
        assert died.may_pass

        assert isinstance(settled(lambda: driver.restore(ready)), Done)
        assert world.state() == untouched

    def test_without_a_first_look_there_is_no_way_back(
        self, driver: TrafficDriver, errand: Errand, world: World, untouched: object
    ) -> None:
        settled(lambda: driver.restore(errand))

        assert world.state() == untouched

    @pytest.mark.parametrize("share", [0, 10])
    def test_what_somebody_else_moved_is_not_moved_on(
        self, driver: TrafficDriver, ready: Errand, world: World, share: int
    ) -> None:
        if share:
            driver.shift(ready, share)
        world.meddle()
        state = world.state()

        shifted = driver.shift(ready, 50)

        assert isinstance(shifted, Failed)
        assert not shifted.may_pass
        assert is_a_sentence(shifted.message)
        assert world.state() == state

    def test_what_somebody_else_moved_is_not_moved_back(
        self, driver: TrafficDriver, ready: Errand, world: World
    ) -> None:
        driver.shift(ready, 10)
        world.meddle()
        traffic = world.traffic()

        restored = settled(lambda: driver.restore(ready))

        assert isinstance(restored, Done)
        assert is_a_sentence(restored.note)
        assert world.traffic() == traffic

    def test_whoever_has_lost_an_errand_changes_nothing_for_it(
        self, driver: TrafficDriver, ready: Errand, world: World
    ) -> None:
        driver.shift(ready, 10)
        state, asked = world.state(), list(world.history())
        lost = replace(ready, still_mine=lambda: False)

        answers = [driver.shift(lost, 50), driver.shift(lost, 100), driver.restore(lost)]

        for answer in answers:
            assert isinstance(answer, Failed)
            assert answer.may_pass
            assert is_a_sentence(answer.message)
        assert world.state() == state
        assert list(world.history()) == asked

    def test_whoever_has_lost_an_errand_may_look(
        self, driver: TrafficDriver, errand: Errand
    ) -> None:
        assert isinstance(driver.look(replace(errand, still_mine=lambda: False)), Done)

    @pytest.mark.parametrize("verb", ["look", "prepare", "test", "shift", "finish", "restore"])
    def test_silence_is_not_waited_out(
        self, driver: TrafficDriver, ready: Errand, world: World, verb: str
    ) -> None:
        calls: dict[str, Callable[[], Answer]] = {
            "look": lambda: driver.look(ready),
            "prepare": lambda: driver.prepare(ready),
            "test": lambda: driver.test(ready),
            "shift": lambda: driver.shift(ready, 10),
            "finish": lambda: driver.finish(ready),
            "restore": lambda: driver.restore(ready),
        }
        with world.cut_off():
            begun = time.monotonic()
            answer = calls[verb]()

        assert time.monotonic() - begun < ATTENTION
        assert isinstance(answer, Failed)
        assert answer.may_pass
        assert is_a_sentence(answer.message)


def prepared(driver: TrafficDriver, errand: Errand) -> None:
    """Have the new side stand there, each verb called twice."""
    for verb in (driver.prepare, driver.prepare, driver.test, driver.test):
        answer = settled(lambda verb=verb: verb(errand))  # type: ignore[misc]
        assert isinstance(answer, Done), answer


def settled(ask: Callable[[], Answer]) -> Done | Failed:
    """Ask until it is over."""
    deadline = time.monotonic() + 60
    while isinstance(answer := ask(), Running):
        assert time.monotonic() < deadline, answer.note
        time.sleep(min(answer.check_in.total_seconds(), 0.1))
    return answer
