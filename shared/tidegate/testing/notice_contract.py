"""What every sender of notices promises: inherit this and say where things arrive."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import pytest

from tidegate.domain.notices import Notice
from tidegate.drivers.notices import NoticeRefused, NoticeSender, NoticeUndelivered
from tidegate.testing.sentences import is_a_sentence

IN_TIME: Final = 15
"""Seconds after which a sweep that sends would be late for all else."""


class NoticeSenderContract:
    """The tests; a driver's own test class gives the fixtures."""

    @pytest.fixture
    def sender(self) -> NoticeSender:
        """Return what is tested."""
        raise NotImplementedError

    @pytest.fixture
    def away(self) -> NoticeSender:
        """Return one whose service cannot be reached."""
        raise NotImplementedError

    @pytest.fixture
    def silent(self) -> NoticeSender:
        """Return one whose service takes a connection and says nothing, ever."""
        raise NotImplementedError

    @pytest.fixture
    def notice(self) -> Notice:
        """Return one that goes where *arrived* looks."""
        raise NotImplementedError

    @pytest.fixture
    def nowhere(self) -> str:
        """Return a target that is not there, though it could be."""
        raise NotImplementedError

    @pytest.fixture
    def arrived(self) -> Callable[[int], list[str]]:
        """Return what waits for so many notices, and returns the bodies of all that came."""
        raise NotImplementedError

    def test_a_notice_arrives(
        self, sender: NoticeSender, notice: Notice, arrived: Callable[[int], list[str]]
    ) -> None:
        sender.send(notice)

        assert arrived(1) == [notice.body]

    def test_what_is_sent_twice_arrives_twice(
        self, sender: NoticeSender, notice: Notice, arrived: Callable[[int], list[str]]
    ) -> None:
        sender.send(notice)
        sender.send(notice)

        assert arrived(2) == [notice.body] * 2

    def test_threads_may_share_it(
        self, sender: NoticeSender, notice: Notice, arrived: Callable[[int], list[str]]
    ) -> None:
        notices = [replace(notice, body=f'{{"n":{n}}}') for n in range(20)]

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(sender.send, notices))

        assert sorted(arrived(20)) == sorted(notice.body for notice in notices)

    def test_a_target_that_is_not_there_refuses(
        self, sender: NoticeSender, notice: Notice, nowhere: str
    ) -> None:
        with pytest.raises(NoticeRefused) as refusal:
            sender.send(replace(notice, target=nowhere))

        assert nowhere in str(refusal.value)
        assert is_a_sentence(str(refusal.value))

    @pytest.mark.parametrize("target", ["", "a b", "arn:aws:iam::111122223333:role/x", "x\n"])
    def test_what_is_no_target_refuses(
        self, sender: NoticeSender, notice: Notice, target: str
    ) -> None:
        with pytest.raises(NoticeRefused) as refusal:
            sender.send(replace(notice, target=target))

        assert is_a_sentence(str(refusal.value))

    def test_a_service_that_is_away_is_told_in_time(
        self, away: NoticeSender, notice: Notice
    ) -> None:
        begun = time.monotonic()

        with pytest.raises(NoticeUndelivered) as delay:
            away.send(notice)

        assert time.monotonic() - begun < IN_TIME
        assert is_a_sentence(str(delay.value))

    def test_silence_is_not_waited_out(self, silent: NoticeSender, notice: Notice) -> None:
        begun = time.monotonic()

        with pytest.raises(NoticeUndelivered):
            silent.send(notice)

        assert time.monotonic() - begun < IN_TIME
