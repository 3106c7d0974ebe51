"""Which artifact store a URL names."""

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tidegate.drivers.bundles import ArtifactStore
from tidegate.drivers.bundles.errors import NoSuchStore
from tidegate.drivers.bundles.files import RESERVE
from tidegate.drivers.bundles.folder import FolderStore

_LOCAL: Final = ("", "localhost")


def store_for(url: str, *, reserve: int | None = None) -> ArtifactStore:
    """Return the store that *url* names.

    Raises:
        NoSuchStore: It names none.
    """
    kept = RESERVE if reserve is None else reserve
    scheme, separator, _ = url.partition("://")
    if not separator and url.strip():
        return FolderStore(Path(url).expanduser(), kept)
    parts = urlsplit(url)
    if scheme == "file" and parts.netloc in _LOCAL and len(parts.path) > 1:
        return FolderStore(Path(unquote(parts.path)), kept)
    if scheme == "s3" and parts.netloc and not parts.query:
        # Brings boto3 along, which is large.
        from tidegate.drivers.bundles.s3 import S3Store  # noqa: PLC0415

        return S3Store(parts.netloc, parts.path.strip("/"), reserve=kept)
    raise NoSuchStore(url)
