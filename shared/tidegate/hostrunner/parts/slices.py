"""A session without a channel: one command follows a run for a while, and prints what it saw.

SSM Run Command carries it: https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html
"""

import binascii
import json
import os
import select
import sys
import time
import zlib

from tidegate.hostrunner.parts.base import (
    Gone,
    Refused,
    complain,
    raw,
    read_file,
    reason,
    replace_file,
    sha256,
    unlink_if_there,
    write_all,
)
from tidegate.hostrunner.parts.fetching import download, fetched
from tidegate.hostrunner.parts.following import Link
from tidegate.hostrunner.parts.journal import NAME, WISHES, Run
from tidegate.hostrunner.parts.revisions import Revisions
from tidegate.hostrunner.parts.session import REFUSED, detach, have_read, probe, run_session, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NoReturn

LARGEST_PARCEL = 64 << 20
ORDER = "order.json"
LONGEST_MESSAGE = 4000
MOST_WARNINGS = 10
UNREAD = (
    "The AppSpec file of the revision on this host could not be read over SSM: it is too long, or"
    " was changed meanwhile."
)
CUT = "More was said; it is cut, because one command can only print so much."


class Over(Exception):
    """The slice ends here; the next one goes on."""


class Order(Link):
    """What the one who starts a run is given, in place of a controller that could be asked."""

    def __init__(self, header: "dict[str, Any]") -> None:
        super().__init__(b"")
        self.answers = header.get("answers") or {}  # type: dict[str, dict[str, Any]]

    def put(self, line: bytes) -> None:
        """Say nothing: nobody listens."""
        del line

    def ask(self, **question: "Any") -> "dict[str, Any]":
        text = binascii.a2b_base64(question["text"])
        answer = self.answers.get(sha256(text).hexdigest())
        if answer is None:
            return {"error": UNREAD}
        return answer

    def bundle(self, bundle: "dict[str, Any]") -> "Iterator[bytes]":
        return download(bundle["source"], "the bundle")


class Slice(Order):
    """Keeps what is said, packed, as long as there is room for it and time."""

    piece = 8192

    def __init__(self, header: "dict[str, Any]") -> None:
        super().__init__(header)
        self.until = time.monotonic() + float(header["window"])
        self.room = int(header["room"])
        self.packer = zlib.compressobj(9)
        self.packed = b""
        self.size = 0

    def put(self, line: bytes) -> None:
        """Keep *line*.

        Raises:
            Over: There is no room for it.
        """
        if not self.fits(line) and (self.packed or not self.fits(shortened(line))):
            raise Over

    def fits(self, line: bytes) -> bool:
        packer = self.packer.copy()
        packed = packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH)
        # Base64 makes four bytes of three.
        if (len(self.packed) + len(packed) + 3) * 4 // 3 > self.room:
            return False
        self.packer, self.packed = packer, self.packed + packed
        return True

    def flush(self) -> None:
        return

    def beat(self) -> None:
        return

    def log(self, event: str, start: int, data: bytes) -> None:
        """Tell of some bytes of a log: as text, which is packed far better, where they are."""
        text = None
        if b"\0" not in data:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                text = None
        if text is None:
            super().log(event, start, data)
        else:
            self.say(t="log", e=event, at=start, s=text)

    def ask(self, **question: "Any") -> "dict[str, Any]":
        text = binascii.a2b_base64(question["text"])
        if sha256(text).hexdigest() in self.answers:
            return super().ask(**question)
        line = json.dumps(question).encode() + b"\n"
        if not self.fits(line):
            if self.packed:
                raise Over
            return {"error": UNREAD}
        raise Over

    def wait(self, pause: float, wake: "int | None") -> "list[str]":
        left = self.until - time.monotonic()
        if left <= 0:
            raise Over
        select.select([] if wake is None else [wake], [], [], min(pause, left))
        return []


