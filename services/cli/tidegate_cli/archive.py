"""A folder checked and packed for upload."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tidegate.appspec import AppSpec, InvalidAppSpec, parse_appspec
from tidegate.drivers.bundles.archive import pack_folder
from tidegate_cli.errors import BadAppSpec, BadFolder

NAMES: Final = ("appspec.yml", "appspec.yaml")


@contextmanager
def packed(folder: Path) -> Iterator[Path]:
    """Check the AppSpec of *folder*, pack it, and give the archive; it is gone afterwards.

    Raises:
        BadAppSpec: The AppSpec has problems.
        BadFolder: The folder cannot be packed.
    """
    if not folder.is_dir():
        raise BadFolder(f"{folder} is no folder; `push` takes the folder that holds appspec.yml.")
    check(appspec_in(folder))
    with TemporaryDirectory(prefix="tidegate-push-") as place:
        archive = Path(place) / "bundle.tgz"
        try:
            pack_folder(folder, archive)
        except OSError as error:
            raise BadFolder(f"{folder} cannot be packed: {error}.") from None
        yield archive


def appspec_in(folder: Path) -> Path:
    """Return the AppSpec of a folder.

    Raises:
        BadFolder: It has none.
    """
    for name in NAMES:
        if (folder / name).is_file():
            return folder / name
    raise BadFolder(f"{folder} holds no appspec.yml; every revision needs one at its top.")


def check(file: Path) -> AppSpec:
    """Parse an AppSpec and return it.

    Raises:
        BadAppSpec: It has problems; each is named with its place.
        BadFolder: The file cannot be read.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadFolder(f"{file} cannot be read: {error.strerror}.") from None
    try:
        return parse_appspec(content)
    except InvalidAppSpec as invalid:
        raise BadAppSpec(
            str(file),
            [f"{file}:{each.line}:{each.column}: {each.message}" for each in invalid.problems],
            warnings=[f"{file}: {each}" for each in invalid.warnings],
        ) from None
