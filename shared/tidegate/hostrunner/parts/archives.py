"""From a bundle to the folder of a revision: whole, or not at all."""

import errno
import os

from tidegate.hostrunner.parts.base import remove_tree
from tidegate.hostrunner.parts.unpacking import Unpacking
from tidegate.hostrunner.parts.untar import unpack_tar
from tidegate.hostrunner.parts.unzip import unpack_zip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BUNDLE_TYPES = ("zip", "tar", "tgz", "directory")


def replace_archive(target: bytes, bundle: bytes, kind: str, spec: "dict[str, Any]") -> bytes:
    """Unpack a bundle to *target*, and return where that lies now what was there before.

    Without a *kind* there is no bundle, and the folder will be empty.
    """
    fresh, old = target + b".new", target + b".old"
    remove_tree(fresh)
    remove_tree(old)
    try:
        os.mkdir(fresh, 0o755)
        if kind:
            unpack(bundle, kind, fresh, spec)
        if os.path.lexists(target):
            os.rename(target, old)
        os.rename(top_folder(fresh) if kind != "directory" else fresh, target)
    finally:
        remove_tree(fresh)
    return old


def unpack(bundle: bytes, kind: str, folder: bytes, spec: "dict[str, Any]") -> None:
    import zlib

    unpacking = Unpacking(folder, kind, os.stat(bundle).st_size, spec)
    broken = (zlib.error, EOFError, ValueError, LookupError, OverflowError, RuntimeError)
    try:
        if kind == "zip":
            unpack_zip(bundle, unpacking)
        else:
            unpack_tar(bundle, kind, unpacking)
        unpacking.finish()
    except broken as error:
        unpacking.broken(error)
    except OSError as error:
        # Without a number it is gzip's own; and an entry may claim to lie before the file begins.
        if error.errno in (None, errno.EINVAL):
            unpacking.broken(error)
        unpacking.stuck(error)


def top_folder(folder: bytes) -> bytes:
    """Return the single top folder that holds the AppSpec file, or *folder* itself."""
    names = os.listdir(folder)
    top = os.path.join(folder, names[0]) if len(names) == 1 else b""
    if not top or os.path.islink(top) or not os.path.isdir(top):
        return folder
    return top if any(b"appspec" in name.lower() for name in os.listdir(top)) else folder
