"""What an embedded system needs before its processes start: a migrated database, its secrets.

`up` runs this as a process of its own: what it imports would otherwise stay in the supervisor's
memory for as long as the system runs.
"""

import sys
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from tidegate.clock import SystemClock
from tidegate.domain.access import Role
from tidegate.domain.ids import RandomIds
from tidegate.engine.tokens import ensure_token, is_revoked
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.migrate import SchemaTooNew, upgrade
from tidegate.store.outbox import NoSender
from tidegate.store.unit_of_work import Store
from tidegate_cli.folder import kept_secret, write_private
from tidegate_cli.refusal import CannotStart, chosen_settings

ADMIN: Final = "admin"


def main() -> int:
    """Migrate the database, and see to it that the files with token and key are there."""
    try:
        settings = chosen_settings()
        migrate_database(settings)
        ensure_admin_token(settings)
        ensure_secret_key(settings)
        ensure_artifacts(settings)
    except CannotStart as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201  # it is what this process has to say
        return 1
    return 0


def migrate_database(settings: Settings) -> None:
    """Bring the database that the settings name to the newest schema.

    Raises:
        CannotStart: It cannot be reached or written to, or is of a newer version that left no room
            for this one.
    """
    url = _database_url(settings)
    try:
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        upgrade(settings.database, region=settings.region)
    except SchemaTooNew as refusal:
        raise CannotStart(str(refusal)) from None
    except DBAPIError as error:
        why = str(error.orig).strip().splitlines()[0].rstrip(".")
        raise CannotStart(f"The database {url} cannot be used: {why}.") from None
    except OSError as error:
        raise CannotStart(f"The database {url} cannot be used: {error.strerror}.") from None


def ensure_admin_token(settings: Settings) -> None:
    """Have the secret in the file be that of the token `admin`; the first start makes both."""
    path = settings.data_dir / "admin.token"
    secret = kept_secret(path, new=RandomIds().secret())
    engine = connect(settings.database)
    try:
        store = Store(engine, sender=NoSender(), clock=SystemClock(), ids=RandomIds())
        with store.write() as uow:
            if is_revoked(secret, uow=uow):
                # What was revoked may be in wrong hands: it never opens the door again.
                secret = uow.ids.secret()
                write_private(path, f"{secret}\n")
            ensure_token(ADMIN, Role.ADMIN, secret, uow=uow)
    finally:
        engine.dispose()


def ensure_secret_key(settings: Settings) -> None:
    """Have a key for the secrets in the database; the first start makes one, unless it is given."""
    if not settings.secret_key.get_secret_value():
        kept_secret(settings.kept_key, new=RandomIds().secret())


def ensure_artifacts(settings: Settings) -> None:
    """Have the folder for artifacts before workers look for it, if it is this system's own."""
    if not settings.artifact_store:
        Path(settings.artifacts).mkdir(parents=True, exist_ok=True)


def _database_url(settings: Settings) -> URL:
    try:
        return make_url(settings.database)
    except ArgumentError:
        raise CannotStart("TIDEGATE_DATABASE_URL is not the URL of a database.") from None


if __name__ == "__main__":
    sys.exit(main())
