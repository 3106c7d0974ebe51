"""A script as the agent's document worker runs it, and the processes that are left of such."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

_PARAMETER = re.compile(r"\{\{\s*ssm:([^}\s]+)\s*\}\}")


class Unresolved(Exception):
    """The text names a parameter of the parameter store that the agent may not fill in."""


def filled_in(text: str, region: str) -> str:
    """Return the text with the values of `{{ssm:name}}`, as the agent's parameterstore.go does.

    Raises:
        Unresolved: There is no such parameter, or it is a secret.
    """

    def value(found: re.Match[str]) -> str:
        parameter = get_backend("ssm")[DEFAULT_ACCOUNT_ID][region].get_parameter(found[1])
        if parameter is None or parameter.parameter_type == "SecureString":
            raise Unresolved(f"Parameter {found[1]} cannot be resolved, or is a SecureString.")
        return str(parameter.value)

    return _PARAMETER.sub(value, text)


def start(
    text: str,
    *,
    folder: Path,
    cwd: str,
    prefix: Sequence[str],
    variables: Mapping[str, str],
    base: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    """Start a script from a file of its own in the folder, in a process group of its own.

    *base* is the service's environment, *variables* are what the agent adds to it; *prefix* is
    put before the command, so it may change the former and not the latter.

    Raises:
        OSError: It cannot be started there.
    """
    folder.mkdir(mode=0o700, parents=True)
    script = folder / "_script.sh"
    script.touch(mode=0o700)
    script.write_text(f"{text}\n")
    told = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.Popen(  # noqa: S603  # a test's
        [*prefix, *(["env", *told] if prefix else []), "sh", "-c", str(script)],
        cwd=cwd,
        env={**base, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a script as the agent does: at once, with all that is in its process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def kill_all_of(command_ids: Iterable[str], *, instance_id: str = "") -> None:
    """End whatever these commands left behind, on one instance or on all.

    It is what happens when machines are switched off: what was detached ends, too.
    """
    commands = {f"SSM_COMMAND_ID={command_id}".encode() for command_id in command_ids}
    instance = {f"AWS_SSM_INSTANCE_ID={instance_id}".encode()} if instance_id else set()

    def is_one(pid: int) -> bool:
        variables = _environment(pid)
        return not commands.isdisjoint(variables) and instance.issubset(variables)

    while commands and (found := _with_children(is_one)):
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _with_children(chosen: Callable[[int], bool]) -> set[int]:
    living = {pid: parent for pid, parent in _parents().items() if pid != os.getpid()}
    found = {pid for pid in living if chosen(pid)}
    while more := {pid for pid, parent in living.items() if parent in found} - found:
        found |= more
    return found


def _parents() -> dict[int, int]:
    """Return the parent of each process that has not ended."""
    found = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = place.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state not in "ZX":
            found[int(place.parent.name)] = int(parent)
    return found


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
