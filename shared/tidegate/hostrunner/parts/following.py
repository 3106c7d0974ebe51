"""What a session tells its controller of a run."""

import binascii
import json
import os
import select
import time

from tidegate.hostrunner.parts.base import AT_ONCE, BEAT, Gone, write_all
from tidegate.hostrunner.parts.journal import WISHES, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

PIECE = 48 * 1024


class Link:
    """The two ends of the session: bytes from the controller, JSON lines to it."""

    piece = PIECE
    """Most bytes of a log in one line."""

    def __init__(self, rest: bytes) -> None:
        self.rest = rest
        self.out = []  # type: list[bytes]
        self.spoke_at = time.monotonic()

    def say(self, **message: "Any") -> None:
        self.put(json.dumps(message).encode() + b"\n")
        self.flush()

    def put(self, line: bytes) -> None:
        self.out.append(line)

    def flush(self) -> None:
        if not self.out:
            return
        data, self.out = b"".join(self.out), []
        try:
            write_all(1, data)
        except OSError:
            raise Gone from None
        self.spoke_at = time.monotonic()

    def beat(self) -> None:
        if time.monotonic() - self.spoke_at >= BEAT:
            self.say(t="beat")

    def log(self, event: str, start: int, data: bytes) -> None:
        """Tell of some bytes of an event's log."""
        text = binascii.b2a_base64(data, newline=False)
        self.put(
            b'{"t":"log","e":%s,"at":%d,"b":"%s"}\n' % (json.dumps(event).encode(), start, text)
        )
        self.flush()

    def bundle(self, bundle: "dict[str, Any]") -> "Iterator[bytes]":
        """Yield the bundle's bytes, which the controller sends when it is asked for them."""
        self.say(t="need", what="bundle")
        return self.take(bundle["size"])

    def take(self, size: int) -> "Iterator[bytes]":
        """Yield exactly *size* raw bytes in pieces."""
        while size:
            while not self.rest:
                if select.select([0], [], [], BEAT)[0]:
                    self.rest = os.read(0, AT_ONCE)
                    if not self.rest:
                        raise Gone
                self.beat()
            piece, self.rest = self.rest[:size], self.rest[size:]
            size -= len(piece)
            yield piece

    def ask(self, **question: "Any") -> "dict[str, Any]":
        """Return the controller's answer, which is one line; commands before it stay unread."""
        self.say(**question)
        commands = b""
        while True:
            while b"\n" not in self.rest:
                if select.select([0], [], [], BEAT)[0]:
                    data = os.read(0, AT_ONCE)
                    if not data:
                        raise Gone
                    self.rest += data
                self.beat()
            line, _, self.rest = self.rest.partition(b"\n")
            said = json.loads(line.decode())  # type: dict[str, Any]
            if "op" not in said:
                self.rest = commands + self.rest
                return said
            commands += line + b"\n"

    def unread(self) -> "list[str]":
        """Return the commands that have arrived; they stay unread."""
        lines = self.rest.split(b"\n")[:-1]
        return [json.loads(line.decode()).get("op") for line in lines if line.strip()]

    def wait(self, pause: float, wake: "int | None") -> "list[str]":
        """Sleep until something happens, and return the commands that arrived."""
        if b"\n" not in self.rest:
            ready = select.select([0] if wake is None else [0, wake], [], [], pause)[0]
            if 0 in ready:
                data = os.read(0, 1 << 16)
                if not data:
                    raise Gone
                self.rest += data
        commands = self.unread()
        self.rest = self.rest.rpartition(b"\n")[2]
        return commands


class Replay:
    """Tells the controller what the journal and the logs hold, from where it left off."""

    def __init__(self, run: Run, seen: "dict[str, Any]", link: Link, log_bytes: int) -> None:
        self.run = run
        self.link = link
        self.seen = int(seen.get("journal") or 0)
        self.sent = dict(seen.get("logs") or {})  # type: dict[str, int]
        self.cap = log_bytes
        self.at = 0
        self.event = None  # type: str | None
        self.boot = ""
        self.ended = False
        self.unwritten = ""

    def pump(self) -> bool:
        """Send what is new, and return whether anything was."""
        moved = False
        for line in self.new_lines():
            moved = True
            fact = json.loads(line.decode())
            self.at += len(line) + 1
            self.note(fact)
            if self.at > self.seen:
                if "log_size" in fact:
                    self.send_log(fact["name"], fact["log_size"], final=True)
                self.link.put(b'{"t":"fact","o":%d,"f":%s}\n' % (self.at, line))
        if self.event:
            moved = self.send_log(self.event, 1 << 62, final=False) or moved
        self.link.flush()
        return moved

    def new_lines(self) -> "list[bytes]":
        try:
            with open(self.run.journal, "rb") as file:
                file.seek(self.at)
                return file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return []

    def note(self, fact: "dict[str, Any]") -> None:
        kind = fact["fact"]
        if kind == "begun":
            self.boot = fact["boot"]
        elif kind == "event":
            self.event = fact["name"] if fact["status"] == "InProgress" else None
        elif kind == "end":
            self.ended = True

    def send_log(self, event: str, size: int, final: bool) -> bool:
        """Send the first half of what is allowed as it comes, and the last half at the end."""
        at, half = self.sent.get(event, 0), self.cap // 2
        if not final and at >= half:
            return False
        try:
            fd = os.open(self.run.log(event), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            size = min(size, os.fstat(fd).st_size)
            if final and size <= self.cap:
                ranges = [(at, size)]
            else:
                ranges = [(at, min(size, half))]
                if final:
                    ranges.append((max(at, size - half), size))
            moved = [self.send_range(event, fd, start, stop) for start, stop in ranges]
            return any(moved)
        finally:
            os.close(fd)

    def send_range(self, event: str, fd: int, start: int, stop: int) -> bool:
        moved = False
        while start < stop:
            data = os.pread(fd, min(self.link.piece, stop - start), start)
            if not data:
                break
            self.link.log(event, start, data)
            start += len(data)
            self.sent[event] = start
            moved = True
        return moved

    def pass_on_wish(self) -> None:
        """Write down what the controller wishes: now, or once the disk has room for it."""
        if self.unwritten:
            try:
                self.run.ask(self.unwritten)
            except OSError:
                return
            self.unwritten = ""

    def follow(self, wake: "int | None") -> bool:
        """Follow until the run has ended (true) or its lock is free although it has not (false)."""
        longest = 0.1 if wake is None else 1.0
        pause, looked_at = 0.01 if wake is None else longest, time.monotonic()
        while True:
            moved = self.pump()
            if self.ended:
                return True
            # Who runs it knocks; where nobody does, it may be that others write the journal.
            pause = 0.01 if moved and wake is None else min(pause * 1.5, longest)
            self.link.beat()
            for wish in self.link.wait(pause, wake):
                if wish in WISHES:
                    self.unwritten = wish
            self.pass_on_wish()
            if wake is not None and select.select([wake], [], [], 0)[0] and not os.read(wake, 4096):
                os.close(wake)
                wake, looked_at = None, 0.0
            if wake is None and time.monotonic() - looked_at > 0.5:
                looked_at = time.monotonic()
                lock = self.run.try_lock()
                if lock is not None:
                    os.close(lock)
                    self.pump()
                    return self.ended
