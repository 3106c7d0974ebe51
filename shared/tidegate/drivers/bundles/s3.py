"""An artifact store in an S3 bucket, with copies of what was fetched in a local folder."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from tidegate.drivers.bundles import Artifact
from tidegate.drivers.bundles.aws import (
    ObjectMissing,
    S3Refused,
    S3Unreachable,
    s3_client,
    s3_errors,
)
from tidegate.drivers.bundles.errors import ArtifactMissing, StoreUnavailable
from tidegate.drivers.bundles.files import (
    RESERVE,
    drop_half_written,
    modified_at,
    written,
)
from tidegate.drivers.bundles.folder import DIGEST

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK: Final = 1024 * 1024
_A_DAY: Final = timedelta(days=1)
_A_WEEK: Final = timedelta(days=7)


class S3Store:
    """Keeps artifacts as objects `prefix/ab/cdef…` of a bucket."""

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        spool: Path | None = None,
        reserve: int = RESERVE,
        client: "S3Client | None" = None,
    ) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._spool = spool or Path(tempfile.gettempdir()) / "tidegate-spool"
        self._reserve = reserve
        self._client = client
        self._locks: WeakValueDictionary[str, _Fetching] = WeakValueDictionary()
        self._locks_lock = Lock()

    def check(self) -> None:
        with self._errors():
            self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    def put(self, chunks: Iterable[bytes], *, limit: int) -> Artifact:
        # The key is the digest, which is known only after the last byte: hence the spool file.
        with written(chunks, self._spool, limit=limit, reserve=self._reserve) as file:
            with self._errors():
                self._s3.upload_file(str(file.path), self._bucket, self._key(file.sha256))
            return Artifact(file.sha256, file.size)

    def fetch(self, sha256: str, into: Path) -> Path:
        if not DIGEST.fullmatch(sha256):
            raise ArtifactMissing(sha256)
        path = into / sha256
        fetching = self._fetching(sha256)
        with fetching.lock:
            if not _is_there(path):
                self._download(sha256, path)
                _tidy(into, now=modified_at(path))
        return path

    def find(self, sha256: str) -> Artifact | None:
        if not DIGEST.fullmatch(sha256):
            return None
        try:
            with self._errors():
                head = self._s3.head_object(Bucket=self._bucket, Key=self._key(sha256))
        except ObjectMissing:
            return None
        return Artifact(sha256, head["ContentLength"], stored_at=head["LastModified"])

    def has(self, sha256: str) -> bool:
        return self.find(sha256) is not None

    def delete(self, sha256: str) -> None:
        if DIGEST.fullmatch(sha256):
            with self._errors():
                self._s3.delete_object(Bucket=self._bucket, Key=self._key(sha256))

    def list(self) -> Iterator[Artifact]:
        with self._errors():
            pages = self._s3.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for found in page.get("Contents", ()):
                    sha256 = found["Key"].removeprefix(self._prefix).replace("/", "", 1)
                    if DIGEST.fullmatch(sha256):
                        yield Artifact(sha256, found["Size"], stored_at=found["LastModified"])

    def drop_leftovers(self, *, now: datetime) -> int:
        dropped = drop_half_written(self._spool, now=now)
        with self._errors():
            pages = self._s3.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for upload in page.get("Uploads", ()):
                    if now - upload["Initiated"] > _A_DAY:
                        self._s3.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        dropped += 1
        return dropped

    def _download(self, sha256: str, path: Path) -> None:
        try:
            with self._errors():
                answer = self._s3.get_object(Bucket=self._bucket, Key=self._key(sha256))
                chunks = answer["Body"].iter_chunks(_CHUNK)
                limit = answer["ContentLength"]
                with written(chunks, path.parent, limit=limit, reserve=self._reserve) as file:
                    if file.sha256 != sha256:
                        raise StoreUnavailable(
                            f"What {self._where} holds as {sha256} is not that; upload it again."
                        )
                    file.move_to(path)
        except ObjectMissing:
            raise ArtifactMissing(sha256) from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with s3_errors(self._where):
                yield
        except (S3Refused, S3Unreachable) as error:
            raise StoreUnavailable(str(error)) from None

    def _fetching(self, sha256: str) -> "_Fetching":
        with self._locks_lock:
            fetching = self._locks.get(sha256) or _Fetching()
            self._locks[sha256] = fetching
            return fetching

    @property
    def _s3(self) -> "S3Client":
        # Not before it is wanted: where a file of credentials is broken, the store cannot be
        # reached, and whoever asks is told; the process goes on, and so does all once it is mended.
        with self._locks_lock:
            if self._client is None:
                self._client = s3_client()
            return self._client

    @property
    def _where(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    def _key(self, sha256: str) -> str:
        return f"{self._prefix}{sha256[:2]}/{sha256[2:]}"


def _is_there(path: Path) -> bool:
    """Tell whether a copy lies there, and note by its time that it is used."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _tidy(folder: Path, *, now: datetime) -> None:
    """Remove copies that nobody has used for a week, and what was left half written."""
    drop_half_written(folder, now=now)
    for path in folder.iterdir():
        if DIGEST.fullmatch(path.name):
            # Other processes may tidy here, too.
            with suppress(FileNotFoundError):
                if now - modified_at(path) > _A_WEEK:
                    path.unlink()


class _Fetching:
    """One digest that is being fetched: who else wants it waits."""

    def __init__(self) -> None:
        self.lock = Lock()
