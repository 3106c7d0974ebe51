"""The artifact store in a folder, and what only a disk can do wrong."""

import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidegate.domain.errors import NoSpace
from tidegate.drivers.bundles.errors import StoreUnavailable
from tidegate.drivers.bundles.folder import FolderStore
from tidegate.testing.artifact_contract import MIB, ArtifactStoreContract


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def leftovers(root: Path) -> Callable[[], int]:
    return lambda: len(list(root.rglob("*.part")))


class TestFolderStore(ArtifactStoreContract):
    @pytest.fixture
    def store(self, root: Path) -> FolderStore:
        return FolderStore(root, reserve=0)


def test_bytes_lie_below_the_first_two_digits_for_the_owner_only(root: Path):
    artifact = FolderStore(root).put([b"abc"], limit=10)

    path = root / artifact.sha256[:2] / artifact.sha256[2:]

    assert path.read_bytes() == b"abc"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_missing_or_shut_is_said(tmp_path: Path):
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.touch()

    for root, why in ((missing, "No such file or directory"), (file, "Not a directory")):
        with pytest.raises(StoreUnavailable, match=re.escape(f"cannot be read ({why})")):
            FolderStore(root).check()
    assert not missing.exists()


@contextmanager
def as_anybody() -> Iterator[None]:
    """Be none whom modes do not hold back."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_cannot_be_written_to_is_said():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o555)
        store = FolderStore(root)

        with as_anybody():
            with pytest.raises(StoreUnavailable, match="cannot be written to; mount it writable"):
                store.check()
            with pytest.raises(StoreUnavailable, match="cannot be written to; mount it writable"):
                store.put([b"abc"], limit=10)


def test_a_fetch_gives_the_stores_own_file(root: Path, tmp_path: Path):
    store = FolderStore(root)
    artifact = store.put([b"abc"], limit=10)

    path = store.fetch(artifact.sha256, tmp_path / "cache")

    assert path.is_relative_to(root)
    assert not (tmp_path / "cache").exists()


def test_the_reserve_stays_free(root: Path, leftovers: Callable[[], int]):
    store = FolderStore(root, reserve=100, free=lambda _: 110)

    with pytest.raises(NoSpace):
        store.put([bytes(11)], limit=100)

    assert leftovers() == 0
    assert list(store.list()) == []
    assert store.put([bytes(10)], limit=100).size == 10


def test_a_disk_that_fills_up_on_the_way_is_noticed(root: Path, leftovers: Callable[[], int]):
    space = iter([100 * MIB, 0])
    store = FolderStore(root, reserve=MIB, free=lambda _: next(space))

    with pytest.raises(NoSpace):
        store.put((bytes(MIB) for _ in range(50)), limit=100 * MIB)

    assert leftovers() == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_or_quota_is_no_space(root: Path, leftovers: Callable[[], int], number: int):
    def full():
        yield b"something"
        raise OSError(number, os.strerror(number))

    with pytest.raises(NoSpace, match=str(root)):
        FolderStore(root).put(full(), limit=100)

    assert leftovers() == 0


def test_a_really_full_device_is_no_space(tmp_path: Path):
    full = Path("/dev/full")
    store = FolderStore(tmp_path)

    with pytest.raises(NoSpace):
        store.put(_copied_to(full), limit=100)


def _copied_to(device: Path):
    yield b"x"
    with device.open("wb", buffering=0) as file:
        file.write(b"x")


def test_only_half_written_files_older_than_a_day_are_dropped(root: Path):
    store = FolderStore(root)
    artifact = store.put([b"abc"], limit=10)
    now = datetime.now(UTC)
    for name, age in (("old.part", timedelta(hours=25)), ("new.part", timedelta(hours=23))):
        path = root / "incoming" / name
        path.write_bytes(b"half")
        os.utime(path, ((now - age).timestamp(),) * 2)

    assert store.drop_leftovers(now=now) == 1

    assert [path.name for path in root.rglob("*.part")] == ["new.part"]
    assert store.has(artifact.sha256)


def test_what_else_lies_in_the_folder_is_not_listed(root: Path):
    store = FolderStore(root)
    artifact = store.put([b"abc"], limit=10)
    (root / artifact.sha256[:2] / "notes.txt").write_text("mine")
    (root / "README").write_text("mine")

    assert list(store.list()) == [artifact]


def test_an_empty_store_needs_no_folder(root: Path):
    store = FolderStore(root)

    assert list(store.list()) == []
    assert store.drop_leftovers(now=datetime.now(UTC)) == 0
