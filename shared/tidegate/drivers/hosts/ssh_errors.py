"""What goes wrong on the way to a host, told apart and put into sentences."""

import errno
import socket
from dataclasses import dataclass
from typing import Final

import asyncssh
from typing_extensions import override

from tidegate.drivers.hosts import Failed
from tidegate.drivers.hosts.hearing import Broken
from tidegate.drivers.hosts.lines import quoted

_REASONS: Final = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the connection was reset",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.ENETUNREACH: "there is no route to its network",
    errno.ETIMEDOUT: "the connection timed out",
    errno.EPIPE: "the connection broke",
}


_CERTIFICATE_FLAWS: Final = {
    "expired": "has expired; sign the host's key anew",
    "not yet valid": "is not valid yet; compare the clocks, and the time from which it is valid",
    "principal": "is not for {address!r}; sign the host's key anew with this address among its "
    "principals",
    "certificate type": "is for users; sign the host's key with `ssh-keygen -h`",
}
"""What asyncssh says of a certificate that does not count, and what we say."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host that is spoken to, or the one on the way to it."""

    name: str
    address: str
    port: int
    user: str
    identity: str
    is_jump: bool = False
    by_sudo: bool = False
    """What runs there is started by sudo."""

    @override
    def __str__(self) -> str:
        where = f"[{self.address}]" if ":" in self.address else self.address
        if self.is_jump:
            return f"The jump host {where}:{self.port} on the way to {self.name}"
        return f"{self.name} ({where}:{self.port})"

    def silence(self, *, exit_code: int, said: bytes, complaint: bytes) -> Failed:
        return _silent_shell(self, exit_code=exit_code, said=said, complaint=complaint)


def reason_of(error: Exception, place: Place) -> Failed | Broken:
    """Tell what cannot pass by itself from what may, and say what it is."""
    if isinstance(error, socket.gaierror):
        return _unresolved(error, place)
    if isinstance(error, asyncssh.PermissionDenied):
        return _denied(place)
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return Failed("protocol", f"{place} shares no algorithm with us: {quoted(str(error))}.")
    return Broken(_passing_reason(error))


def _passing_reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the connection timed out"
    if isinstance(error, asyncssh.ConnectionLost):
        return "the connection was lost"
    if isinstance(error, asyncssh.ChannelOpenError):
        return f"the channel was not opened: {quoted(str(error))}"
    if isinstance(error, OSError):
        said = error.strerror or str(error) or type(error).__name__
        return _REASONS.get(error.errno or 0) or quoted(said).lower()
    return f"SSH failed: {quoted(str(error))}"


def _unresolved(error: socket.gaierror, place: Place) -> Failed:
    passing = error.errno == socket.EAI_AGAIN
    return Failed(
        "name_unresolved",
        f"{place} cannot be reached: the name {place.address!r} has no address here; "
        "correct the host's address, or this machine's DNS.",
        retryable=passing,
    )


def _denied(place: Place) -> Failed:
    return Failed(
        "permission_denied",
        f"{place} refused the login of user {place.user!r} with identity {place.identity!r}; "
        f"the public key has to be in that user's authorized_keys.",
    )


def unknown_key(place: Place, presented: asyncssh.SSHKey) -> Failed:
    """Say how to make a host's key known."""
    return Failed(
        "host_key_unknown",
        f"{place} presents the key {fingerprint(presented)}, and none is known for it; "
        f"{_make_known(place, presented)}.",
    )


def other_key(place: Place, expected: asyncssh.SSHKey, presented: asyncssh.SSHKey) -> Failed:
    """Say that a host presents another key than the one that is known."""
    return Failed(
        "host_key_mismatch",
        f"{place} presents the key {fingerprint(presented)}, but {fingerprint(expected)} is known "
        "for it: something else answers in its place, or it was set up anew; if so, "
        f"{_make_known(place, presented)}.",
    )


def _make_known(place: Place, presented: asyncssh.SSHKey) -> str:
    fix = (
        f"add the jump host's key to ~/.ssh/known_hosts or as proxy_host_key '{text_of(presented)}'"
        if place.is_jump
        else f"set it with `tidegate host set {place.name} --host-key '{text_of(presented)}'`"
    )
    return f"compare it on the host and {fix}"


