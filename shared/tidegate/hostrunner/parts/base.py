"""What every part of the runner uses: failures as sentences, and files that outlive a crash."""

import errno
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Memory for more than this Python gives back each time, and the kernel makes it anew.
AT_ONCE = 1 << 16
BEAT = 3.0
GRACE = 5.0
STOPPED = "The deployment was stopped while this event ran."
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


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
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
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


def age(path: str) -> float:
    try:
        return time.time() - os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0.0


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


def sha256(data: bytes = b"") -> "Any":
    # OpenSSL takes longer to load than most bundles take to hash.
    for name in ("_sha256", "_sha2", "hashlib"):
        try:
            return __import__(name).sha256(data)
        except ImportError:
            continue
    raise Refused("python3 on this host lacks SHA-256.")


def unlink_if_there(path: bytes) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
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
