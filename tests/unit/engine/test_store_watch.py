"""The artifact store is asked now and then, and nobody waits for its answer."""

import threading
from collections.abc import Iterator

import pytest

from parts.processes import wait_until
from tidegate.drivers.bundles.errors import StoreUnavailable
from tidegate.engine.store_watch import CHECK_AGAIN, CHECK_EVERY, PATIENCE, StoreWatch


class Store:
    """Answers when it is told to, and with what it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 1000.0
        self.error: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.watch = StoreWatch(self.check, now=lambda: self.now)

    def check(self) -> None:
        self.asked += 1
        self.answers.wait(30)
        if self.error is not None:
            raise self.error

    def after(self, seconds: float) -> str | None:
        """What is said after so long, when what was begun then has ended."""
        self.now += seconds
        asked = threading.active_count()
        self.watch.trouble()
        if self.answers.is_set():
            wait_until(lambda: not self.is_asked, within=10, what="the check ends")
        assert threading.active_count() <= asked + 1
        return self.watch.trouble()

    @property
    def is_asked(self) -> bool:
        return any(thread.name == "store-watch" for thread in threading.enumerate())


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.answers.set()
    wait_until(lambda: not store.is_asked, within=10, what="no check is left")


def test_it_is_asked_at_once_and_then_rarely(store: Store):
    assert store.after(0) is None
    assert [store.after(1) for _ in range(int(CHECK_EVERY) - 1)] == [None] * (int(CHECK_EVERY) - 1)
    assert store.asked == 1
    store.after(1)
    assert store.asked == 2


def test_trouble_is_said_until_it_is_over_which_is_soon_noticed(store: Store):
    store.error = StoreUnavailable("S3 answered AccessDenied for s3://b/.")

    assert store.after(0) == "S3 answered AccessDenied for s3://b/."
    store.error = None
    assert store.after(CHECK_AGAIN - 1) == "S3 answered AccessDenied for s3://b/."
    assert store.after(1) is None


def test_a_store_that_hangs_is_asked_once_and_holds_nobody_up(store: Store):
    store.answers.clear()

    assert store.after(0) is None
    assert store.after(PATIENCE - 1) is None
    assert store.after(1) == f"The artifact store has not answered for {PATIENCE:.0f} s."
    assert store.after(3600) == "The artifact store has not answered for 3615 s."
    assert store.asked == 1
    store.answers.set()
    assert store.after(0) is None


def test_an_error_that_nobody_foresaw_is_trouble_too(store: Store):
    store.error = RuntimeError("secret")

    assert store.after(0) == "The artifact store could not be checked: RuntimeError."
