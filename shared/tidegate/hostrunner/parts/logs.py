"""The log of an event, and the process that copies a script's output to it."""

import os
import select
import time

from tidegate.hostrunner.parts.base import close_all_but, complain, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FREE_AFTER = 4 << 20
LONG_LINE = 1 << 16
LAST_WORDS = 0.5
ENDS = (b"D", b"F", b"d", b"f")


def free(fd: int, start: int, stop: int) -> None:
    """Give the disk back what lies between *start* and *stop*, where the file system can."""
    try:
        import ctypes
    except ImportError:  # a python3 that was built without it
        return
    punch_hole_and_keep_size = 3
    libc = ctypes.CDLL(None)
    where = ctypes.c_longlong(start), ctypes.c_longlong(stop - start)
    for name in ("fallocate64", "fallocate"):
        if hasattr(libc, name):
            getattr(libc, name)(fd, punch_hole_and_keep_size, *where)
            return


class EventLog:
    """The log of one event, in the agent's line format; the host's scripts.log gets it too."""

    def __init__(self, event: str, path: str, scripts_log: str, cap: int) -> None:
        self.event = event
        self.paths = (path, scripts_log)
        self.fds = ()  # type: tuple[int, ...]
        self.size = 0
        self.half = cap // 2
        self.freed = self.half
        self.full = False
        self.torn = False
        self.open = b""  # what began the line whose end has not come

    def write(self, lines: "list[bytes]", prefix: bytes = b"", unfinished: bytes = b"") -> None:
        """Append *lines*, each begun with *prefix*, and what there is of a long one after them.

        The end of a long line comes with the same prefix, unless another line cuts it.
        """
        texts = [line + b"\n" for line in lines] + ([unfinished] if unfinished else [])
        if not texts:
            return
        pieces = []  # type: list[tuple[bool, bytes]]
        if self.open and self.open != prefix:
            pieces.append((False, b"\n"))
            self.open = b""
        for text in texts:
            pieces.append((not self.open, text if self.open else prefix + text))
            self.open = b""
        self.open = prefix if unfinished else b""
        self.put(pieces)

    def put(self, pieces: "list[tuple[bool, bytes]]") -> None:
        """Append pieces of text, of which some begin a line."""
        if not self.fds:
            os.makedirs(os.path.dirname(self.paths[1]), 0o755, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self.fds = tuple(os.open(path, flags, 0o644) for path in self.paths)
        stamp = time.strftime("%Y-%m-%d %H:%M:%S ").encode()
        try:
            write_all(self.fds[0], b"".join(text for _, text in pieces))
            if self.size < 2 * self.half:
                stamped = (stamp + text if begins else text for begins, text in pieces)
                write_all(self.fds[1], b"".join(stamped))
        except OSError:
            self.full = True
        self.measure()
        if self.size - self.half - self.freed > FREE_AFTER:
            free(self.fds[0], self.half, self.size - self.half)
            self.freed = self.size - self.half

    def measure(self) -> None:
        self.size = os.fstat(self.fds[0]).st_size

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)
        self.fds = ()


