"""Threads that take turns: each runs when it is resumed, until it pauses, and can be killed."""

import threading
from collections.abc import Callable


class Killed(BaseException):
    """The process that this fiber belongs to was killed; nothing of it goes on."""


class Fiber:
    """A piece of work that stands still wherever it calls `pause`."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self.name = name
        self.is_over = False
        self.error: BaseException | None = None
        self._work = work
        self._is_dead = False
        self._go = threading.Semaphore(0)
        self._stood = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Let it go on until it pauses or ends."""
        if not self.is_over:
            self._go.release()
            assert self._stood.acquire(timeout=60), f"{self.name} does not come back"
            if self.error is not None:
                raise self.error

    def kill(self) -> None:
        """End it where it stands, as `kill -9` would: no row is written any more."""
        self._is_dead = True
        self.resume()

    def _run(self) -> None:
        _here.fiber = self
        self._go.acquire()
        try:
            if not self._is_dead:
                self._work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001
            self.error = error
        self.is_over = True
        self._stood.release()

    def _pause(self) -> None:
        if not self._is_dead:
            self._stood.release()
            self._go.acquire()
        if self._is_dead:
            raise Killed


_here = threading.local()


def pause() -> None:
    """Stand still until resumed; outside of fibers this does nothing."""
    fiber: Fiber | None = getattr(_here, "fiber", None)
    if fiber is not None:
        fiber._pause()
