"""The Python interpreters that are on this machine: the runner has to work on every one."""

import shutil
from pathlib import Path

VERSIONS = ("3.6", "3.8", "3.11", "3.13")


def pythons() -> list[str]:
    """Every interpreter at hand, found on the PATH or where pyenv keeps its versions."""
    found = {version: shutil.which(f"python{version}") for version in VERSIONS}
    pyenv = Path(shutil.which("pyenv") or "/").resolve().parent.parent / "versions"
    for version in VERSIONS:
        for folder in sorted(pyenv.glob(f"{version}.*/bin/python3")):
            found[version] = str(folder)
    return ["python3", *(path for path in found.values() if path)]


def python_for_all() -> str | None:
    """Return an interpreter that any user of this machine can run."""
    candidates = [shutil.which("python3", path=path) for path in ("/usr/local/bin", "/usr/bin")]
    return next((path for path in [*candidates, *pythons()] if path and open_to_all(path)), None)


def open_to_all(python: str) -> bool:
    """Tell whether any user can run *python*, and read what belongs to it."""
    path = Path(shutil.which(python) or python).resolve()
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))