def no_certificate(place: Place, authority: asyncssh.SSHKey, presented: asyncssh.SSHKey) -> Failed:
    """Say that a host presents a bare key where a certificate is wanted."""
    return Failed(
        "host_key_mismatch",
        f"{place} presents the key {fingerprint(presented)} without a certificate of the authority "
        f"{fingerprint(authority)}; sign its key with `ssh-keygen -s CA -h -I NAME -n "
        f"{place.address}` and name the certificate as HostCertificate in its sshd_config.",
    )


def other_authority(
    place: Place, authority: asyncssh.SSHKey, vouched_by: asyncssh.SSHKey
) -> Failed:
    """Say that somebody else vouches for a host."""
    return Failed(
        "host_key_mismatch",
        f"{place} presents a certificate of the authority {fingerprint(vouched_by)}, but that of "
        f"{fingerprint(authority)} is trusted for it; sign its key with that authority, or trust "
        "the other one.",
    )


def revoked_key(place: Place, why: str) -> Failed:
    """Say that the key of a host, or of who vouches for it, was revoked."""
    whose = "the key of an authority" if " CA " in why else "a key"
    return Failed(
        "host_key_mismatch",
        f"{place} presents {whose} that was revoked; give the host a new key, and a certificate "
        "for it where one is wanted.",
    )


def bad_certificate(place: Place, why: str) -> Failed:
    """Say what is wrong with a certificate of the right authority; *why* is in asyncssh's words."""
    said = next((said for words, said in _CERTIFICATE_FLAWS.items() if words in why), None)
    if said is None:
        return Failed(
            "host_key_mismatch",
            f"{place} presents no certificate or key that is trusted for it: {quoted(why)}.",
        )
    return Failed(
        "host_key_mismatch",
        f"{place} presents a certificate that {said.format(address=place.address)}.",
    )


def fingerprint(key: asyncssh.SSHKey) -> str:
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


def text_of(key: asyncssh.SSHKey) -> str:
    """Return *key* as known_hosts holds it, without a comment."""
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


def _silent_shell(place: Place, *, exit_code: int, said: bytes, complaint: bytes) -> Failed:
    """Say why the host's shell ended without starting the runner."""
    words = quoted(complaint.strip() or said)
    if place.by_sudo and (exit_code == 127 or "sudo" in words.lower()):
        return _silent_sudo(place, words)
    if exit_code == 127 or ("python3" in words and "not found" in words.lower()):
        return Failed(
            "no_python",
            f"{place} has no python3 on the PATH of user {place.user!r}; "
            "install Python 3.6 or newer there.",
        )
    if "unknown option" in words.lower() and "-I" in words:
        return Failed(
            "python_too_old",
            f"{place} has a python3 that is older than 3.4; install Python 3.6 or newer there.",
        )
    if "not available" in words or "nologin" in words:
        return Failed(
            "permission_denied",
            f"{place} lets user {place.user!r} log in but run nothing: {words!r}; "
            "give the user a login shell.",
        )
    saying = f" and said {words!r}" if words else " without a word"
    return Failed(
        "refused",
        f"{place} did not start the runner: the login shell of user {place.user!r} "
        f"ended with status {exit_code}{saying}.",
    )


def _silent_sudo(place: Place, words: str) -> Failed:
    """Say why sudo did not start the runner."""
    user, others = place.user, "log in as root, or take sudo from the deployment group"
    if "python3" in words and "not found" in words:
        return Failed(
            "no_python",
            f"{place} has no python3 where its sudo looks for programs; install Python 3.6 or "
            "newer there, or add its folder to secure_path in /etc/sudoers.",
        )
    if "sudo:" not in words or "not found" in words:
        return Failed(
            "misconfigured",
            f"{place} has no sudo on the PATH of user {user!r}; install it there, {others}.",
        )
    remedy = f"Defaults:{user} !requiretty" if "tty" in words else f"{user} ALL=(ALL) NOPASSWD: ALL"
    return Failed(
        "permission_denied",
        f"{place} does not let user {user!r} run python3 by `sudo -n` ({words}); put the line "
        f"'{remedy}' into /etc/sudoers.d/tidegate there, {others}.",
    )
