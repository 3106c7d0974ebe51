"""A local deployment, from its order to its record, whatever happens on the way."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Event
from types import FrameType
from typing import Final

from tidegate.drivers.hosts import Failed, HostAddress, Report, Seen, Wish
from tidegate.drivers.hosts.local import LocalHosts
from tidegate_cli.local_bundle import read_appspec
from tidegate_cli.local_order import LocalOrder
from tidegate_cli.local_record import STOPPED, Record
from tidegate_cli.local_screen import Screen

_TRIES: Final = 50
_PAUSE: Final = 0.02
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody pressed Ctrl-C before anything was run."""


def deploy(order: LocalOrder, screen: Screen) -> Record:
    """Do what was ordered; whatever goes wrong is in the record."""
    record = Record(order.events)
    try:
        with Interrupts(screen).heeded() as interrupts:
            why = _deploy(order, record, screen, interrupts)
    except Stopped:
        why = STOPPED
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        why = f"This machine cannot run it:{where} {(error.strerror or str(error)).lower()}."
    except Exception as error:
        if os.environ.get("TIDEGATE_DEBUG"):
            raise
        why = f"This should not happen: {type(error).__name__}: {error}."
    record.conclude(why)
    return record


def _deploy(
    order: LocalOrder, record: Record, screen: Screen, interrupts: "Interrupts"
) -> str | None:
    """Run the events, and return why not all of them were run to their end."""
    problem = order.problem()
    if problem is not None:
        return problem
    with _private_folder() as folder:
        is_read = "DownloadBundle" in order.events
        custom = order.possible_events or ()
        prepared = order.wanted.read(folder, custom) if is_read else order.wanted.unread()
        record.warn(prepared.appspec_warnings)
        run = order.run(prepared, read_appspec)

        def report(reports: Sequence[Report]) -> Wish:
            for each in reports:
                screen.show(each, record.note(each))
            return interrupts.wish

        settings = {"python": order.place.python, "state_dir": str(folder / "state")}
        address = HostAddress(name="localhost", settings=settings)
        interrupts.run_begins()
        with closing(LocalHosts()) as hosts:
            outcome = hosts.follow(address, run, seen=Seen(), report=report)
    return outcome.message if isinstance(outcome, Failed) else None


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards, also when the runner still tidies up in it."""
    folder = Path(mkdtemp(prefix="tidegate-local-"))
    try:
        yield folder
    finally:
        for _ in range(_TRIES):
            rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            Event().wait(_PAUSE)


class Interrupts:
    """What Ctrl-C asks for: first that the run ends after its script, then that it ends at once."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._runs = False
        self.wish = Wish.GO_ON

    def run_begins(self) -> None:
        """Let signals be wishes from now on."""
        self._runs = True

    @contextmanager
    def heeded(self) -> Iterator["Interrupts"]:
        """Take signals while this lasts.

        Raises:
            Stopped: One came before the run began.
        """
        # Who was started with a signal ignored, as nohup does it, is not to mind it.
        heard = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._take) for number in heard}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if not self._runs:
            raise Stopped
        first = self.wish is Wish.GO_ON
        self.wish = Wish.CANCEL if first else Wish.KILL
        self._screen.say(
            "The deployment ends after the script that runs; interrupt again to end that, too."
            if first
            else "The script that runs is ended."
        )
