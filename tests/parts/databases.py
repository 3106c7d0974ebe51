"""Fresh databases of both kinds, migrated once and copied for each test."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

from parts.postgres import PostgresServer

KINDS = ("sqlite", "postgresql")


class Databases:
    """Hands out URLs; `fresh` ones are at the newest schema, `empty` ones have no table."""

    def __init__(self, folder: Path, migrate: Callable[[str], object]) -> None:
        self.folder = folder
        self._migrate = migrate
        self._numbers = count(1)
        self._started: PostgresServer | None = None

    @contextmanager
    def fresh(self, kind: str) -> Iterator[str]:
        if kind == "postgresql":
            with self.postgres.database(template=self._postgres_template) as url:
                yield url
        else:
            path = self._new_file()
            shutil.copyfile(self._sqlite_template, path)
            yield f"sqlite:///{path}"

    @contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        if kind == "postgresql":
            with self.postgres.database() as url:
                yield url
        else:
            yield f"sqlite:///{self._new_file()}"

    @cached_property
    def postgres(self) -> PostgresServer:
        """Started when it is first asked for."""
        self._started = PostgresServer().start()
        return self._started

    def close(self) -> None:
        if self._started is not None:
            self._started.stop()

    def _new_file(self) -> Path:
        return self.folder / f"{next(self._numbers)}.sqlite"

    @cached_property
    def _sqlite_template(self) -> Path:
        path = self._new_file()
        self._migrate(f"sqlite:///{path}")
        assert not path.with_name(f"{path.name}-wal").exists(), "the migration left its file open"
        return path

    @cached_property
    def _postgres_template(self) -> str:
        name = self.postgres.create()
        self._migrate(self.postgres.url(name))
        return name
