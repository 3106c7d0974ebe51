"""`tidegate token …`: who may come in; works on the database itself, so that it needs no token."""

from typing import Annotated, Final

import typer

from tidegate.domain.access import Role, Token
from tidegate.engine.tokens import create_token, revoke_token
from tidegate.store.unit_of_work import Store
from tidegate_cli.commands import group
from tidegate_cli.database import DataDir, every, free_name, opened, wire_moment
from tidegate_cli.options import Json
from tidegate_cli.output import Column, moment, say, show, show_json, show_table
from tidegate_cli.refusal import chosen_settings

app = group(
    "API tokens. Works on the database itself: that of `--data-dir`, or of TIDEGATE_DATABASE_URL."
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.")]

COLUMNS: Final[tuple[Column, ...]] = (
    ("name", lambda token: token.get("name")),
    ("role", lambda token: token.get("role")),
    ("created", lambda token: moment(token.get("created_at"))),
    ("last used", lambda token: moment(token.get("last_used_at"))),
    ("revoked", lambda token: moment(token.get("revoked_at"))),
)


@app.command("create")
def create(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Name of the token; else the role and a number."),
    ] = None,
    role: Annotated[
        Role,
        typer.Option(
            "--role",
            help="viewer reads; deployer also uploads revisions, creates and stops deployments; "
            "admin does everything.",
        ),
    ] = Role.VIEWER,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Create a token and print it; it is stored hashed and cannot be shown again."""
    with opened(chosen_settings(data_dir=data_dir)) as store:
        chosen = free_name(role, {one.name for one in _all(store)}) if name is None else name
        with store.write() as uow:
            token, secret = create_token(chosen, role, uow=uow)
    if as_json:
        show_json({**_facts(token), "token": secret})
        return
    say(f"Token {token.name} with the role {token.role}; it is shown only now:")
    show(secret)


@app.command("list")
def list_tokens(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List tokens, the revoked ones too."""
    with opened(chosen_settings(data_dir=data_dir)) as store:
        tokens = [_facts(token) for token in _all(store)]
    if as_json:
        show_json(tokens)
        return
    show_table(tokens, COLUMNS, nothing="There is no token; `tidegate token create` creates one.")


@app.command("revoke")
def revoke(name: Name, data_dir: DataDir = None) -> None:
    """End a token for good."""
    with opened(chosen_settings(data_dir=data_dir)) as store, store.write() as uow:
        revoke_token(name, uow=uow)
    say(f"Token {name} was revoked.")


def _all(store: Store) -> list[Token]:
    with store.read() as uow:
        return every(uow.tokens.page)


def _facts(token: Token) -> dict[str, object]:
    return {
        "name": token.name,
        "role": str(token.role),
        "created_at": wire_moment(token.created_at),
        "last_used_at": wire_moment(token.last_used_at),
        "revoked_at": wire_moment(token.revoked_at),
    }
