"""The bundle of a local deployment: found, packed if it is a folder, and its AppSpec read."""

import hashlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from tidegate.appspec import InvalidAppSpec, one_line, parse_appspec
from tidegate.domain.errors import Refused
from tidegate.drivers.bundles.archive import BadArchive, inspect_archive, pack_as_is
from tidegate.drivers.bundles.errors import AppSpecMissing, FetchFailed
from tidegate.drivers.bundles.s3_object import S3Object
from tidegate.drivers.hosts import Bundle

BundleType: TypeAlias = Literal["zip", "tar", "tgz", "directory"]
TYPES: Final = ("directory", "tar", "tgz", "zip")

_ENDINGS: Final = {".zip": "zip", ".tgz": "tgz", ".tar.gz": "tgz", ".tar": "tar"}
_BEGINNINGS: Final = ((b"PK", "zip"), (b"\x1f\x8b", "tgz"))
_FALLBACKS: Final = ("appspec.yaml", "appspec.yml")
_BOUNDS: Final = {"unpacked_bytes": 4 << 30, "entries": 100_000}
# A folder that lies here is no bomb, however large it is.
_NO_BOUNDS: Final = {"unpacked_bytes": 1 << 50, "entries": 1 << 40}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is known of a bundle before anything is run."""

    bundle: Bundle | None = None
    bundle_error: str | None = None
    appspec: Mapping[str, object] | None = None
    appspec_error: str | None = None
    """The agent's message."""
    appspec_warnings: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """What hooks are told of the bundle; of what is None they find nothing, whoever calls."""
    limits: Mapping[str, int] = field(default_factory=_BOUNDS.copy)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bundle as it was asked for."""

    location: str
    type: str | None
    appspec_filename: str

    @property
    def _s3(self) -> bool:
        return self.location.startswith("s3://")

    def unread(self) -> Prepared:
        """Return what is known of a bundle that nobody looks at."""
        try:
            source = S3Object.parse(self.location) if self._s3 else None
        except FetchFailed:
            source = None
        return Prepared(environment=_environment(source) if source else {})

    def read(self, folder: Path, custom_events: Collection[str] = ()) -> Prepared:
        """Bring the bundle here, by way of *folder*; what goes wrong is in the answer."""
        known = self.unread()
        try:
            path, type_ = self._archive(folder)
            bundle = _bundle(path, type_)
        except (Refused, OSError) as error:
            return replace(known, bundle_error=_sentence(error))
        limits = _NO_BOUNDS if type_ == "directory" else _BOUNDS
        found = replace(known, bundle=bundle, limits=limits)
        try:
            return _with_appspec(found, self._appspec(path, type_), custom_events)
        except (BadArchive, OSError) as error:
            return replace(found, appspec_error=_sentence(error))

    def _archive(self, folder: Path) -> tuple[Path, str]:
        if self._s3:
            if self.type == "directory":
                raise BadArchive(f"{self.location} is no folder; give its --type: tar, tgz or zip.")
            path = folder / "bundle"
            S3Object.parse(self.location).fetch(path)
            return path, self.type or _type_of(S3Object.parse(self.location).key, path)
        path = Path(self.location)
        is_folder = path.is_dir()
        if not is_folder and not path.exists():
            raise BadArchive(f"There is no bundle at {self.location}.")
        if is_folder and self.type in (None, "directory"):
            return pack_as_is(path, folder / "bundle.tar"), "directory"
        if is_folder:
            raise BadArchive(f"{self.location} is a folder and no {self.type} archive.")
        if self.type == "directory":
            raise BadArchive(f"{self.location} is a file and no folder.")
        if not path.is_file():  # of a pipe one would wait for a writer
            raise BadArchive(f"{self.location} is neither a file nor a folder.")
        return path, self.type or _type_of(path.name, path)

    def _appspec(self, archive: Path, type_: str) -> bytes:
        """Return the AppSpec of the name that is wanted, or the one that Install falls back to."""
        try:
            return self._appspec_named(self.appspec_filename, archive, type_)
        except AppSpecMissing:
            for name in _FALLBACKS:
                with suppress(AppSpecMissing):
                    return self._appspec_named(name, archive, type_)
            raise

    def _appspec_named(self, name: str, archive: Path, type_: str) -> bytes:
        if type_ == "directory":
            return self._appspec_in_folder(name)
        return inspect_archive(archive, appspec_filename=name).appspec_text

    def _appspec_in_folder(self, name: str) -> bytes:
        folder = Path(self.location)
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path.read_bytes()
        raise AppSpecMissing(
            "The CodeDeploy agent did not find an AppSpec file within the unpacked revision "
            f'directory at revision-relative path "{name}".'
        )


def read_appspec(text: bytes) -> Mapping[str, object]:
    """Answer the runner that asks what an AppSpec says."""
    read = _with_appspec(Prepared(), text)
    if read.appspec is None:
        return {"error": read.appspec_error}
    return {"appspec": read.appspec}


def _with_appspec(prepared: Prepared, text: bytes, custom_events: Collection[str] = ()) -> Prepared:
    try:
        appspec = parse_appspec(text, custom_events=custom_events)
    except InvalidAppSpec as invalid:
        return replace(prepared, appspec_error=invalid.message)
    warnings = tuple(one_line(str(warning)) for warning in appspec.warnings)
    return replace(prepared, appspec=appspec.as_json(), appspec_warnings=warnings)


def _type_of(name: str, path: Path) -> str:
    """Guess the type of an archive that was given none: by its name, else by its first bytes."""
    for ending, type_ in _ENDINGS.items():
        if name.lower().endswith(ending):
            return type_
    with path.open("rb") as file:
        head = file.read(2)
    return next((type_ for beginning, type_ in _BEGINNINGS if head == beginning), "tar")


def _bundle(path: Path, type_: str) -> Bundle:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Bundle(sha256=sha256, size=size, type=cast("BundleType", type_), path=path)


def _sentence(error: Refused | OSError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    where = f" {error.filename}" if error.filename else ""
    return f"The bundle{where} cannot be read: {(error.strerror or str(error)).lower()}."


def _environment(source: S3Object) -> dict[str, str | None]:
    return {
        "BUNDLE_BUCKET": source.bucket,
        "BUNDLE_KEY": source.key,
        "BUNDLE_VERSION": source.version,
        "BUNDLE_ETAG": source.etag,
    }
