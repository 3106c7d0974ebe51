"""The revisions of a deployment group on this host, laid out as the CodeDeploy agent does it."""

import json
import os
import stat

from tidegate.hostrunner.parts.base import Failure, raw, read_file, replace_file, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INSTALLED = "_last_successful_install"
DOWNLOADED = "_most_recent_install"
FROM_PREVIOUS = {
    "ApplicationStop": INSTALLED,
    "BeforeBlockTraffic": INSTALLED,
    "AfterBlockTraffic": INSTALLED,
}
FROM_PREVIOUS_BACK_TO_BLUE = {
    "ApplicationStop": INSTALLED,
    "BeforeBlockTraffic": DOWNLOADED,
    "AfterBlockTraffic": DOWNLOADED,
    "BeforeAllowTraffic": INSTALLED,
    "AfterAllowTraffic": INSTALLED,
}
LONGEST_APPSPEC = 1 << 20


class Revisions:
    """The folders of one group, as one of its deployments sees them."""

    def __init__(
        self, state: str, spec: "dict[str, Any]", read: "dict[str, dict[str, Any]] | None" = None
    ) -> None:
        """*read* has what the controller read for us of AppSpecs, by folder of the deployment."""
        self.spec = spec
        self.root = spec.get("root") or os.path.join(state, "deployment-root")
        self.group = os.path.join(self.root, spec["group_id"])
        self.folder = os.path.join(self.group, spec["deployment_id"])
        self.archive = archive_in(self.folder)
        self.notes = os.path.join(self.root, "deployment-instructions", spec["group_id"])
        self.filename = spec.get("appspec_filename") or "appspec.yml"
        self.read = read or {}

    # Which one

    def pointer_for(self, event: str) -> str:
        """Return the file that names the revision of *event*; none if it is the current one."""
        if self.spec.get("restart"):
            return self.notes + INSTALLED
        back = (self.spec.get("creator"), self.spec.get("deployment_type"))
        to_blue = back == ("codeDeployRollback", "BLUE_GREEN")
        kind = (FROM_PREVIOUS_BACK_TO_BLUE if to_blue else FROM_PREVIOUS).get(event)
        return self.notes + kind if kind and not os.path.isdir(self.archive) else ""

    def folder_for(self, event: str) -> str:
        """Return the folder of the deployment whose scripts *event* runs; none if there is none."""
        pointer = self.pointer_for(event)
        return pointed_at(pointer) if pointer else self.folder

    def scripts_of(self, event: str) -> "tuple[str, dict[str, Any]] | None":
        """Return the archive and the AppSpec that *event* runs from."""
        pointer = self.pointer_for(event)
        folder = self.folder_for(event)
        if self.spec.get("restart"):
            self.check_restart(folder)
        if not folder:
            return None
        if pointer and not os.path.isdir(archive_in(folder)):
            cure = "delete the file %s there" % pointer
            if event in FROM_PREVIOUS and "ignore_application_stop_failures" in self.spec:
                cure = "deploy with ignore_application_stop_failures once, or " + cure
            raise Failure(
                "The scripts of %s belong to the revision that was %s last, and its folder"
                " %s is gone from this host; %s."
                % (event, "installed" if pointer.endswith(INSTALLED) else "unpacked", folder, cure)
            )
        return archive_in(folder), self.appspec_of(folder, by_name=True)

    def check_restart(self, folder: str) -> None:
        """Fail a restart of what is not installed here."""
        if not folder:
            raise Failure(
                "No revision of this deployment group is installed on this host; deploy one here"
                " before it is restarted."
            )
        wanted = self.spec.get("revision_id")
        there = (self.kept(folder) or {}).get("revision_id") or wanted
        if there != wanted:
            raise Failure(
                "The revision %s, which was last deployed with success, is not installed on this"
                " host but %s; deploy it here before it is restarted." % (wanted, there)
            )

    # What it says

    def appspec_of(self, folder: str, *, by_name: bool) -> "dict[str, Any]":
        """Return the AppSpec in force of a revision, or fail by what is wrong with it.

        Who names the file wants the agent's rule: by a file of another name Install may go, but no
        event with scripts.
        """
        entry = self.kept(folder) or self.read.get(folder)
        by_name = by_name and "appspec_filename" in self.spec
        if not entry or (by_name and not entry.get("sha256")):
            raise Failure(self.not_found(archive_in(folder)))
        appspec = entry.get("appspec")
        if not isinstance(appspec, dict):
            raise Failure(str(entry.get("error") or "This revision has no AppSpec."))
        return appspec

    def not_found(self, archive: str) -> str:
        return (
            "The CodeDeploy agent did not find an AppSpec file within the unpacked revision"
            ' directory at revision-relative path "%s". The revision was unpacked to'
            ' directory "%s", and the AppSpec file was expected but not found at path "%s".'
            " Consult the AWS CodeDeploy Appspec documentation for more information at"
            " http://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file.html"
            % (self.filename, archive, os.path.join(archive, self.filename))
        )

    def kept(self, folder: str) -> "dict[str, Any] | None":
        """Return what was written down of a revision's AppSpec, if it is of the file wanted now."""
        try:
            entry = json.loads(read_file(os.path.join(folder, "appspec.json")).decode())
        except ValueError:
            return None
        same = isinstance(entry, dict) and entry.get("filename") == self.filename
        return entry if same else None

    def keep(self) -> None:
        """Write down the AppSpec of the revision that was unpacked just now."""
        entry = {
            "appspec": self.spec.get("appspec"),
            "error": self.spec.get("appspec_error"),
            "filename": self.filename,
            "revision_id": self.spec.get("revision_id"),
            "sha256": self.digest(),
        }
        replace_file(os.path.join(self.folder, "appspec.json"), json.dumps(entry).encode())

    def digest(self) -> "str | None":
        """Return the digest of the AppSpec file as it lies in the current revision now."""
        text = appspec_text(self.archive, self.filename)
        return None if text is None else str(sha256(text).hexdigest())

    def unread(self) -> "list[str]":
        """Return the folders that this run may take scripts from and that only the agent knew."""
        folders = {self.folder_for(event) for event in self.spec["events"]}
        return [
            folder
            for folder in sorted(folders)
            if not self.kept(folder) and appspec_text(archive_in(folder), self.filename) is not None
        ]


def archive_in(folder: str) -> str:
    return os.path.join(folder, "deployment-archive")


def pointed_at(pointer: str) -> str:
    return os.fsdecode(read_file(pointer)).rstrip("\r\n")


def appspec_text(archive: str, filename: str) -> "bytes | None":
    """Return the text of an AppSpec file, or none if there is no file of that name.

    Of one that is too long for an AppSpec comes one byte more than is allowed.
    """
    top = os.path.realpath(raw(archive))
    path = os.path.realpath(os.path.join(top, raw(filename)))
    if not path.startswith(top + b"/"):
        return None  # a link leads out of the revision, to what is nobody's business
    try:
        # Without waiting: it may be a FIFO.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    with open(fd, "rb") as file:
        return file.read(LONGEST_APPSPEC + 1)
