"""Reports pass from the event loop to a thread: in order, gathered, and never held back long."""

import asyncio
import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from tidegate.drivers.hosts import Fact, LogPiece
from tidegate.drivers.hosts.mailbox import Mailbox

PROMPT = 5.0
"""Seconds after which something waited that should not have."""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    loop = asyncio.new_event_loop()
    yield Mailbox(loop)
    loop.close()


def test_what_comes_shortly_after_the_first_report_is_taken_with_it(mailbox: Mailbox):
    first, second = Fact(1, {}), Fact(2, {})
    mailbox.post(first)
    later = threading.Timer(0.05, mailbox.post, [second])
    later.start()

    reports, may_come = mailbox.take(1)
    later.join()

    assert (reports, may_come) == ([first, second], True)


def test_nothing_is_waited_for_when_nothing_more_will_come(mailbox: Mailbox):
    mailbox.post(Fact(1, {}))
    mailbox.close()
    begun = monotonic()

    assert mailbox.take(60) == ([Fact(1, {})], False)
    assert mailbox.take(60) == ([], False)
    assert monotonic() - begun < PROMPT


def test_a_full_mailbox_is_emptied_at_once(mailbox: Mailbox):
    large = LogPiece("Install", 0, bytes(3 << 20))
    mailbox.post(large)
    begun = monotonic()

    reports, _ = mailbox.take(60)

    assert reports == [large]
    assert monotonic() - begun < PROMPT


def test_taking_from_an_empty_one_gives_up(mailbox: Mailbox):
    assert mailbox.take(0.01) == ([], True)
