"""What every source of alarms promises: inherit this and have alarms stand as it says."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import pytest

from tidegate.domain.alarms import Alarm, AlarmState, Inquiry, Reading
from tidegate.drivers.alarms import AlarmSource
from tidegate.testing.sentences import is_a_sentence

IN_TIME: Final = 30
"""Seconds after which whoever watches many deployments would be late for all others."""

Source: TypeAlias = AlarmSource[Any]
Ask: TypeAlias = Callable[[Sequence[Alarm]], Inquiry[Alarm]]


class AlarmSourceContract:
    """The tests; a driver's own test class gives the fixtures."""

    without_data: AlarmState
    """How an alarm is found for which there are no data."""

    @pytest.fixture
    def source(self) -> Source:
        """Return what is tested."""
        raise NotImplementedError

    @pytest.fixture
    def away(self) -> Source:
        """Return one whose service cannot be reached."""
        raise NotImplementedError

    @pytest.fixture
    def silent(self) -> Source:
        """Return one whose service takes a connection and says nothing, ever."""
        raise NotImplementedError

    @pytest.fixture
    def ask(self) -> Ask:
        """Return what makes an inquiry about alarms, where those of the fixtures are."""
        return lambda alarms: Inquiry(alarms=tuple(alarms))

    @pytest.fixture
    def lit(self) -> Alarm:
        """Return an alarm that is lit."""
        raise NotImplementedError

    @pytest.fixture
    def calm(self) -> Alarm:
        """Return an alarm that is not lit."""
        raise NotImplementedError

    @pytest.fixture
    def dataless(self) -> Alarm:
        """Return an alarm for which there are no data."""
        raise NotImplementedError

    @pytest.fixture
    def wrong(self) -> Alarm:
        """Return an alarm that is not there, or cannot be told at all."""
        raise NotImplementedError

    def test_each_alarm_is_told_in_the_order_of_the_question(
        self, source: Source, ask: Ask, lit: Alarm, calm: Alarm, dataless: Alarm
    ) -> None:
        readings = source.states(ask([calm, lit, dataless, lit]))

        assert [(one.alarm, one.state) for one in readings] == [
            (calm, AlarmState.OK),
            (lit, AlarmState.ALARM),
            (dataless, self.without_data),
            (lit, AlarmState.ALARM),
        ]

    def test_what_cannot_be_told_is_said_and_hides_no_other(
        self, source: Source, ask: Ask, lit: Alarm, wrong: Alarm
    ) -> None:
        first, second, third = source.states(ask([wrong, lit, wrong]))

        assert second.state is AlarmState.ALARM
        assert first == third
        assert (first.alarm, first.state, first.may_pass) == (wrong, AlarmState.UNREADABLE, False)
        assert is_a_sentence(first.why)

    def test_asked_again_it_looks_again(self, source: Source, ask: Ask, lit: Alarm) -> None:
        assert source.states(ask([lit])) == source.states(ask([lit]))

    def test_who_asks_for_nothing_is_told_nothing(self, away: Source, ask: Ask) -> None:
        assert away.states(ask([])) == ()

    def test_many_alarms_are_told_at_once(
        self, source: Source, ask: Ask, lit: Alarm, calm: Alarm
    ) -> None:
        readings = source.states(ask([lit, calm] * 150))

        assert [one.state for one in readings] == [AlarmState.ALARM, AlarmState.OK] * 150

    def test_threads_may_share_it(self, source: Source, ask: Ask, lit: Alarm, calm: Alarm) -> None:
        def state_of(alarm: Alarm) -> AlarmState:
            reading: Reading[Alarm] = source.states(ask([alarm]))[0]
            return reading.state

        with ThreadPoolExecutor(5) as pool:
            states = list(pool.map(state_of, [lit, calm] * 10))

        assert states == [AlarmState.ALARM, AlarmState.OK] * 10

    @pytest.mark.parametrize("which", ["away", "silent"])
    def test_a_service_that_does_not_answer_is_told_in_time(
        self, which: str, request: pytest.FixtureRequest, ask: Ask, lit: Alarm, calm: Alarm
    ) -> None:
        source: Source = request.getfixturevalue(which)
        begun = time.monotonic()

        readings = source.states(ask([lit, calm]))

        assert time.monotonic() - begun < IN_TIME
        assert [one.alarm for one in readings] == [lit, calm]
        for reading in readings:
            assert (reading.state, reading.may_pass) == (AlarmState.UNREADABLE, True)
            assert is_a_sentence(reading.why)
