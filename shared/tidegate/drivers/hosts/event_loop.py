"""One event loop in a thread of its own, for callers that are plain threads."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class LoopClosed(Exception):
    """The loop ended, or is about to."""


class LoopThread:
    """Starts with the first coroutine that it is given, and ends when it is closed."""

    def __init__(self, name: str, *, helpers: int = 4) -> None:
        """Let so many *helpers*, threads too, do what would block the loop."""
        self._name = name
        self._helpers = helpers
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop, started.

        Raises:
            LoopClosed: It was closed.
        """
        with self._lock:
            if self._closed:
                raise LoopClosed(self._name)
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_default_executor(ThreadPoolExecutor(self._helpers, self._name))
                self._thread = threading.Thread(
                    target=self._run, args=[self._loop], name=self._name, daemon=True
                )
                self._thread.start()
            return self._loop

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run *work* on the loop.

        Raises:
            LoopClosed: It was closed.
        """
        loop = self.loop()
        with self._lock:
            if self._closed:
                work.close()
                raise LoopClosed(self._name)
            return asyncio.run_coroutine_threadsafe(work, loop)

    def call_soon(self, call: Callable[[], object]) -> None:
        """Run *call* on the loop, if it still runs."""
        with self._lock:
            if self._loop is not None and not self._closed:
                self._loop.call_soon_threadsafe(call)

    def close(self, within: float = 3.0) -> None:
        """Cancel all that runs, and end the thread."""
        with self._lock:
            was_closed, self._closed = self._closed, True
            loop, thread = self._loop, self._thread
            if loop is not None and not was_closed:
                loop.call_soon_threadsafe(loop.stop)
        if thread is not None and thread is not threading.current_thread():
            thread.join(within)

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=2.0))
