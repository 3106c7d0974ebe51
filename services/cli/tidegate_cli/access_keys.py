"""`tidegate access-key …`: what AWS's clients sign with; works on the database itself."""

from typing import Annotated, Final

import typer

from tidegate.domain.access import AccessKey, Role
from tidegate.engine.access_keys import create_access_key, revoke_access_key
from tidegate.store.sealing import Seal
from tidegate.store.unit_of_work import Store
from tidegate_cli.commands import group
from tidegate_cli.database import DataDir, every, free_name, opened, wire_moment
from tidegate_cli.options import Json
from tidegate_cli.output import Column, moment, say, show, show_json, show_table
from tidegate_cli.refusal import chosen_settings

app = group(
    "Access keys for AWS's clients. Works on the database itself: that of `--data-dir`, or of "
    "TIDEGATE_DATABASE_URL."
)

COLUMNS: Final[tuple[Column, ...]] = (
    ("access key id", lambda key: key.get("access_key_id")),
    ("name", lambda key: key.get("name")),
    ("role", lambda key: key.get("role")),
    ("created", lambda key: moment(key.get("created_at"))),
    ("last used", lambda key: moment(key.get("last_used_at"))),
    ("revoked", lambda key: moment(key.get("revoked_at"))),
)


@app.command("create")
def create(
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Its name; else the role and a number."),
    ] = None,
    role: Annotated[
        Role,
        typer.Option(
            "--role",
            help="viewer reads; deployer also registers revisions, creates and stops deployments; "
            "admin does everything.",
        ),
    ] = Role.VIEWER,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Create an access key and print it; its secret is stored encrypted and not shown again."""
    settings = chosen_settings(data_dir=data_dir)
    with opened(settings) as store:
        chosen = free_name(role, {one.name for one in _all(store)}) if name is None else name
        with store.write() as uow:
            key, secret = create_access_key(chosen, role, seal=Seal(settings.secret_keys), uow=uow)
    if as_json:
        show_json({**_facts(key), "secret_access_key": secret})
        return
    say(f"Access key {key.name} with the role {key.role}; its secret is shown only now:")
    show(f"AWS_ACCESS_KEY_ID={key.id}")
    show(f"AWS_SECRET_ACCESS_KEY={secret}")


@app.command("list")
def list_keys(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List access keys, the revoked ones too."""
    with opened(chosen_settings(data_dir=data_dir)) as store:
        keys = [_facts(key) for key in _all(store)]
    if as_json:
        show_json(keys)
        return
    nothing = "There is no access key; `tidegate access-key create` creates one."
    show_table(keys, COLUMNS, nothing=nothing)


@app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Name or id of the access key.")],
    data_dir: DataDir = None,
) -> None:
    """End an access key for good."""
    with opened(chosen_settings(data_dir=data_dir)) as store, store.write() as uow:
        revoked = revoke_access_key(key, uow=uow)
    say(f"Access key {revoked.name} was revoked.")


def _all(store: Store) -> list[AccessKey]:
    with store.read() as uow:
        return every(uow.access_keys.page)


def _facts(key: AccessKey) -> dict[str, object]:
    return {
        "access_key_id": key.id,
        "name": key.name,
        "role": str(key.role),
        "created_at": wire_moment(key.created_at),
        "last_used_at": wire_moment(key.last_used_at),
        "revoked_at": wire_moment(key.revoked_at),
    }