def shortened(line: bytes) -> bytes:
    """Return a fact with less in it; where the journal goes on stays the same."""
    said = json.loads(line.decode())
    fact = said.get("f") or {}
    warnings = [str(warning)[: LONGEST_MESSAGE // 10] for warning in fact.get("warnings") or []]
    if warnings:
        fact["warnings"] = warnings[:MOST_WARNINGS] + [CUT]
    if len(str(fact.get("message") or "")) > LONGEST_MESSAGE:
        fact["message"] = fact["message"][:LONGEST_MESSAGE] + " " + CUT
    return json.dumps(said).encode() + b"\n"


def slices(order: "dict[str, Any]", state: str, instance: str) -> "NoReturn":
    """Carry out this instance's slice of a command; the boot calls this."""
    text = b""
    try:
        text = said_in_slice(header_of(order, instance), state)
    except Refused as error:
        text = summary(refused={"why": str(error), "code": error.code})
    except OSError as error:
        what = error.filename or state
        why = "The state folder %s on this host cannot be used (%s): %s." % (
            state,
            os.fsdecode(what) if isinstance(what, (str, bytes)) else what,
            reason(error),
        )
        text = summary(refused={"why": why, "code": "state_dir"})
    except Exception as error:
        why = "The runner failed: %s: %s." % (type(error).__name__, error)
        text = summary(refused={"why": why, "code": "protocol"})
    write_all(1, text)
    os._exit(0)


def summary(**facts: "Any") -> bytes:
    return json.dumps(facts, sort_keys=True).encode() + b"\n"


def header_of(order: "dict[str, Any]", instance: str) -> "dict[str, Any]":
    """Fetch what this instance is asked."""
    data = fetched(order["parcel"], "what it is asked", LARGEST_PARCEL)
    try:
        parcel = json.loads(zlib.decompress(data).decode())
        own = parcel["each"]
    except (zlib.error, ValueError, KeyError):
        raise Refused("What this host is asked cannot be read.", "protocol") from None
    if instance not in own:
        raise Refused(
            "This host does not know its instance id (its SSM Agent says %r). Update the agent."
            % instance,
            "protocol",
        )
    header = dict(parcel["common"], **own[instance])
    header["spec"] = dict(parcel["spec"], **header.get("spec") or {})
    header["window"] = window_left(header, time.time())
    return header


def window_left(header: "dict[str, Any]", now: float) -> float:
    """Return for how long to follow, so that all who got one command end together.

    The clock of a host that is too far from that of the controller is not asked.
    """
    window, late = float(header["window"]), now - float(header["sent_at"])
    if not 0 <= late <= 15:
        return window
    return max(min(window, 3.0), window - late)


def said_in_slice(header: "dict[str, Any]", state: str) -> bytes:
    link = Slice(header)
    done = False
    try:
        if header["op"] == "probe":
            probe(state, link)
        elif header["op"] == "wish":
            pass_on(header, state)
        else:
            run_session(header, state, link, begin)
        done = True
    except (Over, Gone):
        done = False
    text = binascii.b2a_base64(link.packed, newline=False)
    return summary(done=done, size=len(text)) + text + b"\n"


def pass_on(header: "dict[str, Any]", state: str) -> None:
    """Tell a run that another slice follows, or is about to start, what is wished of it."""
    if not NAME.match(header["key"]):
        raise Refused("%r cannot name a folder on a host." % header["key"], "protocol")
    run = Run(state, header["key"])
    if header.get("begins"):
        os.makedirs(run.path("logs"), 0o700, exist_ok=True)
    if header.get("wish") in WISHES and os.path.isdir(run.folder):
        run.ask(header["wish"])


# Starting a run: this process ends soon, and what the SSM Agent started may be ended with it.


def begin(run: Run, header: "dict[str, Any]", lock: int, link: Link) -> int:
    """Have another process start the run; return what is open until it has, or has failed."""
    if not run.wish():
        have_read(Revisions(run.state, header["spec"]), link)
    unlink_if_there(raw(run.path(REFUSED)))
    replace_file(run.path(ORDER), json.dumps(header).encode())
    os.chmod(run.path(ORDER), 0o600)
    ear, mouth = os.pipe()
    if os.fork() == 0:
        try:
            os.setsid()
            detach(run, keep=(mouth, lock))
            if not in_own_scope(run, lock):
                start_by_order(run.state, run.key, lock)
        except BaseException:
            complain()
        finally:
            os._exit(0)
    os.close(mouth)
    os.close(lock)
    return ear


def in_own_scope(run: Run, lock: int) -> bool:
    """Start the run out of reach of whoever stops the agent's unit; false where that cannot be.

    A scope, not a service: systemd leaves alone what scripts have started and left running.
    """
    if os.geteuid() != 0 or not os.path.isdir("/run/systemd/system"):
        return False
    import subprocess

    folder, name = os.path.split(os.path.abspath(__file__))
    code = "import sys;sys.path.insert(0,sys.argv[1]);m=__import__(sys.argv[2]);"
    code += "m.start_by_order(sys.argv[3],sys.argv[4],int(sys.argv[5]))"
    unit = "tidegate-%s-%s" % (run.key[:60], binascii.hexlify(os.urandom(4)).decode())
    scope = ["systemd-run", "--scope", "--quiet", "--collect", "--unit=" + unit, "--"]
    python = [sys.executable, "-I", "-S", "-E", "-c", code]
    told = [folder, name[:-3], run.state, run.key, str(lock)]
    try:
        return subprocess.call(scope + python + told, pass_fds=(lock,)) == 0
    except OSError:
        return False


def handed_on(run: Run, lock: int) -> "int | None":
    """Return the lock of a run, which scripts do not inherit; None if another process has it.

    Whoever started this process may have closed what it was to inherit: then it is free again.
    """
    try:
        if os.path.samestat(os.fstat(lock), os.stat(run.path("lock"))):
            os.set_inheritable(lock, False)
            return lock
    except OSError:
        pass
    return run.try_lock()


def start_by_order(state: str, key: str, lock: int) -> None:
    """Start a run whose lock was handed on, and leave behind why that failed.

    It is never free in between: a slice that was sent twice would find a run that did not begin.
    """
    run = Run(state, key)
    held = handed_on(run, lock)
    if held is None:
        return
    order = read_file(run.path(ORDER))
    unlink_if_there(raw(run.path(ORDER)))
    if not order or run.has_begun():
        return
    header = json.loads(order.decode())
    try:
        start(run, header, held, Order(header))
    except Refused as error:
        replace_file(run.path(REFUSED), json.dumps([str(error), error.code]).encode())
    except OSError as error:
        why = "The run could not begin on this host: %s." % reason(error)
        replace_file(run.path(REFUSED), json.dumps([why, "refused"]).encode())
