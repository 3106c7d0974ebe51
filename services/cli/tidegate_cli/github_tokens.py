"""`tidegate github-token …`: what opens private repositories on GitHub."""

import sys
from typing import Annotated, Final

import typer

from tidegate_cli import client
from tidegate_cli.commands import group
from tidegate_cli.options import Json, Profile
from tidegate_cli.output import Column, moment, on_terminal, say, show_json, show_table

app = group("GitHub tokens: what opens private repositories.")

Name = Annotated[
    str,
    typer.Argument(
        metavar="OWNER[/REPOSITORY]",
        help="What it opens: a repository, or all of its owner's that have no token of their own.",
    ),
]

COLUMNS: Final[tuple[Column, ...]] = (
    ("name", lambda token: token.get("name")),
    ("created", lambda token: moment(token.get("created_at"))),
    ("last used", lambda token: moment(token.get("last_used_at"))),
)


@app.command("add")
def add(name: Name, as_json: Json = False, profile: Profile = None) -> None:
    """Add a GitHub token, read from stdin or asked for; it is kept encrypted and never shown.

    `gh auth token | tidegate github-token add octocat`
    """
    body = {"name": name, "token": _secret()}
    with client.connect(profile) as service:
        token = service.create("github-tokens", body=body)
    if as_json:
        show_json(token)
    else:
        say(f"GitHub token {token['name']} was added.")


@app.command("list")
def list_tokens(as_json: Json = False, profile: Profile = None) -> None:
    """List GitHub tokens, without what is secret of them."""
    with client.connect(profile) as service:
        tokens = list(service.items("github-tokens"))
    if as_json:
        show_json(tokens)
        return
    nothing = "There is no GitHub token; `tidegate github-token add` adds one."
    show_table(tokens, COLUMNS, nothing=nothing)


@app.command("delete")
def delete(name: Name, profile: Profile = None) -> None:
    """Delete a GitHub token here; on GitHub it stays as it is."""
    with client.connect(profile) as service:
        service.delete("github-tokens", name)
    say(f"GitHub token {name} was deleted.")


def _secret() -> str:
    """Return what stdin holds; a person is asked, and nothing of the answer is seen."""
    if on_terminal(sys.stdin):
        return str(typer.prompt("GitHub token", hide_input=True, err=True)).strip()
    return sys.stdin.read().strip()
