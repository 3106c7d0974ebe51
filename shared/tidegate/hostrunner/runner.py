"""Runs the lifecycle events of one deployment on a host, once, on any Python from 3.6 on."""

# Rare modules are imported where they are needed, for a fast start; the rest is beyond Python 3.6.
# ruff: noqa: PLC0415, B905, RUF005

import binascii
import errno
import fcntl
import json
import os
import re
import select
import signal
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

VERSION = 1
BEAT = 3.0
GRACE = 5.0
PIECE = 48 * 1024
FREE_AFTER = 4 << 20
KEEP_RUNS_FOR = 7 * 86400
WISHES = ("cancel", "kill")
STOPPED = "The deployment was stopped while this event ran."
FROM_PREVIOUS = ("ApplicationStop", "BeforeBlockTraffic", "AfterBlockTraffic")
INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ")
SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\Z")


class Gone(Exception):
    """The controller has left; the run goes on."""


class Refused(Exception):
    """Nothing was started, for the reason given as a sentence."""

    def __init__(self, why: str, code: str = "refused") -> None:
        super().__init__(why)
        self.code = code


class Failure(Exception):
    """A lifecycle event failed, for the reason given as a sentence."""

    def __init__(
        self,
        message: str,
        code: str = "UnknownError",
        script: str = "",
        exit_code: "int | None" = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.script = script
        self.exit_code = exit_code


def raw(text: str) -> bytes:
    # File names are bytes here: Python 3.6 in the C locale cannot open what is not ASCII.
    return text.encode("utf-8", "surrogateescape")


def shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def complain() -> None:
    """Write the traceback of what is being handled to the run's notes."""
    sys.excepthook(*sys.exc_info())


def reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    return (error.strerror or str(error)).lower()


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def replace_file(path: str, data: bytes) -> None:
    """Write *path* so that a reader sees the old text or the new one."""
    temporary = "%s.%d" % (path, os.getpid())
    unlink_if_there(raw(temporary))  # of one that died, and had our number
    fd = os.open(temporary, NEW_FILE, 0o644)
    try:
        write_all(fd, data)
        os.fsync(fd)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)
    os.replace(temporary, path)


def read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def names_in(folder: str) -> "list[str]":
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def sync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError:
        return  # some file systems cannot, and then there is nothing better
    finally:
        os.close(fd)


def boot_id() -> str:
    return read_file("/proc/sys/kernel/random/boot_id").decode().strip()


