"""What is in a bundle: looked at without unpacking it, and packed from a folder."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

from tidegate.drivers.bundles.archive_tar import PHRASE as TAR_PHRASE
from tidegate.drivers.bundles.archive_tar import look_through_tar
from tidegate.drivers.bundles.archive_tree import AppSpecFinder, Limits, Tree
from tidegate.drivers.bundles.archive_zip import PHRASE as ZIP_PHRASE
from tidegate.drivers.bundles.archive_zip import look_through_zip
from tidegate.drivers.bundles.errors import AppSpecMissing, BadArchive
from tidegate.drivers.bundles.packing import pack_as_is, pack_folder

__all__ = [
    "AppSpecMissing",
    "BadArchive",
    "BundleType",
    "Contents",
    "Limits",
    "inspect_archive",
    "looks_like_archive",
    "pack_as_is",
    "pack_folder",
]

BundleType: TypeAlias = Literal["zip", "tar", "tgz"]
APPSPEC: Final = "appspec.yml"
_LIMITS: Final = Limits()
_OTHERS: Final = {
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a sound archive holds."""

    type: BundleType
    appspec_text: bytes
    entries: int
    unpacked_bytes: int
    top_folder: str
    """The single top folder that is stripped on unpacking, or nothing."""
    holds: Callable[[str], bool] = field(default=lambda _: True, repr=False, compare=False)
    """Tells whether a path, below the folder that is stripped, may lead to something."""


def inspect_archive(
    path: Path, *, limits: Limits = _LIMITS, appspec_filename: str = APPSPEC
) -> Contents:
    """Look through a whole archive and return what it holds; its content tells its type.

    Raises:
        AppSpecMissing: It has no AppSpec where the agent looks for it.
        BadArchive: It is no archive, or broken, or hostile, or larger than *limits*.
    """
    with path.open("rb") as file:
        type_ = _type_of(file)
        tree, finder = _look_through(file, type_, limits, appspec_filename)
        behind = finder.file_behind()
        if behind is None:
            text = finder.text()
        else:
            text = _look_through(file, type_, limits, behind)[1].text()
    top = finder.top_folder()
    return Contents(
        type=type_,
        appspec_text=text,
        entries=tree.entries,
        unpacked_bytes=tree.unpacked_bytes,
        top_folder=top,
        holds=lambda path: tree.holds(f"{top}/{path}" if top else path),
    )


def _look_through(
    file: BinaryIO, type_: BundleType, limits: Limits, appspec_filename: str
) -> tuple[Tree, AppSpecFinder]:
    size = file.seek(0, 2)
    file.seek(0)
    tree = Tree(ZIP_PHRASE if type_ == "zip" else TAR_PHRASE, limits, size)
    finder = AppSpecFinder(appspec_filename, tree)
    if type_ == "zip":
        look_through_zip(file, tree, finder, limits=limits)
    else:
        look_through_tar(file, tree, finder, limits=limits, zipped=type_ == "tgz")
    return tree, finder


def looks_like_archive(head: bytes) -> bool:
    """Tell from the first 512 bytes whether something is an archive, of whatever kind."""
    if not head.strip(b"\0"):
        return False
    try:
        return bool(_type_of(io.BytesIO(head)))
    except BadArchive:
        return head.startswith(tuple(_OTHERS))


def _type_of(file: BinaryIO) -> BundleType:
    head = file.read(tarfile.BLOCKSIZE)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "tgz"
    if _is_tar_header(head):
        return "tar"
    if zipfile.is_zipfile(file):  # such as one that unpacks itself: a program with a zip behind it
        return "zip"
    kind = next((name for magic, name in _OTHERS.items() if head.startswith(magic)), None)
    seems = f"; it seems to be {kind}" if kind else "; it is empty" if not head else ""
    raise BadArchive(f"The bundle is no zip, tar or tgz archive{seems}.")


def _is_tar_header(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError as error:
        # An archive without entries begins with its end.
        return len(head) == tarfile.BLOCKSIZE and not any(head) and bool(str(error))
    return True
