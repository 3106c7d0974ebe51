"""What can happen to an install at any of its system calls."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

CALLS = {
    *("open", "read", "write", "fsync", "replace", "mkdir", "rmdir", "rename", "link", "unlink"),
    *("symlink", "readlink", "chmod", "chown", "fchmod", "fchown", "utime", "removexattr"),
}


@contextlib.contextmanager
def meddling(act: Callable[[int], None]) -> Iterator[None]:
    """Act before each of os's functions that an install calls, told how many there were before."""
    count = 0

    def meddled(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            if sys._getframe(1).f_globals["__name__"] != "subprocess":
                count += 1
                act(count - 1)
            return real(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, meddled(getattr(os, name)))
        yield


def failing(at: int) -> Callable[[int], None]:
    def act(count: int) -> None:
        if count == at:
            raise OSError(errno.EIO, "input/output error")

    return act


def dying(at: int) -> Callable[[int], None]:
    """End the process as SIGKILL does."""
    return lambda count: os._exit(9) if count == at else None


def forked(act: Callable[[], object]) -> int:
    """Do something in a process that may die of it, and return its exit code."""
    child = os.fork()
    if not child:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