def started_at(pid: int) -> str:
    """Return the kernel's start time of a process; empty when there is none alive."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


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


def remove_tree(path: bytes) -> None:
    if os.path.islink(path) or not os.path.isdir(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        return
    import shutil

    shutil.rmtree(path)


class Link:
    """The two ends of the session: bytes from the controller, JSON lines to it."""

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

    def take(self, size: int) -> "Iterator[bytes]":
        """Yield exactly *size* raw bytes in pieces."""
        while size:
            while not self.rest:
                if select.select([0], [], [], BEAT)[0]:
                    self.rest = os.read(0, 1 << 18)
                    if not self.rest:
                        raise Gone
                self.beat()
            piece, self.rest = self.rest[:size], self.rest[size:]
            size -= len(piece)
            yield piece

    def wait(self, pause: float, wake: "int | None") -> "list[str]":
        """Sleep until something happens, and return the commands that arrived."""
        if b"\n" not in self.rest:
            ready = select.select([0] if wake is None else [0, wake], [], [], pause)[0]
            if 0 in ready:
                data = os.read(0, 1 << 16)
                if not data:
                    raise Gone
                self.rest += data
        lines = self.rest.split(b"\n")
        self.rest = lines.pop()
        return [json.loads(line.decode()).get("op") for line in lines if line.strip()]


class Run:
    """The folder of one run."""

    def __init__(self, state: str, key: str) -> None:
        self.state = state
        self.key = key
        self.folder = os.path.join(state, "runs", key)
        self.journal = self.path("journal.jsonl")
        self.bundle = self.path("bundle")

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def log(self, event: str) -> str:
        return self.path("logs/%s.log" % event)

    def try_lock(self) -> "int | None":
        fd = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd

    def has_begun(self) -> bool:
        return b"\n" in read_file(self.journal)

    def ask(self, wish: str) -> None:
        if self.wish() != "kill":
            replace_file(self.path("cancel"), wish.encode())

    def wish(self) -> str:
        return read_file(self.path("cancel")).decode()


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
            data = os.pread(fd, min(PIECE, stop - start), start)
            if not data:
                break
            text = binascii.b2a_base64(data, newline=False)
            self.link.put(
                b'{"t":"log","e":"%s","at":%d,"b":"%s"}\n' % (event.encode(), start, text)
            )
            self.link.flush()
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
        pause, looked_at = 0.01, time.monotonic()
        while True:
            moved = self.pump()
            if self.ended:
                return True
            pause = 0.01 if moved else min(pause * 1.5, longest)
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


def session(header: "dict[str, Any]", state: str, rest: bytes) -> "NoReturn":
    """Answer one session of a controller; BOOT calls this."""
    link = Link(rest)
    try:
        if header.get("v") != VERSION:
            refuse(link, "The runner speaks version %d of the protocol." % VERSION, "protocol")
        elif header["op"] == "probe":
            probe(state, link)
        else:
            run_session(header, state, link)
    except Gone:
        os._exit(0)
    except Refused as error:
        refuse(link, str(error), error.code)
    except OSError as error:
        what = error.filename or state
        refuse(
            link,
            "The state folder %s on this host cannot be used (%s): %s."
            % (state, os.fsdecode(what) if isinstance(what, (str, bytes)) else what, reason(error)),
            "state_dir",
        )
    os._exit(0)


def refuse(link: Link, why: str, code: str) -> None:
    try:
        link.say(t="refused", why=why, code=code)
    except Gone:
        return


def probe(state: str, link: Link) -> None:
    path = os.path.join(state, "probe")
    replace_file(path, b"ok")
    os.unlink(path)
    version = "%d.%d.%d" % sys.version_info[:3]
    link.say(t="pong", python=version, uid=os.geteuid(), state_dir=state)


def run_session(header: "dict[str, Any]", state: str, link: Link) -> None:
    spec, seen = header["spec"], header.get("seen") or {}
    check_names(header["key"], spec)
    run = Run(state, header["key"])
    replay = Replay(run, seen, link, log_cap(spec))
    attach = header["op"] == "attach"  # whoever looks back starts nothing and makes no folder
    gone = replay.seen > len(read_file(run.journal))
    if gone or (attach and not os.path.isdir(run.folder)):
        link.say(t="unknown")
        return
    os.makedirs(run.path("logs"), 0o700, exist_ok=True)
    if header.get("wish") in WISHES:  # before anything begins, so that nothing does
        run.ask(header["wish"])
    wake, tried = None, False
    while True:
        lock = run.try_lock()
        if lock is not None:
            begun = run.has_begun()
            if attach and not begun:
                os.close(lock)
                link.say(t="unknown")
                return
            if begun or tried:
                os.close(lock)
                conclude(replay, begun)
                return
            wake, tried = start(run, header, lock, link), True
        if replay.follow(wake):
            link.say(t="end")
            return
        wake = None


def log_cap(spec: "dict[str, Any]") -> int:
    return int(spec.get("limits", {}).get("log_bytes", 10485760))


def conclude(replay: Replay, begun: bool) -> None:
    """Report on a run that nobody runs any more."""
    replay.pump()
    if replay.ended:
        replay.link.say(t="end")
    elif begun:
        why = "died" if replay.boot == boot_id() else "rebooted"
        replay.link.say(t="lost", why=why, event=replay.event)
    else:
        notes = read_file(replay.run.path("runner.log")).decode("utf-8", "replace").split("\n")
        last = [note for note in notes if note.strip()][-1:]
        why = "The run could not begin on this host: %s." % "".join(last or ["no reason is known"])
        raise Refused(why)


def check_names(key: str, spec: "dict[str, Any]") -> None:
    for name in [key, spec["deployment_id"], spec["group_id"]] + list(spec["events"]):
        if not NAME.match(name):
            raise Refused("%r cannot name a folder on a host." % name, "protocol")


def start(run: Run, header: "dict[str, Any]", lock: int, link: Link) -> int:
    """Start the run, detached, and return where it knocks when it has written something."""
    bundle = header.get("bundle")
    if bundle and "DownloadBundle" in header["spec"]["events"] and not run.wish():
        cached = fetch_bundle(run.state, bundle, link)
        remove_tree(raw(run.bundle))
        os.link(cached, run.bundle)
    replace_file(run.path("spec.json"), json.dumps(header["spec"]).encode())
    os.chmod(run.path("spec.json"), 0o600)
    ear, knock = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                os.close(ear)
                detach(run, keep=(lock, knock))
                Runner(run, header["spec"], bundle, knock).main()
        except BaseException:
            complain()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(lock)
    os.close(knock)
    return ear


def detach(run: Run, keep: "tuple[int, ...]") -> None:
    """Let go of everything that the session owns."""
    os.chdir("/")
    os.umask(0o022)
    null = os.open("/dev/null", os.O_RDWR)
    notes = os.open(run.path("runner.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(notes, 2)
    close_all_but(set(keep))


def close_all_but(keep: "set[int]") -> None:
    """Close every descriptor from 3 on but those."""
    try:
        fds = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        fds = list(range(3, 1024))
    for fd in fds:
        if fd > 2 and fd not in keep:
            try:
                os.close(fd)
            except OSError:
                continue


def fetch_bundle(state: str, bundle: "dict[str, Any]", link: Link) -> str:
    """Return the cached bundle, asking the controller for it if this host lacks it."""
    folder = os.path.join(state, "bundles")
    os.makedirs(folder, 0o700, exist_ok=True)
    if not re.match(r"[0-9a-f]{64}\Z", bundle["sha256"]):
        raise Refused("%r is no SHA-256 digest." % bundle["sha256"], "protocol")
    path = os.path.join(folder, bundle["sha256"])
    try:
        if os.stat(path).st_size == bundle["size"]:
            os.utime(path)
            return path
    except FileNotFoundError:
        pass
    space = os.statvfs(folder)
    if space.f_bavail * space.f_frsize < bundle["size"]:
        raise Refused(
            "The disk of %s is too full for the bundle, which has %d bytes; free some space there."
            % (folder, bundle["size"]),
            "disk_full",
        )
    link.say(t="need", what="bundle")
    temporary = "%s.%s" % (path, binascii.hexlify(os.urandom(6)).decode())
    try:
        receive(temporary, bundle, link)
        os.replace(temporary, path)
    finally:
        remove_tree(raw(temporary))
    return path


def receive(path: str, bundle: "dict[str, Any]", link: Link) -> None:
    digest = sha256()
    fd = os.open(path, NEW_FILE, 0o600)
    try:
        for piece in link.take(bundle["size"]):
            digest.update(piece)
            write_all(fd, piece)
        os.fsync(fd)
    finally:
        os.close(fd)
    if digest.hexdigest() != bundle["sha256"]:
        raise Refused("The bundle arrived damaged: its SHA-256 digest is wrong.", "protocol")


def sha256() -> "Any":
    # OpenSSL takes longer to load than most bundles take to hash.
    for name in ("_sha256", "_sha2", "hashlib"):
        try:
            return __import__(name).sha256()
        except ImportError:
            continue
    raise Refused("python3 on this host lacks SHA-256.")


class Journal:
    """The facts of a run, one line each, on disk before anything depends on them."""

    def __init__(self, run: Run, knock: "Callable[[], None]") -> None:
        self.run = run
        self.knock = knock
        # Room for the last facts on a disk that a script has filled.
        self.reserve = run.path("reserve")
        with open(self.reserve, "wb") as file:
            file.write(b"\0" * 65536)
        self.fd = os.open(run.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.synced_folders = False

    def fact(self, fact: str, **body: "Any") -> None:
        line = dict(body, fact=fact, at=time.time())
        data = json.dumps(line, sort_keys=True).encode() + b"\n"
        written = 0
        while written < len(data):
            try:
                written += os.write(self.fd, data[written:])
            except OSError as error:
                if error.errno != errno.ENOSPC or not os.path.exists(self.reserve):
                    raise
                os.unlink(self.reserve)
        self.knock()

    def close(self) -> None:
        self.sync()
        unlink_if_there(raw(self.reserve))

    def sync(self) -> None:
        os.fsync(self.fd)
        if not self.synced_folders:
            self.synced_folders = True
            sync_folder(self.run.folder)
            sync_folder(os.path.dirname(self.run.folder))


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

    def write(self, lines: "list[bytes]") -> None:
        if not lines:
            return
        if not self.fds:
            os.makedirs(os.path.dirname(self.paths[1]), 0o755, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self.fds = tuple(os.open(path, flags, 0o644) for path in self.paths)
        stamp = time.strftime("%Y-%m-%d %H:%M:%S ").encode()
        try:
            write_all(self.fds[0], b"".join(line + b"\n" for line in lines))
            if self.size < 2 * self.half:
                write_all(self.fds[1], b"".join(stamp + line + b"\n" for line in lines))
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
        if account:  # so that the script can open /dev/stdout
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
        """Have everything that the script wrote until now in the log."""
        last = self.last_answer()
        self.log.full = self.log.full or last == b"F"
        self.log.torn = self.log.torn or last not in (b"D", b"F")
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
        while last not in (b"D", b"F") and time.monotonic() < until:
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
                    self.answer(b"F" if self.log.full else b"D")
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
        prefix = b"[stdout]" if fd == self.out else b"[stderr]"
        data = os.read(fd, 1 << 16)
        lines = (self.partial[fd] + data).split(b"\n")
        last = lines.pop()
        if last and (not data or len(last) > 1 << 16):
            lines.append(last)
            last = b""
        self.log.write([prefix + line for line in lines])
        self.partial[fd] = last
        if not data:
            del self.partial[fd]
            os.close(fd)
        return bool(data)

    def drain(self) -> None:
        for fd in list(self.partial):
            # A daemon may write for ever; more than a pipe holds is not of the script.
            for _ in range(16):
                if not select.select([fd], [], [], 0)[0] or not self.copy(fd):
                    break
            if self.partial.get(fd):
                self.log.write(
                    [(b"[stdout]" if fd == self.out else b"[stderr]") + self.partial[fd]]
                )

    def linger(self) -> None:
        """Keep reading for a daemon that kept its output, which would die of a closed pipe."""
        if not self.partial:
            return
        fds = [os.dup2(fd, number) for fd, number in zip(sorted(self.partial), (0, 1))]
        os.dup2(fds[-1], 1)
        close_all_but(set())
        os.execv("/bin/sh", ["sh", "-c", "exec 3<&1; cat <&3 >/dev/null & exec cat >/dev/null"])


class Runner:
    """Runs the events of one spec, in order, in a process of its own."""

    def __init__(
        self, run: Run, spec: "dict[str, Any]", bundle: "dict[str, Any] | None", knock: int
    ) -> None:
        self.run = run
        self.spec = spec
        self.bundle = bundle
        self.knock_fd = knock
        self.root = os.path.join(run.state, "deployment-root")
        self.group = os.path.join(self.root, spec["group_id"])
        self.folder = os.path.join(self.group, spec["deployment_id"])
        self.archive = os.path.join(self.folder, "deployment-archive")
        self.notes = os.path.join(self.root, "deployment-instructions", spec["group_id"])
        self.group_lock = -1
        self.holding = False
        self.warnings = []  # type: list[str]
        os.set_blocking(knock, False)
        self.journal = Journal(run, self.knock)
        self.child_ended = self.listen()

    def knock(self) -> None:
        try:
            os.write(self.knock_fd, b".")
        except OSError:
            return  # full or nobody there: the follower looks by itself

    def listen(self) -> int:
        ear, mouth = os.pipe()
        for fd in (ear, mouth):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(mouth)
        return ear

    def nap(self, pause: float, scribe: Scribe) -> None:
        """Sleep, but not longer than until a child ends or says something."""
        ears = [self.child_ended] + ([scribe.answer_fd] if scribe.alive else [])
        ready = select.select(ears, [], [], pause)[0]
        if self.child_ended in ready:
            os.read(self.child_ended, 4096)
        if scribe.answer_fd in ready:
            scribe.heard()
            self.knock()

    def main(self) -> None:
        self.journal.fact("begun", boot=boot_id(), pid=os.getpid())
        try:
            outcome = self.run_events(self.enter_or_say_why_not())
        finally:
            self.leave()
        self.journal.fact("end", outcome=outcome)
        self.journal.close()
        self.tidy(self.prune_runs)

    # One run per group at a time

    def enter_or_say_why_not(self) -> str:
        try:
            os.makedirs(os.path.dirname(self.notes), 0o755, exist_ok=True)
            return "succeeded" if self.enter() else "stopped"
        except OSError as error:
            why = "The state folder %s cannot be used: %s." % (self.run.state, reason(error))
            for name in self.spec["events"][:1]:
                self.finish(name, "Failed", 0, Failure(why))
            return "failed"

    def enter(self) -> bool:
        """Wait for the group's lock; false when the run was cancelled meanwhile."""
        folder = os.path.join(self.run.state, "locks")
        os.makedirs(folder, 0o700, exist_ok=True)
        path = os.path.join(folder, self.spec["group_id"])
        self.group_lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        locked, told = False, ""
        while True:
            locked = locked or self.try_group_lock()
            holder, busy = self.holder()
            if locked and not busy:
                self.hold()
                return True
            if self.run.wish():
                return False
            if holder and holder != told:
                told = holder
                self.journal.fact("waiting", **{"for": holder})
            time.sleep(0.1)

    def try_group_lock(self) -> bool:
        try:
            fcntl.flock(self.group_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def holder(self) -> "tuple[str, bool]":
        """Return whose lock it is, and whether that one's script outlived its runner."""
        words = os.pread(self.group_lock, 512, 0).decode().split()
        if len(words) == 4:
            alive = words[3] == boot_id() and started_at(int(words[1])) == words[2]
            return words[0], alive
        return "".join(words[:1]), False

    def hold(self, script: "int | None" = None) -> None:
        """Write down whose lock it is, and which process the next run has to wait for as well."""
        self.holding = True
        text = self.spec["deployment_id"]
        if script is not None:
            text += "\n%d %s %s" % (script, started_at(script), boot_id())
        data = text.encode() + b"\n"
        os.pwrite(self.group_lock, data, 0)
        os.ftruncate(self.group_lock, len(data))

    def leave(self) -> None:
        if self.holding:
            os.ftruncate(self.group_lock, 0)
        if self.group_lock >= 0:
            os.close(self.group_lock)

    # Events

    def run_events(self, outcome: str) -> str:
        for name in self.spec["events"][1 if outcome == "failed" else 0 :]:
            if outcome == "succeeded" and self.run.wish():
                outcome = "stopped"
            if outcome != "succeeded":
                self.finish(name, "Skipped", 0, None)
                continue
            failed = self.run_event(name)
            if failed and self.run.wish():
                outcome = "stopped"
            elif failed and not (
                name in FROM_PREVIOUS and self.spec.get("ignore_application_stop_failures")
            ):
                outcome = "failed"
        return outcome

    def run_event(self, name: str) -> bool:
        """Run one event and return whether it failed."""
        scripts_log = os.path.join(self.folder, "logs", "scripts.log")
        log = EventLog(name, self.run.log(name), scripts_log, log_cap(self.spec))
        self.warnings = []
        self.journal.fact("event", name=name, status="InProgress")
        failure, exit_code = None, None  # type: Failure | None, int | None
        try:
            exit_code = self.perform(name, log)
        except Failure as error:
            failure = error
        except OSError as error:
            where = os.fsdecode(error.filename) if error.filename else "This host"
            failure = Failure("%s failed at %s: %s." % (name, where, reason(error)))
        except Exception as error:
            complain()
            failure = Failure(
                "The runner failed in %s: %s: %s." % (name, type(error).__name__, error)
            )
        if self.run.wish():
            script, code = (failure.script, failure.exit_code) if failure else ("", exit_code)
            failure = Failure(STOPPED, script=script, exit_code=code)
        if log.full:
            self.warnings.append("The disk was full, so the log of this event is not complete.")
        if log.torn:
            self.warnings.append("What writes the log of this event died, so it is not complete.")
        log.close()
        status = "Failed" if failure else "Succeeded"
        self.finish(name, status, log.size, failure, exit_code)
        return failure is not None

    def finish(
        self,
        name: str,
        status: str,
        log_size: int,
        failure: "Failure | None",
        exit_code: "int | None" = None,
    ) -> None:
        self.journal.fact(
            "event",
            name=name,
            status=status,
            exit_code=failure.exit_code if failure else exit_code,
            error_code=failure.code if failure else "Success",
            script=failure.script if failure else "",
            message=failure.message if failure else status if status == "Succeeded" else "",
            log_size=log_size,
            warnings=[] if status == "Skipped" else self.warnings,
        )
        if log_size or name in ("Install", "DownloadBundle"):
            self.journal.sync()

    def perform(self, name: str, log: EventLog) -> "int | None":
        if name == "DownloadBundle":
            self.journal.sync()
            self.download()
            return None
        if name == "Install":
            self.journal.sync()
            self.warnings.extend(Install(self).run())
            return None
        return self.run_hooks(name, log)

    # DownloadBundle

    def download(self) -> None:
        self.tidy(self.prune_archives)
        os.makedirs(self.folder, 0o755, exist_ok=True)
        target, fresh = raw(self.archive), raw(self.archive + ".new")
        remove_tree(fresh)
        try:
            os.mkdir(fresh, 0o755)
            if self.bundle:
                limits = self.spec.get("limits", {})
                unpack(raw(self.run.bundle), self.bundle["type"], fresh, limits)
                strip_single_folder(fresh)
            remove_tree(target)
            os.rename(fresh, target)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise Failure(
                    "The disk of %s is too full to unpack the bundle; free some space there."
                    % self.folder
                ) from None
            raise
        finally:
            remove_tree(fresh)
        replace_file(
            os.path.join(self.folder, "appspec.json"), json.dumps(self.spec["appspec"]).encode()
        )
        replace_file(self.notes + "_most_recent_install", raw(self.folder))
        remove_tree(raw(self.run.bundle))
        self.tidy(self.prune_bundles)

    def tidy(self, act: "Callable[[], None]") -> None:
        """Do what no deployment depends on."""
        try:
            act()
        except OSError as error:
            self.warnings.append("Old files on this host could not be removed: %s." % error)

    def revisions_kept(self) -> int:
        return max(1, int(self.spec.get("max_revisions") or 5))

    def prune_archives(self) -> None:
        """Delete the oldest archives of this group as the agent does, never the installed one."""
        names = [name for name in names_in(self.group) if name != self.spec["deployment_id"]]
        folders = sorted(
            (os.path.join(self.group, name) for name in names),
            key=lambda path: os.lstat(path).st_mtime,
        )
        installed = read_file(self.notes + "_last_successful_install").decode().strip()
        surplus = len(folders) - (self.revisions_kept() - 1)
        for path in folders:
            if surplus > 0 and path != installed:
                remove_tree(raw(path))
                surplus -= 1

    def prune_bundles(self) -> None:
        folder = os.path.join(self.run.state, "bundles")
        paths = [os.path.join(folder, name) for name in names_in(folder)]
        whole = [path for path in paths if "." not in os.path.basename(path)]
        # Downloads that ended half-way leave a name with a dot; an hour is longer than any of them.
        old = [path for path in paths if path not in whole and age(path) > 3600]
        whole.sort(key=age)
        for path in whole[self.revisions_kept() :] + old:
            remove_tree(raw(path))

    def prune_runs(self) -> None:
        """Delete old runs that have ended, and old versions of this file."""
        versions = os.path.join(self.run.state, "runner")
        for folder in (versions, os.path.join(versions, "__pycache__")):
            for name in names_in(folder):
                path = os.path.join(folder, name)
                mine = name.startswith((__name__, "__pycache__"))
                if not mine and age(path) > KEEP_RUNS_FOR:
                    unlink_if_there(raw(path))
        folder = os.path.dirname(self.run.folder)
        for name in names_in(folder):
            run = Run(self.run.state, name)
            if run.key == self.run.key or age(run.journal) < KEEP_RUNS_FOR:
                continue
            if b'"fact": "end"' in read_file(run.journal)[-200:]:
                remove_tree(raw(run.folder))

    # Hooks

    def run_hooks(self, event: str, log: EventLog) -> "int | None":
        archive, appspec = self.scripts_of(event)
        hooks = (appspec.get("hooks") or {}).get(event) or []
        if not hooks:
            return None
        log.write([b"LifecycleEvent - " + raw(event)])
        for hook in hooks:
            if self.run.wish():
                break
            Script(self, event, hook, archive, log).run()
        return 0

    def scripts_of(self, event: str) -> "tuple[str, dict[str, Any]]":
        """Return the archive and the AppSpec that *event* runs from."""
        if event not in FROM_PREVIOUS or os.path.isdir(self.archive):
            return self.archive, self.spec["appspec"]
        pointer = self.notes + "_last_successful_install"
        folder = read_file(pointer).decode().strip()
        if not folder:
            return "", {}
        text = read_file(os.path.join(folder, "appspec.json"))
        if not text:
            raise Failure(
                "The scripts of %s belong to the revision that was installed last, and its"
                " folder %s is gone from this host. Deploy with"
                " ignore_application_stop_failures once, or delete %s there."
                % (event, folder, pointer)
            )
        return os.path.join(folder, "deployment-archive"), json.loads(text.decode())

    def environment(self, event: str, archive: str) -> "dict[bytes, bytes]":
        values = dict(os.environ)  # type: dict[str, Any]
        for name in os.environ:
            if name not in INHERITED and not name.startswith("LC_"):
                del values[name]
        # A login over SSH often lacks what a service of the host has.
        path = values.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")
        values["PATH"] = ":".join(path + [folder for folder in SYSTEM if folder not in path])
        values.update(self.spec.get("revision") or {})
        values.update(self.spec.get("environment") or {})
        values.update(
            LIFECYCLE_EVENT=event,
            DEPLOYMENT_ID=self.spec["deployment_id"],
            APPLICATION_NAME=self.spec["application_name"],
            DEPLOYMENT_GROUP_NAME=self.spec["group_name"],
            DEPLOYMENT_GROUP_ID=self.spec["group_id"],
            DEPLOYMENT_ARCHIVE=archive,
        )
        return {raw(k): raw(str(v)) for k, v in values.items() if v is not None}


def age(path: str) -> float:
    try:
        return time.time() - os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0.0


class Script:
    """One hook script, started once."""

    def __init__(
        self, runner: Runner, event: str, hook: "dict[str, Any]", archive: str, log: EventLog
    ) -> None:
        self.runner = runner
        self.location = str(hook["location"])
        self.timeout = int(hook.get("timeout") or 3600)
        self.runas = (hook.get("runas") or "").strip()
        self.sudo = bool(hook.get("sudo"))
        self.archive = archive
        self.path = os.path.normpath(os.path.join(raw(archive), raw(self.location).lstrip(b"/")))
        self.log = log
        self.env = runner.environment(event, archive)

    def fail(self, text: str, code: str, exit_code: "int | None" = None) -> Failure:
        return Failure(text, code, self.location, exit_code)

    def run(self) -> None:
        self.check()
        argv = [self.path]
        if self.sudo:
            argv = [b"sudo", b"-n"] + (
                [b"su", raw(self.runas), b"-c", self.path] if self.runas else [self.path]
            )
        account = None if self.sudo else self.account()
        self.log.write([b"Script - " + raw(self.location)])
        self.runner.journal.sync()
        scribe = Scribe(self.log, account)
        try:
            try:
                child = self.spawn(argv, account, scribe.script_out, scribe.script_err)
            finally:
                scribe.let_script_go()
            why, status = self.wait(child, scribe)
            try:
                self.runner.hold()
            except OSError:
                complain()  # the lock names a script that has ended, which keeps nobody waiting
        finally:
            scribe.finish()
            self.runner.knock()
        self.judge(why, status)

    def check(self) -> None:
        if not self.path.startswith(raw(self.archive) + b"/"):
            raise self.fail(
                "Script location %s leads out of the revision." % self.location, "ScriptFailed"
            )
        if not os.path.exists(self.path):
            raise self.fail(
                "Script does not exist at specified location: %s" % shown(self.path),
                "ScriptMissing",
            )
        if not os.access(self.path, os.X_OK):
            try:
                os.chmod(self.path, os.stat(self.path).st_mode & 0o7777 | 0o111)
            except OSError:
                raise self.fail(
                    "Unable to set script at specified location: %s as executable" % self.location,
                    "ScriptNotExecutable",
                ) from None

    def account(self) -> "Any":
        """Return the account to become, or none to stay who we are."""
        if not self.runas:
            return None
        import pwd

        try:
            account = pwd.getpwnam(self.runas)
        except KeyError:
            raise self.fail(
                "Script at specified location: %s cannot run as user %s:"
                " this host has no such user." % (self.location, self.runas),
                "ScriptFailed",
            ) from None
        uid = os.geteuid()
        if account.pw_uid == uid:
            return None
        if uid != 0:
            raise self.fail(
                "Script at specified location: %s cannot run as user %s: Tidegate is logged in as"
                " user %d here, and only root may become another. Connect as root, or give the hook"
                " sudo: true." % (self.location, self.runas, uid),
                "ScriptFailed",
            )
        # The state folder is ours alone; whoever is to run a script must at least get through it.
        os.chmod(self.runner.run.state, os.stat(self.runner.run.state).st_mode & 0o7777 | 0o011)
        return account

    def spawn(self, argv: "list[bytes]", account: "Any", out: int, err: int) -> int:
        if account:
            names = {"HOME": account.pw_dir, "SHELL": account.pw_shell or "/bin/sh"}
            names.update(USER=account.pw_name, LOGNAME=account.pw_name)
            self.env.update({raw(name): raw(value) for name, value in names.items()})
        ear, mouth = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self.become(argv, account, out, err)
            except (OSError, ValueError) as error:
                os.write(mouth, b"%d" % (getattr(error, "errno", None) or errno.EINVAL))
            finally:
                os._exit(127)
        os.close(mouth)
        number = os.read(ear, 32)
        os.close(ear)
        if number:
            os.waitpid(child, 0)
            raise self.fail(self.start_error(int(number)), "ScriptFailed")
        return child

    def become(self, argv: "list[bytes]", account: "Any", out: int, err: int) -> None:
        """Turn this forked process into the script."""
        signal.set_wakeup_fd(-1)
        for name in ("HUP", "INT", "QUIT", "TERM", "PIPE", "XFSZ", "CHLD", "USR1", "USR2"):
            signal.signal(getattr(signal, "SIG" + name), signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.setsid()
        # Before the script begins: should its runner die, the next run waits for it all the same.
        self.runner.hold(os.getpid())
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(self.archive if self.runner.spec.get("working_directory") == "archive" else "/")
        if account:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        try:
            os.execvpe(argv[0], argv, self.env)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        os.execve(b"/bin/sh", [b"/bin/sh", self.path], self.env)

    def start_error(self, number: int) -> str:
        text = "Script at specified location: %s could not be started: %s." % (
            self.location,
            os.strerror(number).lower(),
        )
        if os.path.isdir(self.path):
            return text + " It is a folder."
        with open(self.path, "rb") as file:
            first = file.readline(256)
        if first.startswith(b"#!") and first.endswith(b"\r\n"):
            return text + " Its lines end as on Windows (CR LF); save it with Unix line ends."
        if first.startswith(b"#!") and number == errno.ENOENT:
            return text + " This host lacks its interpreter %s." % shown(first[2:].strip())
        if number == errno.ENOENT and self.sudo:
            return text + " This host lacks sudo."
        if number == errno.EACCES:
            return (
                text
                + " User %s must be able to reach %s, on a file system that is not noexec."
                % (
                    self.runas or os.geteuid(),
                    shown(self.path),
                )
            )
        return text

    def wait(self, child: int, scribe: Scribe) -> "tuple[str, int]":
        """Wait for the script, not for its children; return why it was ended, and how it ended."""
        deadline = time.monotonic() + self.timeout
        why, status, kill_at = "", None, 0.0  # type: str, int | None, float
        while True:
            if status is None:
                ended, code = os.waitpid(child, os.WNOHANG)
                status = code if ended else None
            now = time.monotonic()
            if status is not None and (not why or not signal_group(child, 0)):
                return why, status
            if not why:
                why = "kill" if self.runner.run.wish() == "kill" else why
                why = "timeout" if now >= deadline else why
                if why:
                    signal_group(child, signal.SIGTERM)
                    kill_at = now + GRACE
            elif now >= kill_at:
                signal_group(child, signal.SIGKILL)
                if status is not None:
                    return why, status
                if now >= kill_at + GRACE:
                    self.runner.warnings.append(
                        "Process %d of this script could not be ended and may still run." % child
                    )
                    return why, signal.SIGKILL
            pause = 0.05 if why else max(0.0, min(0.1, deadline - now))
            self.runner.nap(pause, scribe)

    def judge(self, why: str, status: int) -> None:
        exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        where = "Script at specified location: %s" % self.location
        if why == "timeout":
            text = "%s failed to complete in %d seconds" % (where, self.timeout)
            raise self.fail(text, "ScriptTimedOut", exit_code)
        if why:
            raise self.fail(STOPPED, "UnknownError", exit_code)
        if exit_code == 0:
            return
        if self.runas:
            where += " run as user %s" % self.runas
        if exit_code is None:
            text = "%s was ended by signal %d" % (where, os.WTERMSIG(status))
        else:
            text = "%s failed with exit code %d" % (where, exit_code)
        raise self.fail(text, "ScriptFailed", exit_code)


def signal_group(group: int, number: int) -> bool:
    """Signal a process group and return whether anybody was there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Unpacking:
    """A folder that is being filled from an archive, and that nothing in the archive can leave."""

    def __init__(self, folder: bytes, limits: "dict[str, Any]") -> None:
        self.folder = folder
        self.left = int(limits.get("unpacked_bytes", 4 << 30))
        self.entries = int(limits.get("entries", 100000))
        self.limits = (self.left, self.entries)
        self.kinds = {b"": "folder"}  # type: dict[bytes, str]
        self.folder_modes = []  # type: list[tuple[bytes, int, tuple[int, int] | None]]

    def place(self, name: bytes, kind: str) -> "bytes | None":
        """Return where the entry *name* goes, its parents made; none for the top folder itself."""
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        if name.startswith(b"/") or b".." in parts or b"\0" in name:
            raise Failure(
                "The bundle names a file outside of itself, %s; pack it with relative names."
                % shown(name)
            )
        self.entries -= 1
        if self.entries < 0:
            raise Failure("The bundle has more than %d entries." % self.limits[1])
        path = b""
        for part in parts[:-1]:
            path = path + b"/" + part if path else part
            self.make_folder(path, name)
        if not parts:
            return None
        path = path + b"/" + parts[-1] if path else parts[-1]
        before = self.kinds.get(path)
        if before == "folder" or kind == "folder":
            if before not in (None, kind):
                raise Failure("The bundle has a folder and a file of the name %s." % shown(name))
        elif before:
            os.unlink(self.at(path))  # named twice: the later one wins
        if kind == "folder":
            self.make_folder(path, name)
        else:
            self.kinds[path] = kind
        return self.at(path)

    def at(self, path: bytes) -> bytes:
        return os.path.join(self.folder, path)

    def make_folder(self, path: bytes, name: bytes) -> None:
        kind = self.kinds.get(path)
        if kind is None:
            os.mkdir(self.at(path), 0o755)
            self.kinds[path] = "folder"
        elif kind != "folder":
            raise Failure(
                "The bundle's entry %s goes through %s, which is a %s and no folder."
                % (shown(name), shown(path), kind)
            )

    def file(self, name: bytes, content: "Any", mode: int, mtime: float, owner: "Any") -> None:
        path = self.place(name, "file")
        if path is None:
            return
        fd = os.open(path, NEW_FILE, 0o600)
        try:
            while True:
                data = content.read(1 << 18)
                if not data:
                    break
                self.left -= len(data)
                if self.left < 0:
                    raise Failure("The bundle unpacks to more than %d bytes." % self.limits[0])
                write_all(fd, data)
            if owner:
                os.fchown(fd, *owner)
            os.fchmod(fd, mode & 0o777)
            os.utime(fd, (mtime, mtime))
        finally:
            os.close(fd)

    def folder_entry(self, name: bytes, mode: int, owner: "Any") -> None:
        path = self.place(name, "folder")
        if path is not None:
            self.folder_modes.append((path, mode & 0o777 | 0o700, owner))

    def symlink(self, name: bytes, text: bytes, owner: "Any") -> None:
        path = self.place(name, "link")
        if path is not None:
            os.symlink(text, path)
            if owner:
                os.chown(path, owner[0], owner[1], follow_symlinks=False)

    def hard_link(self, name: bytes, member: bytes) -> None:
        source = b"/".join(part for part in member.split(b"/") if part not in (b"", b"."))
        if self.kinds.get(source) != "file":
            raise Failure(
                "The bundle links %s to %s, which is no file of the bundle."
                % (shown(name), shown(member))
            )
        path = self.place(name, "file")
        if path is not None and path != self.at(source):
            os.link(self.at(source), path)

    def special(self, name: bytes) -> "NoReturn":
        raise Failure(
            "The bundle's entry %s is a device, a pipe or a socket; pack only files,"
            " folders and links." % shown(name)
        )

    def finish(self) -> None:
        # From the bottom up: whoever is given a folder may change what lies in it.
        for path, mode, owner in sorted(self.folder_modes, reverse=True, key=lambda one: one[0]):
            fd = os.open(path, FOLDER)
            try:
                if owner:
                    os.fchown(fd, *owner)
                os.fchmod(fd, mode)
            finally:
                os.close(fd)


def unpack(bundle: bytes, kind: str, folder: bytes, limits: "dict[str, Any]") -> None:
    import zlib

    unpacking = Unpacking(folder, limits)
    broken = (zlib.error, EOFError, ValueError, OverflowError, RuntimeError)
    try:
        if kind == "zip":
            unpack_zip(bundle, unpacking)
        else:
            unpack_tar(bundle, kind, unpacking)
    except broken as error:
        raise not_readable(kind, error) from None
    except OSError as error:
        if error.errno:
            raise
        raise not_readable(kind, error) from None
    unpacking.finish()


def not_readable(kind: str, error: Exception) -> Failure:
    return Failure(
        "The bundle cannot be read as %s (%s). Pack it again, or correct its bundle type."
        % (kind, str(error) or type(error).__name__)
    )


def unpack_tar(bundle: bytes, kind: str, unpacking: Unpacking) -> None:
    import tarfile

    with open(bundle, "rb") as file:
        packed = kind == "tgz" or file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            with tarfile.open(
                fileobj=file,
                mode="r:gz" if packed else "r:",
                encoding="utf-8",
                errors="surrogateescape",
            ) as archive:
                for member in archive:
                    unpack_member(archive, member, unpacking)
        except tarfile.TarError as error:
            raise not_readable(kind, error) from None


def unpack_member(archive: "Any", member: "Any", unpacking: Unpacking) -> None:
    name, owner = raw(member.name), owner_of(member)
    if member.isdir():
        unpacking.folder_entry(name, member.mode, owner)
    elif member.issym():
        unpacking.symlink(name, raw(member.linkname), owner)
    elif member.islnk():
        unpacking.hard_link(name, raw(member.linkname))
    elif member.isreg():
        unpacking.file(name, archive.extractfile(member), member.mode, member.mtime, owner)
    else:
        unpacking.special(name)


OWNERS = {}  # type: dict[tuple[str, str, int, int], tuple[int, int]]


def owner_of(member: "Any") -> "tuple[int, int] | None":
    """Return the owner that tar would give the file: by name if the name exists here."""
    if os.geteuid() != 0:
        return None
    key = (member.uname, member.gname, member.uid, member.gid)
    if key not in OWNERS:
        import grp
        import pwd

        uid, gid = member.uid, member.gid
        try:
            uid = pwd.getpwnam(member.uname).pw_uid if member.uname else uid
        except KeyError:
            uid = member.uid
        try:
            gid = grp.getgrnam(member.gname).gr_gid if member.gname else gid
        except KeyError:
            gid = member.gid
        OWNERS[key] = (uid, gid)
    return OWNERS[key]


def unpack_zip(bundle: bytes, unpacking: Unpacking) -> None:
    import io
    import zipfile

    with io.open(bundle, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    unpack_entry(archive, entry, unpacking)
        except zipfile.BadZipFile as error:
            raise not_readable("zip", error) from None


def unpack_entry(archive: "Any", entry: "Any", unpacking: Unpacking) -> None:
    name = zip_name(entry)
    unix = entry.external_attr >> 16 if entry.create_system == 3 else 0
    if entry.flag_bits & 0x1:
        raise Failure(
            "The bundle's entry %s is encrypted; pack it without a password." % shown(name)
        )
    if name.endswith(b"/") or stat.S_ISDIR(unix):
        unpacking.folder_entry(name, unix or 0o755, None)
    elif stat.S_ISLNK(unix):
        if entry.file_size > 4096:
            raise Failure("The bundle's link %s is too long." % shown(name))
        unpacking.symlink(name, archive.read(entry), None)
    elif stat.S_IFMT(unix) not in (0, stat.S_IFREG):
        unpacking.special(name)
    else:
        with archive.open(entry) as content:
            moment = time.mktime(tuple(entry.date_time) + (0, 0, -1))
            mode = (unix or 0o644) & ~0o022
            unpacking.file(name, content, mode, moment, None)


def zip_name(entry: "Any") -> bytes:
    name = entry.filename  # type: str
    if entry.create_system == 0:
        name = name.replace("\\", "/")
    if entry.flag_bits & 0x800:
        return raw(name)
    try:  # packers on Linux write UTF-8 without saying so
        data = name.encode("cp437")
        data.decode("utf-8")
    except UnicodeError:
        return raw(name)
    return data


def strip_single_folder(folder: bytes) -> None:
    """Move up the content of a single top folder that holds the AppSpec file."""
    names = os.listdir(folder)
    top = os.path.join(folder, names[0]) if len(names) == 1 else b""
    if not top or os.path.islink(top) or not os.path.isdir(top):
        return
    if not any(b"appspec" in name.lower() for name in os.listdir(top)):
        return
    aside = folder + b".top"
    remove_tree(aside)
    os.rename(top, aside)
    os.rmdir(folder)
    os.rename(aside, folder)


class Attributes:
    """What `permissions` says about one path."""

    def __init__(self, entry: "dict[str, Any]", uid: int, gid: int) -> None:
        self.mode = int(entry["mode"], 8) if entry.get("mode") else None
        self.uid = uid
        self.gid = gid
        self.acls = [str(acl) for acl in entry.get("acls") or []]
        self.context = entry.get("context")


class Install:
    """Plans everything, then stages beside the targets, then renames; or leaves all as it was."""

    def __init__(self, runner: Runner) -> None:
        spec = runner.spec
        self.runner = runner
        self.appspec = spec["appspec"]
        self.archive = raw(runner.archive)
        self.real_archive = os.path.realpath(self.archive)
        self.behaviour = str(
            self.appspec.get("file_exists_behavior")
            or spec.get("file_exists_behavior")
            or "DISALLOW"
        ).upper()
        self.list = runner.notes + "-cleanup"
        self.old_lines = self.read_list()
        self.owned = {line for line in self.old_lines if not line.startswith(b"semanage\0")}
        self.steps = []  # type: list[tuple[str, bytes, bytes]]
        self.copies = {}  # type: dict[bytes, bytes]
        self.folders = {}  # type: dict[bytes, bool]
        self.renewed = set()  # type: set[bytes]
        self.space = {}  # type: dict[int, tuple[int, bytes]]
        self.writable = set()  # type: set[bytes]
        self.attributes = {}  # type: dict[bytes, Attributes]
        self.unique = binascii.hexlify(os.urandom(5))
        self.count = 0
        self.undo = []  # type: list[tuple[Callable[..., None], tuple[Any, ...]]]
        self.backups = {}  # type: dict[bytes, bytes]
        self.staged = {}  # type: dict[bytes, bytes]
        self.warnings = []  # type: list[str]

    def read_list(self) -> "list[bytes]":
        # A last line without its end was being written when something died.
        return [line for line in read_file(self.list).split(b"\n")[:-1] if line.strip()]

    def run(self) -> "list[str]":
        for entry in self.appspec.get("files") or []:
            self.plan_entry(raw(str(entry["source"])), raw(str(entry["destination"])))
        for entry in self.appspec.get("permissions") or []:
            self.plan_permissions(entry)
        self.plan_removals()
        self.check_space()
        if self.runner.run.wish():
            return []
        try:
            self.apply()
        except OSError as error:
            self.roll_back()
            where = shown(error.filename) if isinstance(error.filename, bytes) else "this host"
            raise Failure(
                "Installing failed at %s: %s. Everything was put back as it was."
                % (where, reason(error))
            ) from None
        except BaseException:
            self.roll_back()
            raise
        self.finish()
        return self.warnings

    # Planning: nothing on disk changes

    def plan_entry(self, source: bytes, destination: bytes) -> None:
        if not destination.startswith(b"/"):
            raise Failure(
                "The destination %s of the AppSpec file is not an absolute path."
                % shown(destination)
            )
        destination = clean(destination)
        path = os.path.normpath(os.path.join(self.archive, source.lstrip(b"/")))
        if not self.inside(path):
            raise Failure(
                "The source %s of the AppSpec file leads out of the revision." % shown(source)
            )
        if not os.path.exists(path):
            raise Failure(
                "The AppSpec file installs %s, and the revision has no such file or folder."
                % shown(source)
            )
        if os.path.isdir(path):
            self.plan_folder(destination)
            self.plan_tree(path, destination, (os.path.realpath(path),))
        else:
            self.plan_folder(destination)
            self.plan_copy(path, os.path.join(destination, os.path.basename(path)))

    def inside(self, path: bytes) -> bool:
        real = os.path.realpath(path)
        return real == self.real_archive or real.startswith(self.real_archive + b"/")

    def plan_tree(self, source: bytes, destination: bytes, above: "tuple[bytes, ...]") -> None:
        for name in sorted(os.listdir(source)):
            path, target = os.path.join(source, name), os.path.join(destination, name)
            # The agent copies what a link to a folder leads to; out of the archive it stays a link.
            if os.path.isdir(path) and (not os.path.islink(path) or self.inside(path)):
                real = os.path.realpath(path)
                if real in above:
                    raise Failure("The link %s leads to a folder above it." % shown(path))
                self.plan_folder(target)
                self.plan_tree(path, target, above + (real,))
            else:
                self.plan_copy(path, target)

    def plan_folder(self, path: bytes) -> None:
        if path in self.copies:
            raise Failure(
                "The deployment failed because the application specification file calls for a"
                " folder at %s, where it also installs the file %s."
                % (shown(path), shown(self.copies[path]))
            )
        if path in self.folders:
            return
        if os.path.isdir(path) and not (os.path.islink(path) and path in self.owned):
            if path in self.owned:  # the previous revision made it: now it is this one's
                self.plan_folder(os.path.dirname(path))
                self.folders[path] = False
                if not self.foreigner(path):
                    self.renewed.add(path)
                self.steps.append(("mkdir", path, b""))
            return
        if os.path.lexists(path) and path not in self.owned:
            raise Failure(
                "%s is a file on this host, and the revision needs a folder there." % shown(path)
            )
        parent = os.path.dirname(path)
        self.plan_folder(parent)
        self.check_writable(parent)
        self.folders[path] = True
        self.steps.append(("mkdir", path, b""))

    def plan_copy(self, source: bytes, target: bytes) -> None:
        info = os.lstat(source)
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            raise Failure("%s is neither a file, a folder nor a link." % shown(source))
        if b"\n" in target:
            raise Failure("The file name %r holds a newline; rename it." % shown(target))
        if target in self.copies:
            raise Failure(
                "The deployment failed because the application specification file specifies two"
                " source files named %s and %s for the same destination (%s). Remove one of"
                " the source file paths from the AppSpec file, and then try again."
                % (shown(self.copies[target]), shown(source), shown(target))
            )
        if target in self.folders:
            raise Failure(
                "The deployment failed because the application specification file calls for a"
                " folder at %s, where it also installs the file %s."
                % (shown(target), shown(source))
            )
        if os.path.lexists(target) and not self.may_replace(target):
            return
        self.check_writable(os.path.dirname(target))
        self.copies[target] = source
        self.steps.append(("copy", target, source))
        if stat.S_ISREG(info.st_mode):
            self.add_space(os.path.dirname(target), info.st_size)

    def may_replace(self, target: bytes) -> bool:
        """Return whether what lies at *target* gives way; false if it is to stay."""
        if target in self.owned:
            foreigner = self.foreigner(target) if real_folder(target) else None
            if foreigner:
                raise Failure(
                    "The revision has a file where the previous one had the folder %s, and %s in it"
                    " is of neither; move it away." % (shown(target), shown(foreigner))
                )
            return True
        if self.behaviour == "RETAIN":
            return False
        if self.behaviour != "OVERWRITE":
            raise Failure(
                "The deployment failed because a specified file already exists at this location: %s"
                % shown(target)
            )
        if os.path.isdir(target) and not os.path.islink(target):
            raise Failure(
                "%s is a folder on this host, and the revision has a file there." % shown(target)
            )
        return True

    def foreigner(self, folder: bytes) -> "bytes | None":
        """Return something in *folder* that the previous revision did not put there."""
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if path not in self.owned:
                return path
            found = self.foreigner(path) if real_folder(path) else None
            if found:
                return found
        return None

    def check_writable(self, folder: bytes) -> None:
        if folder in self.writable or self.folders.get(folder):
            return
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Failure(
                "User %d may not write to %s on this host. Give it the right, or connect as root."
                % (os.geteuid(), shown(folder))
            )
        self.writable.add(folder)

    def add_space(self, folder: bytes, size: int) -> None:
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        device = os.stat(folder).st_dev
        total, where = self.space.get(device, (0, folder))
        self.space[device] = (total + (size + 4095) // 4096 * 4096, where)

    def check_space(self) -> None:
        for total, folder in self.space.values():
            system = os.statvfs(folder)
            free = (system.f_bavail if os.geteuid() else system.f_bfree) * system.f_frsize
            if total > free:
                raise Failure(
                    "Installing needs %d MB on the file system of %s, and %d MB are free."
                    % (total >> 20, shown(folder), free >> 20)
                )

    def plan_removals(self) -> None:
        for path in self.owned:
            if self.is_gone(path) and os.path.lexists(path) and not real_folder(path):
                self.check_writable(os.path.dirname(path))

    # Permissions

    def plan_permissions(self, entry: "dict[str, Any]") -> None:
        target = clean(raw(str(entry["object"])))
        types = entry.get("type") or ["file", "directory"]
        pattern, excluded = entry.get("pattern") or "**", entry.get("except") or []
        attributes = Attributes(
            entry, self.user(entry.get("owner")), self.user_group(entry.get("group"))
        )
        self.check_tools(attributes)
        if target in self.copies:
            if pattern != "**" or excluded:
                raise Failure(
                    "The deployment failed because permissions for %s, which is a file, have a"
                    " pattern or an except; remove them from the AppSpec file." % shown(target)
                )
            if "file" in types:
                self.give(target, attributes)
            return
        if target not in self.folders and not os.path.isdir(target):
            return
        inside = target.rstrip(b"/") + b"/"
        for kind, path, _ in self.steps:
            if (
                not path.startswith(inside)
                or ("file" if kind == "copy" else "directory") not in types
            ):
                continue
            child = shown(path[len(inside) :])
            direct = "/" not in child
            if direct and any(matches(glob, child) for glob in excluded):
                continue
            if pattern == "**" or (direct and matches(pattern, child)):
                self.give(path, attributes)

    def give(self, path: bytes, attributes: Attributes) -> None:
        if path in self.attributes:
            raise Failure(
                "The deployment failed because the permissions setting for (%s) is specified more"
                " than once in the application specification file. Update the permissions section"
                " of the AppSpec file, and then try again." % shown(path)
            )
        if path in self.copies and any(is_default(acl) for acl in attributes.acls):
            raise Failure(
                "The default ACL of the AppSpec file cannot be set on the file %s." % shown(path)
            )
        self.attributes[path] = attributes

    def user(self, name: "str | None") -> int:
        if not name:
            return -1
        import pwd

        try:
            uid = pwd.getpwnam(name).pw_uid
        except KeyError:
            raise Failure(
                "The AppSpec file gives files to user %s, whom this host lacks." % name
            ) from None
        if uid != os.geteuid() and os.geteuid() != 0:
            raise Failure(
                "Only root may give files to user %s; Tidegate is logged in as user %d here."
                % (name, os.geteuid())
            )
        return uid

    def user_group(self, name: "str | None") -> int:
        if not name:
            return -1
        import grp

        try:
            gid = grp.getgrnam(name).gr_gid
        except KeyError:
            raise Failure(
                "The AppSpec file gives files to group %s, which this host lacks." % name
            ) from None
        if os.geteuid() != 0 and gid != os.getegid() and gid not in os.getgroups():
            raise Failure(
                "Only root may give files to group %s; user %d is no member of it here."
                % (name, os.geteuid())
            )
        return gid

    def check_tools(self, attributes: Attributes) -> None:
        tools = ["setfacl"] if attributes.acls else []
        tools += ["semanage", "restorecon"] if attributes.context else []
        folders = os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        for tool in tools:
            if not any(
                os.access(os.path.join(folder, tool), os.X_OK) for folder in folders if folder
            ):
                raise Failure(
                    "The AppSpec file needs %s, which this host lacks; install it." % tool
                )

    # Applying: every step knows how to undo itself

    def apply(self) -> None:
        made = [path for kind, path, _ in self.steps if kind == "mkdir" and self.folders[path]]
        gone = [path for path in self.owned if self.is_gone(path) and not real_folder(path)]
        for path in made + sorted(self.copies) + sorted(gone, reverse=True):
            if os.path.lexists(path):
                self.backups[path] = self.temporary(path)
        for path in self.copies:
            self.staged[path] = self.temporary(path)
        # Whatever happens from here on, the next deployment finds everything that is ours.
        steps = [path for _, path, _ in self.steps]
        extra = list(self.backups.values()) + list(self.staged.values())
        self.write_list(self.old_lines + steps + extra)
        for path in made:
            self.set_aside(path)
            os.mkdir(path, 0o755)
            self.on_undo(os.rmdir, path)
        for path in self.copies:
            self.stage(path)
        for path in self.copies:
            self.set_aside(path)
            os.replace(self.staged[path], path)
            self.on_undo(unlink_if_there, path)
        for path in sorted(gone, reverse=True):
            self.set_aside(path)
        for path in reversed(list(self.folders)):
            self.set_folder(path)
        contexts = self.set_contexts()
        self.write_list(steps + [b"semanage\0" + path for path in contexts])
        pointer = self.runner.notes + "_last_successful_install"
        replace_file(pointer, raw(self.runner.folder))

    def is_gone(self, path: bytes) -> bool:
        return path not in self.copies and path not in self.folders

    def on_undo(self, act: "Callable[..., None]", *arguments: "Any") -> None:
        self.undo.append((act, arguments))

    def roll_back(self) -> None:
        for act, arguments in reversed(self.undo):
            try:
                act(*arguments)
            except OSError as error:
                self.runner.warnings.append(
                    "%s could not be put back: %s." % (shown(arguments[0]), reason(error))
                )
        try:
            self.write_list(self.old_lines)
        except OSError as error:
            self.runner.warnings.append("%s is not up to date: %s." % (self.list, reason(error)))

    def temporary(self, target: bytes) -> bytes:
        self.count += 1
        name = b".tidegate-%s-%d" % (self.unique, self.count)
        return os.path.join(os.path.dirname(target), name)

    def stage(self, target: bytes) -> None:
        """Copy a file beside its target, complete with owner, mode and ACL."""
        source, temporary = self.copies[target], self.staged[target]
        self.on_undo(unlink_if_there, temporary)
        if os.path.islink(source):
            self.stage_link(target, source, temporary)
            return
        reader = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            # Its folder may be another's: the name may lead elsewhere by now, the descriptor not.
            fd = os.open(temporary, NEW_FILE, 0o600)
            try:
                info = os.fstat(reader)
                copy(reader, fd)
                if os.geteuid() == 0:
                    os.fchown(fd, info.st_uid, info.st_gid)
                os.fchmod(fd, stat.S_IMODE(info.st_mode))
                os.utime(fd, ns=(info.st_atime_ns, info.st_mtime_ns))
                self.set_attributes(target, fd, temporary)
            finally:
                os.close(fd)
        finally:
            os.close(reader)

    def stage_link(self, target: bytes, source: bytes, temporary: bytes) -> None:
        os.symlink(os.readlink(source), temporary)
        info = os.lstat(source)
        uid, gid = (info.st_uid, info.st_gid) if os.geteuid() == 0 else (-1, -1)
        if target in self.attributes:
            wanted = self.attributes[target]
            uid = uid if wanted.uid == -1 else wanted.uid
            gid = gid if wanted.gid == -1 else wanted.gid
        if (uid, gid) != (-1, -1):
            give_link(temporary, uid, gid)

    def set_aside(self, path: bytes) -> None:
        """Keep what lies at *path* under another name until the new revision is in place."""
        if not os.path.lexists(path):
            return
        backup = self.backups.setdefault(path, self.temporary(path))
        if path in self.copies and not real_folder(path):
            try:  # the name is never without a file
                os.link(path, backup, follow_symlinks=False)
            except OSError:
                os.rename(path, backup)
        else:
            os.rename(path, backup)
        self.on_undo(put_back, backup, path)

    def set_folder(self, path: bytes) -> None:
        if path not in self.renewed and path not in self.attributes:
            return
        fd = os.open(path, FOLDER)
        try:
            if path in self.renewed:  # the agent would have removed it and made it anew
                self.renew(path, fd)
            self.set_attributes(path, fd, path)
        finally:
            os.close(fd)

    def renew(self, path: bytes, fd: int) -> None:
        info, me = os.fstat(fd), (os.geteuid(), os.getegid())
        if (info.st_uid, info.st_gid) != me and me[0] == 0:
            self.on_undo(give_folder, path, info.st_uid, info.st_gid)
            os.fchown(fd, *me)
        if stat.S_IMODE(info.st_mode) != 0o755 and me[0] in (0, info.st_uid):
            self.on_undo(open_folder, path, stat.S_IMODE(info.st_mode))
            os.fchmod(fd, 0o755)

    def set_attributes(self, path: bytes, fd: int, place: bytes) -> None:
        """Give what is open, and lies at *place* for now, what the AppSpec file says of *path*."""
        if path not in self.attributes:
            return
        attributes = self.attributes[path]
        if attributes.mode is not None:
            os.fchmod(fd, attributes.mode)
        if attributes.acls:
            set_acl(attributes.acls, fd, place)
        if attributes.uid != -1 or attributes.gid != -1:
            os.fchown(fd, attributes.uid, attributes.gid)

    def set_contexts(self) -> "list[bytes]":
        done = []
        for path, attributes in self.attributes.items():
            context = attributes.context
            if not context:
                continue
            real = os.path.realpath(path)
            command = ["semanage", "fcontext", "-a"]
            command += ["-s", context["user"]] if context.get("user") else []
            command += ["-t", context["type"]]
            command += ["-r", context["range"]] if context.get("range") else []
            run_tool(command + [real])
            self.on_undo(forget_context, real)
            run_tool(["restorecon", "-v", real])
            done.append(real)
        return done

    def write_list(self, lines: "list[bytes]") -> None:
        replace_file(self.list, b"".join(line + b"\n" for line in lines))

    def finish(self) -> None:
        """Remove what the previous revision had and this one, in place already, has not."""
        for backup in self.backups.values():
            self.try_to(remove_tree, backup)
        for path in reversed(self.old_lines):
            if path.startswith(b"semanage\0"):
                real = path[9:]
                if not any(
                    a.context and os.path.realpath(p) == real for p, a in self.attributes.items()
                ):
                    self.try_to(forget_context, real)
            elif path not in self.folders and real_folder(path):
                try:
                    os.rmdir(path)
                except OSError:
                    continue  # it holds what somebody else put there

    def try_to(self, act: "Callable[[bytes], None]", path: bytes) -> None:
        try:
            act(path)
        except (OSError, Failure) as error:
            self.warnings.append("%s could not be cleaned up: %s." % (shown(path), error))


def clean(path: bytes) -> bytes:
    # POSIX lets two leading slashes mean something else; here they do not.
    return b"/" + os.path.normpath(path).lstrip(b"/")


def real_folder(path: bytes) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def unlink_if_there(path: bytes) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def put_back(backup: bytes, path: bytes) -> None:
    os.replace(backup, path)
    unlink_if_there(backup)  # replacing one hard link by another of the same file leaves both


def copy(reader: int, writer: int) -> None:
    while True:
        data = os.read(reader, 1 << 20)
        if not data:
            return
        write_all(writer, data)


def give_link(path: bytes, uid: int, gid: int) -> None:
    """Give away a link just made, unless somebody put something else in its place."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    try:
        info = os.fstat(fd)
        if not stat.S_ISLNK(info.st_mode) or info.st_nlink != 1:
            raise OSError(errno.EPERM, "somebody else changed it meanwhile", path)
        open_file = through_proc(fd)
        if open_file:
            os.chown(open_file, uid, gid)
        else:
            os.chown(path, uid, gid, follow_symlinks=False)
    finally:
        os.close(fd)


def give_folder(path: bytes, uid: int, gid: int) -> None:
    fd = os.open(path, FOLDER)
    try:
        os.fchown(fd, uid, gid)
    finally:
        os.close(fd)


def open_folder(path: bytes, mode: int) -> None:
    fd = os.open(path, FOLDER)
    try:
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def through_proc(fd: int) -> bytes:
    """Return a name of what is open that leads nowhere else; empty where there is no /proc."""
    name = b"/proc/self/fd/%d" % fd
    return name if os.path.lexists(name) else b""


def set_acl(acls: "list[str]", fd: int, path: bytes) -> None:
    words = ["setfacl", "--set", whole_acl(acls, fd)]  # type: list[Any]
    run_tool(words + [through_proc(fd) or path], words + [path], pass_fds=(fd,))


def matches(glob: str, name: str) -> bool:
    """Match the agent's globs, where only * is special."""
    return re.match(".*".join(map(re.escape, glob.split("*"))) + r"\Z", name, re.DOTALL) is not None


def is_default(acl: str) -> bool:
    return acl.partition(":")[0] in ("d", "default")


def whole_acl(acls: "list[str]", fd: int) -> str:
    """Return the list for setfacl, with the base entries that the mode stands for."""
    mode = os.fstat(fd).st_mode
    digits = [str(mode >> shift & 7) for shift in (6, 3, 0)]
    entries = list(acls)
    for prefix in ["", "d:"] if any(map(is_default, acls)) else [""]:
        mine = [acl for acl in acls if is_default(acl) == bool(prefix)]
        entries += [prefix + who + "::" + digit for who, digit in zip("ugo", digits)]
        kinds = [acl.split(":")[1 if prefix else 0] for acl in mine]
        if mine and not any(kind in ("m", "mask") for kind in kinds):
            entries.append(prefix + "m::" + digits[1])
    return ",".join(entries)


def run_tool(
    command: "list[Any]", shown_as: "list[Any] | None" = None, pass_fds: "tuple[int, ...]" = ()
) -> None:
    import subprocess

    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    done = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, PATH=path),
        pass_fds=pass_fds,
    )
    output = done.communicate()[0]
    if done.returncode:
        said = shown_as or command
        words = " ".join(shown(word) if isinstance(word, bytes) else word for word in said)
        raise Failure(
            "The command %s failed: %s." % (words, shown(output.strip()) or done.returncode)
        )


def forget_context(path: bytes) -> None:
    run_tool(["semanage", "fcontext", "-d", path])
