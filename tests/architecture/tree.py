"""The source tree as tests see it: what git tracks, and what Python makes of it."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("shared/", "services/")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def tracked_files() -> tuple[str, ...]:
    """What git tracks and still exists, by its path below the root."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def text_of(name: str) -> str:
    return (ROOT / name).read_text(errors="replace")


def python_files(*folders: str) -> list[str]:
    return [n for n in tracked_files() if n.endswith(".py") and n.startswith(folders or "")]


@cache
def syntax_of(name: str) -> ast.Module:
    return ast.parse(text_of(name), filename=name)


def functions_of(name: str) -> Iterator[tuple[str, int]]:
    """Each function of a file by its dotted name, with its number of lines."""
    yield from _functions(syntax_of(name), "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, (*FUNCTION, ast.ClassDef)):
            inner = f"{prefix}{child.name}."
        if isinstance(child, FUNCTION):
            yield inner[:-1], (child.end_lineno or child.lineno) - child.lineno + 1
        yield from _functions(child, inner)
