"""Parts of archives for tests, sound or hostile."""

import tarfile
import zipfile
from typing import Final

APPSPEC: Final = b"version: 0.0\nos: linux\n"


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """Return an entry of a tar; *fields* overwrite what its header would say."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def appspec(name: str = "appspec.yml") -> tuple[tarfile.TarInfo, bytes]:
    """Return an entry that holds the least AppSpec."""
    return member(name, APPSPEC)


def entry(name: str, *, mode: int = 0, system: int = 3) -> zipfile.ZipInfo:
    """Return the header of an entry of a zip; *system* 0 is Windows, 3 is Unix."""
    info = zipfile.ZipInfo(name)
    info.create_system = system
    info.external_attr = mode << 16
    return info
