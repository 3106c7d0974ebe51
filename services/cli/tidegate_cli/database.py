"""The database itself, for commands that need no token: whoever can open it may do everything."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from tidegate.clock import SystemClock
from tidegate.domain import errors as domain
from tidegate.domain.access import AccessKey, Token
from tidegate.domain.ids import RandomIds
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.outbox import NoSender
from tidegate.store.unit_of_work import Store
from tidegate_cli.errors import Ended

PAGE: Final = 500
Named = TypeVar("Named", Token, AccessKey)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="TIDEGATE_DATA_DIR",
        help="Folder of the embedded system that is meant.",
    ),
]


class DatabaseUnusable(Ended):
    """The database is not there or cannot be used."""


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """Open the database that the settings name; a refusal becomes the end of the command.

    Raises:
        DatabaseUnusable: It is not there, cannot be used, or what was asked of it was refused.
    """
    _check_there(settings)
    engine = connect(settings.database)
    try:
        yield Store(
            engine,
            sender=NoSender(),
            clock=SystemClock(),
            ids=RandomIds(),
            region=settings.region,
        )
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


def every(page: Callable[..., Sequence[Named]]) -> list[Named]:
    """Return all entries of what comes in pages by name: *page* takes `limit=` and `after=`."""
    found: list[Named] = []
    while entries := page(limit=PAGE, after=found[-1].name if found else None):
        found.extend(entries)
    return found


def free_name(wanted: str, taken: set[str]) -> str:
    """Return *wanted* with the first number behind it that nobody has."""
    numbered = (f"{wanted}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def wire_moment(at: object) -> str | None:
    """Return a moment as the API writes one."""
    return None if at is None else str(at).replace(" ", "T").replace("+00:00", "Z")
