"""Where the time goes while canaries come due: by statement, and by function of the workers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fleet_profile import connect, shares, statements, watched
from fleet_system import System


@contextmanager
def profiled(system: System, folder: Path) -> Iterator[None]:
    """Watch the system, and show what it did.

    To be watched slows a process down: only shares may be read from it.
    """
    raw = {name: folder / f"{name}.raw" for name in system.workers}
    with connect(system) as database:
        with ExitStack() as opened:
            for name, file in raw.items():
                opened.enter_context(watched(system.pids()[name], file))
            yield
        statements(database)
    for name, file in raw.items():
        shares(name, file)
