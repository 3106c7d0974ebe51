"""`tidegate token …`: who may come in; works on the database itself, so that it needs no token."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from tidegate.clock import SystemClock
from tidegate.domain import errors as domain
from tidegate.domain.access import Role, Token
from tidegate.domain.ids import RandomIds
from tidegate.engine.tokens import create_token, revoke_token
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.outbox import NoSender
from tidegate.store.unit_of_work import Store
from tidegate_cli.commands import group
from tidegate_cli.errors import Ended
from tidegate_cli.options import Json
from tidegate_cli.output import Column, moment, say, show, show_json, show_table
from tidegate_cli.refusal import chosen_settings

app = group(
    "API tokens. Works on the database itself: that of `--data-dir`, or of TIDEGATE_DATABASE_URL."
)

PAGE: Final = 500

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="TIDEGATE_DATA_DIR",
        help="Folder of the embedded system whose tokens these are.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.")]

COLUMNS: Final[tuple[Column, ...]] = (
    ("name", lambda token: token.get("name")),
    ("role", lambda token: token.get("role")),
    ("created", lambda token: moment(token.get("created_at"))),
    ("last used", lambda token: moment(token.get("last_used_at"))),
    ("revoked", lambda token: moment(token.get("revoked_at"))),
)


class DatabaseUnusable(Ended):
    """The database is not there or cannot be used."""


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
    with _store(data_dir) as store:
        chosen = name or _free_name(role, {token.name for token in _all(store)})
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
    with _store(data_dir) as store:
        tokens = [_facts(token) for token in _all(store)]
    if as_json:
        show_json(tokens)
        return
    show_table(tokens, COLUMNS, nothing="There is no token; `tidegate token create` creates one.")


@app.command("revoke")
def revoke(name: Name, data_dir: DataDir = None) -> None:
    """End a token for good."""
    with _store(data_dir) as store, store.write() as uow:
        revoke_token(name, uow=uow)
    say(f"Token {name} was revoked.")


@contextmanager
def _store(data_dir: Path | None) -> Iterator[Store]:
    settings = chosen_settings(data_dir=data_dir)
    _check_there(settings)
    engine = connect(settings.database)
    try:
        yield Store(engine, sender=NoSender(), clock=SystemClock(), ids=RandomIds())
    except domain.Refused as refusal:
        raise DatabaseUnusable(str(refusal)) from None
    except DBAPIError as error:
        raise DatabaseUnusable(
            f"The database cannot be used: {str(error.orig).strip().splitlines()[0]}; "
            "`tidegate up` or `tidegate migrate` prepares one."
        ) from None
    finally:
        engine.dispose()


def _check_there(settings: Settings) -> None:
    try:
        url = make_url(settings.database)
    except ArgumentError:
        raise DatabaseUnusable("TIDEGATE_DATABASE_URL is not the URL of a database.") from None
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise DatabaseUnusable(
            f"There is no database at {url.database}; start `tidegate up` once, or name its "
            "folder with --data-dir."
        )


def _all(store: Store) -> list[Token]:
    found: list[Token] = []
    with store.read() as uow:
        while page := uow.tokens.page(limit=PAGE, after=found[-1].name if found else None):
            found.extend(page)
    return found


def _free_name(role: Role, taken: set[str]) -> str:
    numbered = (f"{role}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def _facts(token: Token) -> dict[str, object]:
    return {
        "name": token.name,
        "role": str(token.role),
        "created_at": _wire(token.created_at),
        "last_used_at": _wire(token.last_used_at),
        "revoked_at": _wire(token.revoked_at),
    }


def _wire(at: object) -> str | None:
    return None if at is None else str(at).replace(" ", "T").replace("+00:00", "Z")
