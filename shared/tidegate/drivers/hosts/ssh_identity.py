"""The key that a login is made with: from a file, from the environment, or from an agent."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh


class IdentityUnusable(Exception):
    """The identity that a host names cannot be used; the message says why, never the key."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login is made with."""

    client_keys: Sequence[asyncssh.SSHKeyPair] = ()
    agent_path: str | None = None


def load_identity(identity: str, environment: Mapping[str, str]) -> Credentials:
    """Return what *identity* stands for: `file:/path`, `env:NAME` or `agent`.

    Raises:
        IdentityUnusable: It is missing, open to others, encrypted or no key.
    """
    kind, _, rest = identity.partition(":")
    if kind == "agent":
        return _from_agent(environment)
    if kind == "env":
        return _from_variable(rest, environment)
    return _from_file(Path(rest).expanduser())


def _from_agent(environment: Mapping[str, str]) -> Credentials:
    socket = environment.get("SSH_AUTH_SOCK", "")
    if not socket or not Path(socket).is_socket():
        raise IdentityUnusable(
            "The identity 'agent' needs an SSH agent, and SSH_AUTH_SOCK of this process names none."
        )
    return Credentials(agent_path=socket)


def _from_variable(name: str, environment: Mapping[str, str]) -> Credentials:
    text = environment.get(name, "")
    if not text.strip():
        raise IdentityUnusable(
            f"The identity 'env:{name}' needs the variable {name}, which this process lacks."
        )
    try:
        key = asyncssh.import_private_key(text.replace("\\n", "\n"))
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as bad:
        raise IdentityUnusable(_unreadable(f"variable {name}", bad)) from None
    return Credentials(client_keys=asyncssh.load_keypairs(key))


def _from_file(path: Path) -> Credentials:
    try:
        found = path.stat()
        # As ssh does: a key of ours that others may read is refused, a key of theirs is their care.
        if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077:
            raise IdentityUnusable(
                f"The key file {path} can be read by others; close it with `chmod 600 {path}`."
            )
        return Credentials(client_keys=asyncssh.load_keypairs(str(path)))
    except OSError as bad:
        why = (bad.strerror or "it cannot be opened").lower()
        raise IdentityUnusable(f"The key file {path} cannot be read here: {why}.") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as bad:
        raise IdentityUnusable(_unreadable(f"file {path}", bad)) from None


def _unreadable(what: str, bad: Exception) -> str:
    if isinstance(bad, asyncssh.KeyEncryptionError) or "assphrase" in str(bad):
        return (
            f"The key in {what} is encrypted; use one without a passphrase, "
            "or add it to an agent and use the identity 'agent'."
        )
    return f"The {what} holds no SSH private key."
