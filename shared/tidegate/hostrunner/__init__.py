"""What a controller sends to a host: a command for its shell, and the runner that it asks for."""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from tidegate.hostrunner.boots import BOOT as BOOT
from tidegate.hostrunner.boots import COMMAND as COMMAND
from tidegate.hostrunner.boots import slice_command as slice_command

_PARTS: Final = (
    "base",
    "journal",
    "logs",
    "leftovers",
    "scripts",
    "unpacking",
    "untar",
    "unzip",
    "archives",
    "places",
    "needs",
    "previous",
    "permissions",
    "plan",
    "undo",
    "changes",
    "install",
    "turns",
    "revisions",
    "pruning",
    "events",
    "following",
    "session",
    "fetching",
    "slices",
)
"""Each may use what stands before it."""


@cache
def runner_source() -> bytes:
    """Return the runner's text, as it travels to hosts: its parts, one after the other."""
    folder = Path(__file__).parent / "parts"
    return "\n\n".join(_bare((folder / f"{name}.py").read_text()) for name in _PARTS).encode()


def _bare(part: str) -> str:
    """Return a part without what only binds it to the others here, where they are modules."""
    lines = part.splitlines()
    for node in ast.parse(part).body:
        ours = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(__name__)
        for_mypy = "TYPE_CHECKING" in lines[node.lineno - 1]
        if ours or for_mypy:
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [""] * (end - node.lineno + 1)
    return "\n".join(line for line in lines if line)


RUNNER_SHA256: Final = hashlib.sha256(runner_source()).hexdigest()
