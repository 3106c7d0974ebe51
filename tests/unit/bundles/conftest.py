"""Archives to look into."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Build = Callable[..., Path]


@pytest.fixture
def tar(tmp_path: Path) -> Build:
    """Write a tar of (header, data) pairs, whatever they claim."""

    def build(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
        path = tmp_path / "bundle"
        with tarfile.open(path, mode) as archive:
            for info, data in members:
                archive.addfile(info, io.BytesIO(data))
        return path

    return build


@pytest.fixture
def zipped(tmp_path: Path) -> Build:
    """Write a zip of (header or name, data) pairs, whatever they claim."""

    def build(*members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
        path = tmp_path / "bundle"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for info, data in members:
                archive.writestr(info, data, zipfile.ZIP_DEFLATED)
        return path

    return build
