"""The `tidegate` command: finds what was asked for, and ends with one sentence and a code."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version as version_of
from typing import Annotated, Final

import typer
from typer.main import get_command

from tidegate_cli.commands import MARKUP, Commands, Place
from tidegate_cli.connection import chosen_profile, chosen_region
from tidegate_cli.errors import Ended, ExitCode

_DEPLOY, _SET_UP, _RUN = "Deploy", "Set up", "Run the service"

PLACES: Final = {
    name: Place(f"tidegate_cli.{where}", about, panel)
    for name, where, about, panel in (
        ("deploy", "deployments:deploy", "Bring a revision to a deployment group.", _DEPLOY),
        ("watch", "watch:watch", "Follow a deployment live until it ends.", _DEPLOY),
        ("stop", "deployments:stop", "Stop a deployment.", _DEPLOY),
        ("pause", "steering:pause", "Hold a deployment to Lambda or ECS.", _DEPLOY),
        ("resume", "steering:resume", "Let a paused deployment go on.", _DEPLOY),
        ("promote", "steering:promote", "Move the next share of the traffic now.", _DEPLOY),
        ("rollback", "steering:rollback", "Stop a deployment and roll it back.", _DEPLOY),
        ("deployments", "overview:deployments", "List deployments, newest first.", _DEPLOY),
        ("show", "overview:show", "Show a deployment and its targets.", _DEPLOY),
        ("history", "history:history", "Show what happened, who did it, and why.", _DEPLOY),
        ("logs", "logs:logs", "Print what hooks wrote.", _DEPLOY),
        ("push", "revisions:push", "Pack and upload a folder as a revision.", _DEPLOY),
        ("local", "local:local", "Run a bundle's lifecycle on this machine.", _DEPLOY),
        ("validate", "validate:validate", "Check an appspec.yml without a service.", _DEPLOY),
        ("host", "hosts:app", "Hosts: the machines that are deployed to.", _SET_UP),
        ("app", "applications:app", "Applications: what is deployed.", _SET_UP),
        ("group", "groups:app", "Deployment groups: which hosts, and how.", _SET_UP),
        ("config", "configs:app", "Deployment configs: how many at once.", _SET_UP),
        ("token", "tokens:app", "API tokens; works on the database itself.", _SET_UP),
        ("access-key", "access_keys:app", "Access keys for AWS's clients.", _SET_UP),
        ("github-token", "github_tokens:app", "GitHub tokens: open private repositories.", _SET_UP),
        ("up", "up:up", "Start the whole system on this machine.", _RUN),
        (
            "demo",
            "demo:demo",
            "Start a system of its own and deploy to hosts, Lambda or ECS.",
            _RUN,
        ),
        ("api", "services:api", "Run the API alone.", _RUN),
        ("worker", "services:worker", "Run a worker alone.", _RUN),
        ("beat", "services:beat", "Run beat, the clock of the sweeps, alone.", _RUN),
        ("flower", "services:flower", "Run Flower alone.", _RUN),
        ("healthcheck", "healthcheck:healthcheck", "Tell whether a process here is well.", _RUN),
        ("migrate", "services:migrate", "Bring the database to the schema of this version.", _RUN),
    )
}


class Tidegate(Commands):
    places = PLACES


app = typer.Typer(
    cls=Tidegate,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=MARKUP,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tidegate {version_of('tidegate')}")
        raise typer.Exit


@app.callback()
def tidegate(
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Profile of ~/.config/tidegate/profile.toml to use. [TIDEGATE_PROFILE]",
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="REGION",
            help="Where names are looked for; else what the service says. [TIDEGATE_REGION]",
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Deploy to servers in rolling batches, with hooks, and roll back by itself.

    Commands ask the service at TIDEGATE_URL, with the token in TIDEGATE_TOKEN; else what a
    profile says; else the one that `tidegate up` started on this machine.

    Exit codes: 0 done, 1 refused or unreachable, 2 wrong usage; of `watch` and `deploy --wait`
    also 3 failed, 4 failed and rolled back, 5 stopped, 6 deadline passed.
    """
    chosen_profile.set(profile)
    chosen_region.set(region)


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code; whatever goes wrong is one sentence."""
    try:
        code = get_command(app).main(list(args), prog_name="tidegate", standalone_mode=False)
    except Ended as ended:
        typer.echo(str(ended), err=True)
        return ended.exit_code
    except typer.TyperException as error:
        return _explain(error)
    except typer.Abort:
        return ExitCode.REFUSED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 (this is the edge: nobody gets a traceback unasked)
        return _report(error)
    return code if isinstance(code, int) else ExitCode.DONE


def main() -> None:
    """Run the command line that the shell gave, and end with its code."""
    sys.exit(int(run(sys.argv[1:])))


def _explain(error: typer.TyperException) -> int:
    # The errors of the parser print their usage line themselves; they have no public type.
    # What a parser of values says has pydantic's prefix, which tells nobody anything.
    error.message = error.message.replace("Value error, ", "", 1)
    show = getattr(error, "show", None)
    if show is None:
        typer.echo(f"Error: {error.format_message()}", err=True)
    else:
        show()
    return error.exit_code


def _report(error: Exception) -> int:
    if os.environ.get("TIDEGATE_DEBUG"):
        raise error
    what = str(error).partition("\n")[0].rstrip(".") or "no more is known"
    sentence = f"{type(error).__name__}: {what}."
    if not isinstance(error, OSError):
        sentence = f"This should not happen ({sentence}) TIDEGATE_DEBUG=1 shows where it did."
    typer.echo(sentence, err=True)
    return ExitCode.REFUSED
