"""`tidegate validate`: an AppSpec checked without a service."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate_cli.archive import appspec_in, check
from tidegate_cli.errors import BadAppSpec
from tidegate_cli.options import Json
from tidegate_cli.output import say, show, show_json


def validate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The AppSpec, or the folder that holds it.")
    ] = Path("appspec.yml"),
    as_json: Json = False,
) -> None:
    """Check an appspec.yml and name every problem with its line and column."""
    found = appspec_in(file) if file.is_dir() else file
    try:
        appspec = check(found)
    except BadAppSpec as bad:
        if as_json:
            show_json(
                {
                    "valid": False,
                    "problems": list(bad.problems),
                    "warnings": list(bad.warnings),
                }
            )
        raise
    warnings = [str(each) for each in getattr(appspec, "warnings", ())]
    if as_json:
        show_json({"valid": True, "problems": [], "warnings": warnings})
        return
    for warning in warnings:
        say(f"{found}: {warning}")
    show(f"{found} is valid: {_contents(appspec.as_json())}.")


def _contents(appspec: Any) -> str:
    """Return in words what an AppSpec does."""
    hooks: Any = appspec.get("hooks") or {}
    names = [str(name) for name in hooks]
    files = appspec.get("files") or []
    copies = f"{len(files)} {'copy' if len(files) == 1 else 'copies'} of files"
    return f"{copies}, hooks for {', '.join(names)}" if names else f"{copies}, no hooks"
