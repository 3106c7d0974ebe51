"""What every artifact store does, as tests to inherit: give a `store` fixture and they run."""

import hashlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidegate.domain.errors import TooLarge
from tidegate.drivers.bundles import Artifact, ArtifactStore
from tidegate.drivers.bundles.errors import ArtifactMissing

MIB = 1024 * 1024
NOBODYS = "0" * 64


class BrokenUpload(Exception):
    """What a client that goes away raises in the middle of its upload."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class ArtifactStoreContract:
    """Inherit it and give the fixture *store*, an empty store, and *leftovers*.

    *leftovers* returns a function that counts what half-done transfers have left behind.
    """

    def test_what_was_put_is_fetched(self, store: ArtifactStore, tmp_path: Path) -> None:
        data = os.urandom(3 * MIB)

        artifact = store.put(iter([data[:MIB], b"", data[MIB:]]), limit=3 * MIB)

        assert artifact == Artifact(digest(data), len(data))
        assert store.fetch(artifact.sha256, tmp_path / "cache").read_bytes() == data

    def test_one_that_can_be_used_is_no_trouble(self, store: ArtifactStore) -> None:
        store.put([b"abc"], limit=10)

        store.check()

    def test_an_empty_artifact_is_one_too(self, store: ArtifactStore, tmp_path: Path) -> None:
        artifact = store.put(iter([]), limit=1)

        assert artifact == Artifact(digest(b""), 0)
        assert store.fetch(artifact.sha256, tmp_path).read_bytes() == b""

    def test_putting_twice_changes_nothing(self, store: ArtifactStore) -> None:
        first = store.put([b"same"], limit=10)
        second = store.put([b"sa", b"me"], limit=10)

        assert first == second
        assert list(store.list()) == [first]

    def test_it_knows_what_it_has(self, store: ArtifactStore) -> None:
        artifact = store.put([b"abc"], limit=10)

        found = store.find(artifact.sha256)

        assert found == artifact
        assert found is not None
        assert found.stored_at
        assert abs(found.stored_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert store.has(artifact.sha256)
        assert not store.has(NOBODYS)

    @pytest.mark.parametrize("sha256", [NOBODYS, "", "..", "../../etc/passwd", "A" * 64])
    def test_what_it_does_not_have_is_missing(
        self, store: ArtifactStore, tmp_path: Path, sha256: str
    ) -> None:
        with pytest.raises(ArtifactMissing):
            store.fetch(sha256, tmp_path)
        assert store.find(sha256) is None
        store.delete(sha256)

    def test_what_was_deleted_is_gone(self, store: ArtifactStore) -> None:
        kept = store.put([b"kept"], limit=10)
        gone = store.put([b"gone"], limit=10)

        store.delete(gone.sha256)
        store.delete(gone.sha256)

        assert list(store.list()) == [kept]
        assert not store.has(gone.sha256)

    def test_too_much_is_refused_and_leaves_nothing(
        self, store: ArtifactStore, leftovers: object
    ) -> None:
        drawn = 0

        def endless() -> Iterator[bytes]:
            nonlocal drawn
            while True:
                drawn += 1
                yield bytes(MIB)

        with pytest.raises(TooLarge, match="limit of 2,097,152 bytes"):
            store.put(endless(), limit=2 * MIB)

        assert drawn == 3
        assert list(store.list()) == []
        assert callable(leftovers)
        assert leftovers() == 0

    def test_exactly_the_limit_is_taken(self, store: ArtifactStore) -> None:
        assert store.put([bytes(10)], limit=10).size == 10

    def test_a_broken_upload_leaves_nothing(self, store: ArtifactStore, leftovers: object) -> None:
        def broken() -> Iterator[bytes]:
            yield b"half"
            raise BrokenUpload

        with pytest.raises(BrokenUpload):
            store.put(broken(), limit=MIB)

        assert list(store.list()) == []
        assert callable(leftovers)
        assert leftovers() == 0

    def test_many_may_put_the_same_at_once(self, store: ArtifactStore, leftovers: object) -> None:
        data = os.urandom(MIB)
        together = threading.Barrier(8)

        def put(_: int) -> Artifact:
            together.wait(30)
            return store.put([data], limit=MIB)

        with ThreadPoolExecutor(8) as pool:
            artifacts = set(pool.map(put, range(8)))

        assert artifacts == {Artifact(digest(data), MIB)}
        assert list(store.list()) == [Artifact(digest(data), MIB)]
        assert callable(leftovers)
        assert leftovers() == 0

    def test_many_may_fetch_the_same_at_once(self, store: ArtifactStore, tmp_path: Path) -> None:
        data = os.urandom(MIB)
        artifact = store.put([data], limit=MIB)

        with ThreadPoolExecutor(16) as pool:
            paths = set(pool.map(lambda _: store.fetch(artifact.sha256, tmp_path), range(64)))

        assert len(paths) == 1
        assert paths.pop().read_bytes() == data

    def test_clearing_up_spares_what_is_stored(self, store: ArtifactStore) -> None:
        artifact = store.put([b"stays"], limit=10)

        dropped = store.drop_leftovers(now=datetime.now(UTC) + timedelta(days=400))

        assert dropped == 0
        assert list(store.list()) == [artifact]
