"""One session of a controller: it starts a run, or follows the one that there is."""

import binascii
import json
import os
import re
import sys

from tidegate.hostrunner.parts.base import (
    NEW_FILE,
    Gone,
    Refused,
    boot_id,
    close_all_but,
    complain,
    raw,
    read_file,
    reason,
    remove_tree,
    replace_file,
    sha256,
    write_all,
)
from tidegate.hostrunner.parts.events import Runner
from tidegate.hostrunner.parts.following import Link, Replay
from tidegate.hostrunner.parts.journal import NAME, WISHES, Run, log_cap
from tidegate.hostrunner.parts.revisions import (
    LONGEST_APPSPEC,
    Revisions,
    appspec_text,
    archive_in,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

VERSION = 1
REFUSED = "refused.json"
"""Why another process than the one that follows did not start the run."""


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


def run_session(
    header: "dict[str, Any]", state: str, link: Link, begin: "Callable[..., int] | None" = None
) -> None:
    """Follow a run; *begin* starts it, where it is not this process that does."""
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
            wake, tried = (begin or start)(run, header, lock, link), True
        if replay.follow(wake):
            link.say(t="end")
            return
        wake = None


def conclude(replay: Replay, begun: bool) -> None:
    """Report on a run that nobody runs any more."""
    replay.pump()
    if replay.ended:
        replay.link.say(t="end")
    elif begun:
        why = "died" if replay.boot == boot_id() else "rebooted"
        replay.link.say(t="lost", why=why, event=replay.event)
    else:
        refused = read_file(replay.run.path(REFUSED))
        if refused:
            why, code = json.loads(refused.decode())
            raise Refused(why, code)
        notes = read_file(replay.run.path("runner.log")).decode("utf-8", "replace").split("\n")
        last = [note for note in notes if note.strip()][-1:]
        why = "The run could not begin on this host: %s." % "".join(last or ["no reason is known"])
        raise Refused(why)


def check_names(key: str, spec: "dict[str, Any]") -> None:
    for name in (key, spec["deployment_id"], spec["group_id"]):
        if not NAME.match(name):
            raise Refused("%r cannot name a folder on a host." % name, "protocol")


def start(run: Run, header: "dict[str, Any]", lock: int, link: Link) -> int:
    """Start the run, detached, and return where it knocks when it has written something."""
    bundle = header.get("bundle")
    if bundle and "DownloadBundle" in header["spec"]["events"] and not run.wish():
        cached = fetch_bundle(run.state, bundle, link)
        remove_tree(raw(run.bundle))
        os.link(cached, run.bundle)
    read = {} if run.wish() else have_read(Revisions(run.state, header["spec"]), link)
    for wish in link.unread():
        if wish in WISHES:  # while this host asked: before anything begins, so that nothing does
            run.ask(wish)
    replace_file(run.path("spec.json"), json.dumps(header["spec"]).encode())
    os.chmod(run.path("spec.json"), 0o600)
    ear, knock = os.pipe()
    if os.fork() == 0:
        try:
            os.setsid()
            os.close(ear)
            detach(run, keep=(lock, knock))
            Runner(run, header, read, knock).main()
        except BaseException:
            complain()
        finally:
            os._exit(0)
    os.close(lock)
    os.close(knock)
    return ear


def have_read(revisions: Revisions, link: Link) -> "dict[str, dict[str, Any]]":
    """Have the controller read the AppSpecs of revisions that the CodeDeploy agent unpacked."""
    read = {}
    for folder in revisions.unread():
        text = appspec_text(archive_in(folder), revisions.filename) or b""
        if len(text) > LONGEST_APPSPEC:
            path = os.path.join(archive_in(folder), revisions.filename)
            answer = {
                "error": "The AppSpec file %s has more than %d bytes." % (path, LONGEST_APPSPEC)
            }
        else:
            encoded = binascii.b2a_base64(text, newline=False).decode()
            answer = link.ask(t="need", what="appspec", text=encoded)
        read[folder] = dict(answer, sha256=sha256(text).hexdigest())
    return read


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
        for piece in link.bundle(bundle):
            digest.update(piece)
            write_all(fd, piece)
        os.fsync(fd)
    finally:
        os.close(fd)
    if digest.hexdigest() != bundle["sha256"]:
        raise Refused("The bundle arrived damaged: its SHA-256 digest is wrong.", "protocol")
