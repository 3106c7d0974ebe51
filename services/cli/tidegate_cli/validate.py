"""`tidegate validate`: an AppSpec checked without a service."""

from pathlib import Path
from typing import Annotated, Final

import typer

from tidegate.appspec import (
    AnyAppSpec,
    AppSpec,
    EcsAppSpec,
    LambdaAppSpec,
    Platform,
    platform_of,
)
from tidegate_cli.appspec_files import find_appspec
from tidegate_cli.appspec_report import check, refuse_problems
from tidegate_cli.errors import BadFolder
from tidegate_cli.options import Json, parsed
from tidegate_cli.output import show, show_json

_PLATFORMS: Final[dict[str, Platform]] = {
    "server": "Server",
    "ec2": "Server",
    "lambda": "Lambda",
    "ecs": "ECS",
}


def _platform(text: str) -> str:
    found = _PLATFORMS.get(text.lower())
    if found is None:
        raise typer.BadParameter(f"{text!r} is none of Server (or EC2), Lambda and ECS.")
    return found


def validate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The AppSpec, or the folder or archive that holds it; - is stdin.",
        ),
    ] = Path("appspec.yml"),
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            metavar="Server|Lambda|ECS",
            callback=parsed(_platform),
            help="What it is for; Server, unless it has Resources.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check an AppSpec and name every problem with its line and column.

    Of a folder or an archive, files that it lacks are warned of too.
    """
    try:
        found = find_appspec(file)
    except BadFolder as bad:
        if as_json:
            problem = {"line": 1, "column": 1, "key": "", "message": str(bad), "hint": ""}
            show_json({"valid": False, "problems": [problem], "warnings": []})
        raise
    taken = _PLATFORMS[platform.lower()] if platform else platform_of(found.text)
    report = check(found, taken)
    if as_json:
        show_json({**report.as_json(), "file": found.name, "platform": taken})
    about = _about(taken, is_guess=platform is None)
    refuse_problems(report, about)
    if report.appspec and not as_json:
        warned = f", with {report.count}" if report.warnings else ""
        show(f"{found.name} is valid{about}{warned}: {_contents(report.appspec)}.")


def _about(platform: Platform, *, is_guess: bool) -> str:
    """Say what an AppSpec was taken for, where that is not the usual."""
    if platform == "Server":
        return ""
    return f" (taken for {platform}{', because it has Resources' if is_guess else ''})"


def _contents(appspec: AnyAppSpec) -> str:
    """Return in words what an AppSpec does."""
    match appspec:
        case AppSpec(files=files):
            what = f"{len(files)} {'copy' if len(files) == 1 else 'copies'} of files"
        case LambdaAppSpec(functions=functions):
            moves = (
                f"{each.name}:{each.alias} from version {each.current_version} to "
                f"{each.target_version}"
                for each in functions
            )
            what = ", ".join(moves)
        case EcsAppSpec():
            what = f"{appspec.task_definition} with {appspec.container_name}"
            what = f"{what}:{appspec.container_port}"
    return f"{what}, hooks for {', '.join(appspec.hooks)}" if appspec.hooks else f"{what}, no hooks"
