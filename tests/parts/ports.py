"""Ports that nobody listens on."""

import socket


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that was free a moment ago: whoever binds it must be ready to try another."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def is_listening(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0
