"""What `tidegate local` was asked to do, and what of it cannot be done."""

import os
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tidegate.drivers.hosts import HostRun, ReadAppSpec
from tidegate_cli.local_bundle import TYPES, Prepared, Wanted

GROUP_ID: Final = "default-local-deployment-group"
GROUP: Final = "LocalFleet"

_FOLDER: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
# Folders of the agent's own beside those of groups; whatever lies in a group's may be pruned.
_RESERVED: Final = ("deployment-instructions", "deployment-logs", "ongoing-deployment")
_ID_CHARACTERS: Final = string.ascii_uppercase + string.digits
_LOG_BYTES: Final = 10 << 20


def names_a_folder(name: str) -> bool:
    """Tell whether the runner takes *name* for a folder of its own."""
    return _FOLDER.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Names:
    """What hooks are told that they belong to."""

    deployment_id: str
    group_id: str
    group: str
    application: str

    @classmethod
    def of(cls, deployment_id: str | None, group_id: str, group: str, application: str) -> Self:
        """Shorten an ARN to its last part, or make an id as codedeploy-local does."""
        if deployment_id is None:
            chance = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(9))
            deployment_id = f"d-{chance}-local"
        if deployment_id.startswith("arn:"):
            deployment_id = re.split(r"[/:]", deployment_id)[-1]
        return cls(deployment_id, group_id, group, application)

    def problem(self) -> str | None:
        """Say which of the names that become folders cannot."""
        for option, name in (
            ("--deployment-group-id", self.group_id),
            ("--deployment-id", self.deployment_id),
        ):
            if not names_a_folder(name):
                return (
                    f"{name!r} cannot name a folder; give {option} a name of letters, digits, "
                    "'.', '_' and '-' that does not begin with a dot and has at most 100 of them."
                )
        if self.group_id in _RESERVED:
            return (
                f"{self.group_id!r} is a folder of the root that belongs to all groups; "
                "give --deployment-group-id another name."
            )
        return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where on this machine a deployment is kept and its hooks run, and by which interpreter."""

    root: Path | None
    cwd: Path | None
    python: str

    def problem(self) -> str | None:
        """Say which of the places is none."""
        if self.cwd is None or not self.cwd.is_absolute():
            try:
                Path.cwd()
            except FileNotFoundError:
                return "The working directory is gone; change to another, or give --cwd."
        if self.cwd is not None and not self.cwd.is_dir():
            return f"There is no folder {self.cwd} for hooks to run in; give another --cwd."
        return None

    def deployments(self) -> Path:
        """Return where deployments are kept."""
        if self.root is not None:
            return self.root.absolute()
        if os.geteuid() == 0:
            return Path("/var/lib/tidegate/local")
        return Path("~/.local/state/tidegate/local").expanduser()

    def working_directory(self) -> Path:
        """Return where hooks run."""
        return Path.cwd() if self.cwd is None else self.cwd.absolute()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOrder:
    """The options of one `tidegate local`, read."""

    wanted: Wanted
    names: Names
    events: tuple[str, ...]
    possible_events: tuple[str, ...] | None
    file_exists_behavior: str
    creator: str
    deployment_type: str
    environment: Mapping[str, str]
    max_revisions: int
    place: Place

    def problem(self) -> str | None:
        """Say why nothing of this can be done."""
        if self.wanted.type is not None and self.wanted.type not in TYPES:
            types = ", ".join(TYPES)
            return f"BundleType {self.wanted.type!r} is none of those there are: {types}."
        return self.names.problem() or self.place.problem()

    def run(self, prepared: Prepared, read_appspec: ReadAppSpec) -> HostRun:
        """Return what the driver is asked to run."""
        spec = {
            **self._identity(),
            **self._bundle(prepared),
            "root": str(self.place.deployments()),
            "events": list(self.events),
            "possible_events": None if self.possible_events is None else list(self.possible_events),
            "environment": dict(self.environment),
            "inherit_environment": True,
            "umask": _umask(),
            "working_directory": str(self.place.working_directory()),
            "file_exists_behavior": self.file_exists_behavior,
            "max_revisions": self.max_revisions,
            "limits": {**prepared.limits, "log_bytes": _LOG_BYTES},
        }
        key = f"{self.names.deployment_id}.local"
        return HostRun(key=key, spec=spec, bundle=prepared.bundle, read_appspec=read_appspec)

    def _identity(self) -> dict[str, object]:
        return {
            "deployment_id": self.names.deployment_id,
            "application_name": self.names.application,
            "group_id": self.names.group_id,
            "group_name": self.names.group,
            "target": "localhost",
            "creator": self.creator,
            "deployment_type": self.deployment_type,
        }

    def _bundle(self, prepared: Prepared) -> dict[str, object]:
        return {
            "appspec": prepared.appspec,
            "appspec_error": prepared.appspec_error,
            "appspec_warnings": list(prepared.appspec_warnings),
            "appspec_filename": self.wanted.appspec_filename,
            "bundle_error": prepared.bundle_error,
            "revision": dict(prepared.environment),
        }


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
