"""Where the paths of an AppSpec lead, told without a host."""

from collections.abc import Callable
from posixpath import normpath
from typing import TypeAlias

Holds: TypeAlias = Callable[[str], bool]
"""Tells whether a bundle has a file or folder of this name, which has no leading '/'."""


def in_bundle(path: str) -> str | None:
    """Return the name of what lies there in the bundle, or None where *path* leads out of it."""
    name = normpath(path.lstrip("/") or ".")
    return None if name == ".." or name.startswith("../") else name


def is_held(path: str, holds: Holds) -> bool:
    """Tell whether the bundle has what *path* names."""
    name = in_bundle(path)
    return name == "." or (name is not None and holds(name))


def as_folder(path: str) -> str:
    """Return an absolute path in its normal form, with a '/' at its end."""
    name = normpath(path).strip("/")
    return f"/{name}/" if name else "/"
