"""Ports on this machine: whether one is free, and which."""

import errno
import socket

from tidegate_cli.refusal import CannotStart


def claim(host: str, port: int, *, option: str) -> int:
    """Return *port* when it is free, or any free one when it is 0.

    Raises:
        CannotStart: Somebody listens there already.
    """
    try:
        taken = _bind(host, port)
    except OSError as error:
        why = error.strerror or error
        raise CannotStart(f"Nothing can listen on {host}:{port}: {why}.") from None
    if taken is None:
        raise CannotStart(
            f"Port {port} on {host} is taken; choose another with {option} (0 takes a free one)."
        )
    return taken


def preferred(host: str, port: int) -> int:
    """Return *port* when it is free, else a free one."""
    return _bind(host, port) or claim(host, 0, option="")


def _bind(host: str, port: int) -> int | None:
    """Return the port that a server would get, or None when it is taken."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return None
            raise
        return int(probe.getsockname()[1])
