"""Ports that nobody listens on."""

import fcntl
import functools
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import BinaryIO, Final

_FIRST: Final = 10_000
_TRIES: Final = 200
_given: Final[set[int]] = set()


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody else is given, neither by this function nor by the kernel.

    The kernel gives away ephemeral ports: with one of those, whoever connects or listens on port
    0 between now and when the port is used may have it first. So it is one below them, claimed
    until this process ends among all that run tests here.
    """
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(_TRIES):
        # Not by `random`, which is seeded alike in all processes of a run.
        port = _FIRST + secrets.randbelow(ephemeral - _FIRST)
        if port not in _given and _is_free(address, port) and _is_claimed(port):
            _given.add(port)
            return port
    message = f"no free port was found from {_FIRST} to {ephemeral}"
    raise AssertionError(message)


def is_listening(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _is_claimed(port: int) -> bool:
    """Lock the port's byte of a file: the lock is gone with this process, however it ends."""
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _claims() -> BinaryIO:
    return (Path(tempfile.gettempdir()) / f"tidegate-ports.{os.getuid()}").open("ab")
