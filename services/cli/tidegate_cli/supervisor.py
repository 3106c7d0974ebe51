"""Keep programs running: pass on what they print, start them again, stop all in order."""

import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Final, Self

from tidegate.clock import monotonic
from tidegate_cli.lines import LineLog

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 10.0
STABLE_AFTER: Final = 20.0
IMPATIENT_AFTER: Final = 2.0
LONGEST_LINE: Final = 64 * 1024
_PR_SET_PDEATHSIG: Final = 1

Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    port: int | None = None
    stop_turn: int = 0
    """Programs of a lower turn are gone before those of a higher one are asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a program that was asked to stop may take, in seconds."""

    ask_again_after: float = 5
    kill_after: float = 15


def next_delay(delay: float, *, lived: float) -> float:
    """Return the seconds to wait before a program that lived so long is started again.

    *delay* is what was waited before it, 0 at first. A life of STABLE_AFTER forgives everything.
    """
    if lived >= STABLE_AFTER or not delay:
        return FIRST_DELAY
    return min(delay * 2, LONGEST_DELAY)


@dataclass(slots=True)
class Child:
    """A program, its process while it has one, and when it is due again while it has none."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0
    delay: float = 0
    due_at: float | None = None
    unfinished_line: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def signal(self, number: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """End the process and what it started itself; children have a group of their own."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self.signal(signal.SIGKILL)


class Supervisor:
    """Runs children from one thread: whoever holds it calls `turn` or `run`.

    Everything happens in the main thread, because the kernel ends the children when the thread
    that started them ends, and because signals arrive there.
    """

    def __init__(
        self,
        log: LineLog,
        *,
        changed: Callable[[Sequence[Child]], None] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._log = log
        self._patience = patience or Patience()
        self._changed = changed
        self._children: dict[str, Child] = {}
        self._stopping = False
        self._asked_to_stop_at: float | None = None
        self._impatient = False
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._waker = socket.socketpair()
        self._handlers: dict[signal.Signals, Handler] = {}
        self._old_waker = -1

    def __enter__(self) -> Self:
        for end in (self._wakeup, self._waker):
            end.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._old_waker = signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._ask_to_stop)
        # A handler is what makes SIGCHLD wake the selector up.
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        signal.set_wakeup_fd(self._old_waker)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._selector.close()
        self._wakeup.close()
        self._waker.close()

    @property
    def asked_to_stop(self) -> bool:
        return self._asked_to_stop_at is not None

    def start(self, program: Program) -> Child:
        """Start *program* and keep it running from now on.

        Raises:
            OSError: It cannot even be executed.
        """
        child = Child(program)
        self._launch(child)
        self._children[program.name] = child
        self._tell()
        return child

    def run(self) -> None:
        """Go on until somebody asks to stop."""
        while not self.asked_to_stop:
            self.turn()

    def turn(self, within: float | None = None) -> None:
        """Wait for something to happen, but not longer than *within*, and see to it."""
        for key, _ in self._selector.select(self._longest_wait(within)):
            if key.data is None:
                self._drain_wakeups()
            else:
                self._pass_on(key.data)
        for child in self._running():
            if child.process and child.process.poll() is not None:
                self._bury(child)
        if not (self._stopping or self.asked_to_stop):
            self._restart_what_is_due()

    def stop(self) -> None:
        """Stop all children, in their turns; none is left when this returns."""
        self._stopping = True
        for number in sorted({child.program.stop_turn for child in self._children.values()}):
            self._stop_together(
                [child for child in self._running() if child.program.stop_turn == number]
            )

    def _stop_together(self, children: Sequence[Child]) -> None:
        begun = monotonic()
        asked_again = False
        for child in children:
            child.signal(signal.SIGTERM)
        while any(child.process for child in children):
            waited = monotonic() - begun
            if waited >= self._patience.kill_after or self._impatient:
                self._kill(children)
            elif waited >= self._patience.ask_again_after and not asked_again:
                # Beat loses a SIGTERM that arrives while it publishes.
                asked_again = True
                for child in children:
                    child.signal(signal.SIGTERM)
            self.turn(0.25)

    def _kill(self, children: Iterable[Child]) -> None:
        for child in children:
            if child.process:
                self._log.say(f"{child.name} does not stop and is killed.")
                child.kill_group()

    def _launch(self, child: Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603  # the commands are ours
            list(child.program.command),
            env=dict(child.program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509  # this process has one thread
        )
        child.started_at = monotonic()
        child.due_at = None
        child.unfinished_line = b""
        if child.process.stdout:
            os.set_blocking(child.process.stdout.fileno(), False)
            self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _restart_what_is_due(self) -> None:
        now = monotonic()
        for child in self._children.values():
            if child.due_at is not None and child.due_at <= now:
                try:
                    self._launch(child)
                except OSError as error:
                    self._postpone(child, f"cannot be started: {error}", lived=0)
                self._tell()

    def _bury(self, child: Child) -> None:
        """Take leave of a process that ended, and decide when there will be another."""
        process = child.process
        if process is None:
            return
        if process.stdout:
            self._pass_on(child)
            if child.unfinished_line:
                self._log.write(child.name, child.unfinished_line)
            if process.stdout.fileno() in self._selector.get_map():
                self._selector.unregister(process.stdout)
            process.stdout.close()
        child.kill_group()
        child.process = None
        if not (self._stopping or self.asked_to_stop):
            lived = monotonic() - child.started_at
            self._postpone(child, _how_it_ended(process.returncode), lived=lived)
        self._tell()

    def _postpone(self, child: Child, why: str, *, lived: float) -> None:
        child.delay = next_delay(child.delay, lived=lived)
        child.due_at = monotonic() + child.delay
        self._log.say(f"{child.name} {why}; it starts again in {child.delay:.0f} s.")

    def _pass_on(self, child: Child) -> None:
        stdout = child.process.stdout if child.process else None
        if stdout is None:
            return
        while (piece := stdout.read(LONGEST_LINE)) is not None:
            if not piece:
                if stdout.fileno() in self._selector.get_map():
                    self._selector.unregister(stdout)
                return
            *lines, rest = (child.unfinished_line + piece).split(b"\n")
            if len(rest) >= LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._log.write(child.name, line)
            child.unfinished_line = rest

    def _running(self) -> list[Child]:
        return [child for child in self._children.values() if child.process]

    def _longest_wait(self, within: float | None) -> float | None:
        due = [child.due_at for child in self._children.values() if child.due_at is not None]
        if self._stopping or self.asked_to_stop or not due:
            return within
        until_due = max(0.0, min(due) - monotonic())
        return until_due if within is None else min(within, until_due)

    def _drain_wakeups(self) -> None:
        try:
            while self._wakeup.recv(512):
                pass
        except BlockingIOError:
            return

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Note the wish; asked again later, the asker has no more patience.

        Two signals at once are one wish: `timeout` and terminals send it to a process and to
        its group.
        """
        now = monotonic()
        if self._asked_to_stop_at is None:
            self._asked_to_stop_at = now
        elif now - self._asked_to_stop_at > IMPATIENT_AFTER:
            self._impatient = True

    def _tell(self) -> None:
        if self._changed:
            self._changed(self._running())


def die_with_parent() -> Callable[[], None] | None:
    """Return what a child runs first, so that the kernel kills it when this process is gone.

    It is SIGKILL, because a SIGTERM can be missed and nobody would be left to send another;
    Tidegate is built to be killed at any instruction. Only Linux can do this.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
