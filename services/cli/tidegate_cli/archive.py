"""A folder checked and packed for upload."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tidegate.domain.errors import Refused
from tidegate.drivers.bundles.archive import pack_folder
from tidegate_cli.appspec_files import find_appspec
from tidegate_cli.appspec_report import check, refuse_problems
from tidegate_cli.errors import BadFolder


@contextmanager
def packed(folder: Path) -> Iterator[Path]:
    """Check the AppSpec of *folder*, pack it, and give the archive; it is gone afterwards.

    Raises:
        BadAppSpec: The AppSpec has problems.
        BadFolder: The folder cannot be packed.
    """
    if not folder.is_dir():
        raise BadFolder(f"{folder} is no folder; `push` takes the folder that holds appspec.yml.")
    refuse_problems(check(find_appspec(folder)))
    with TemporaryDirectory(prefix="tidegate-push-") as place:
        archive = Path(place) / "bundle.tgz"
        try:
            pack_folder(folder, archive)
        except (OSError, Refused) as error:
            why = str(error).rstrip(".")
            raise BadFolder(f"{folder} cannot be packed: {why}.") from None
        yield archive