class Scribe:
    """A process that copies a script's output to the event's log, and outlives whoever dies.

    Files instead of pipes would lose lines: `echo x >/dev/stderr` empties a file.
    """

    def __init__(self, log: EventLog, account: "Any") -> None:
        self.log = log
        self.out, self.script_out = os.pipe()
        self.err, self.script_err = os.pipe()
        self.orders, self.order_fd = os.pipe()
        self.answer_fd, self.answers = os.pipe()
        self.pipes = {os.fstat(fd).st_ino for fd in (self.script_out, self.script_err)}
        self.held = False
        if account and account.pw_uid != os.geteuid():  # so that it can open /dev/stdout
            for fd in (self.script_out, self.script_err):
                os.fchown(fd, account.pw_uid, account.pw_gid)
        child = os.fork()
        if child == 0:
            try:
                self.serve()
            except BaseException:
                complain()
            finally:
                os._exit(0)
        self.child = child
        self.alive = True
        for fd in (self.out, self.err, self.orders, self.answers):
            os.close(fd)

    def let_script_go(self) -> None:
        """Close our copies of what only the script may hold."""
        os.close(self.script_out)
        os.close(self.script_err)

    def heard(self) -> None:
        """Take note that there was output, or that nobody copies it any more."""
        self.alive = bool(os.read(self.answer_fd, 4096))

    def finish(self) -> None:
        """Have everything that the script wrote until now in the log.

        Afterwards *held* tells whether somebody still has its output open.
        """
        last = self.last_answer()
        self.log.full = self.log.full or last in (b"F", b"f")
        self.log.torn = self.log.torn or last not in ENDS
        self.held = last in (b"d", b"f")
        os.close(self.order_fd)
        os.close(self.answer_fd)
        self.log.measure()

    def last_answer(self) -> bytes:
        """Ask the other process to come to its end, and return what it says then."""
        try:
            os.write(self.order_fd, b"!")
        except OSError:
            return b""  # it has died
        until = time.monotonic() + 30
        last = b""
        while last not in ENDS and time.monotonic() < until:
            if select.select([self.answer_fd], [], [], 1)[0]:
                answer = os.read(self.answer_fd, 4096)
                if not answer:
                    break
                last = answer[-1:]
        return last

    # The other process

    def serve(self) -> None:
        keep = set(self.log.fds) | {self.out, self.err, self.orders, self.answers}
        close_all_but(keep)
        self.partial = {self.out: b"", self.err: b""}
        orders = [self.orders]
        while self.partial or orders:
            ready = select.select(list(self.partial) + orders, [], [])[0]
            for fd in ready:
                if fd != self.orders:
                    self.copy(fd)
                    self.answer(b".")
            if self.orders in ready:
                if os.read(self.orders, 1):
                    self.drain()
                    end = b"F" if self.log.full else b"D"
                    self.answer(end.lower() if self.partial else end)
                    self.linger()
                    return
                orders = []  # the runner has died; the script goes on, and so does its log

    def answer(self, byte: bytes) -> None:
        try:
            os.write(self.answers, byte)
        except OSError:
            return

    def copy(self, fd: int) -> bool:
        """Copy what there is, and return whether there may be more."""
        data = os.read(fd, 1 << 16)
        lines = (self.partial[fd] + data).split(b"\n")
        self.partial[fd] = lines.pop()
        if len(self.partial[fd]) > LONG_LINE:
            self.log.write(lines, self.prefix(fd), self.partial[fd])
            self.partial[fd] = b""
        else:
            self.log.write(lines, self.prefix(fd))
        if not data:
            self.end_line(fd)
            del self.partial[fd]
            os.close(fd)
        return bool(data)

    def prefix(self, fd: int) -> bytes:
        return b"[stdout]" if fd == self.out else b"[stderr]"

    def end_line(self, fd: int) -> None:
        if self.partial[fd] or self.log.open == self.prefix(fd):
            self.log.write([self.partial[fd]], self.prefix(fd))
            self.partial[fd] = b""

    def drain(self) -> None:
        """Copy what is left, also of what the script began and did not wait for (`| tee log &`)."""
        until = time.monotonic() + LAST_WORDS
        while self.partial and time.monotonic() < until:
            pause = max(0.0, until - time.monotonic())
            for fd in select.select(list(self.partial), [], [], pause)[0]:
                self.copy(fd)
        for fd in list(self.partial):
            # A daemon may write for ever; more than a pipe holds is not of the script.
            for _ in range(16):
                if not select.select([fd], [], [], 0)[0] or not self.copy(fd):
                    break
            if fd in self.partial:
                self.end_line(fd)

    def linger(self) -> None:
        """Keep reading for a daemon that kept its output, which would die of a closed pipe."""
        if not self.partial:
            return
        first, *second = sorted(self.partial)
        os.dup2(first, 0)
        os.dup2(second[0] if second else first, 1)
        close_all_but(set())
        os.execv("/bin/sh", ["sh", "-c", "exec 3<&1; cat <&3 >/dev/null & exec cat >/dev/null"])
