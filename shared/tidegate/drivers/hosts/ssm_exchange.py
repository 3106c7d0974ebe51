"""The place in S3 where hosts over SSM find what does not travel in a command.

What an object says is fetched by its sha256. A presigned address lets in whoever knows it, so it
lives no longer than a command takes; a parcel is deleted as soon as its command has ended.
"""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tidegate.clock import monotonic
from tidegate.drivers.bundles.aws import (
    ObjectMissing,
    S3Refused,
    S3Unreachable,
    s3_client,
    s3_errors,
)
from tidegate.drivers.hosts import Bundle
from tidegate.drivers.hosts.ssm_output import BY_S3
from tidegate.drivers.hosts.ssm_wants import Trouble

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LIFE: Final = 900
"""Seconds for which an address of a bundle or of the runner lets in."""
_PARCEL_LIFE: Final = 300
_FRESH: Final = 300.0
"""Seconds for which an address is handed out again, so that all hosts get the same."""
_KNOWN_FOR: Final = 600.0
_PORTERS: Final = 4
"""Threads that put bundles into S3, which may take minutes: all else has others."""
_LARGEST_OUTPUT: Final = BY_S3 + 100_000
"""What a slice prints at most, and what a shell may say before it."""
_AMAZON: Final = ".amazonaws.com"


class NoExchange(Exception):
    """No place is set where hosts could fetch anything."""

    def __init__(self) -> None:
        super().__init__(
            "Hosts over SSM fetch bundles from S3, and no place there is known; set "
            "TIDEGATE_ARTIFACT_STORE or TIDEGATE_SSM_EXCHANGE to s3://BUCKET/PREFIX."
        )


class _Closed(Exception):
    """Nobody needs any more what is being put into S3."""


class ExchangeTrouble(Exception):
    """S3 does not do what is wanted of it."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        super().__init__(trouble.message)


@dataclass(frozen=True, slots=True)
class _Folder:
    bucket: str
    prefix: str

    @classmethod
    def parse(cls, url: str) -> "_Folder | None":
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            return None
        prefix = parts.path.strip("/")
        return cls(parts.netloc, f"{prefix}/" if prefix else "")


class Exchange:
    """Puts things where hosts find them. Its methods are called from many threads."""

    def __init__(self, place: str, *, artifacts: str = "") -> None:
        """Use the folder *place*, or one in the artifact store; both are `s3://bucket/prefix`.

        Raises:
            NoExchange: Neither is.
        """
        self._artifacts = _Folder.parse(artifacts)
        found = _Folder.parse(place)
        if found is None and self._artifacts is not None:
            found = _Folder(self._artifacts.bucket, f"{self._artifacts.prefix}exchange/")
        if found is None:
            raise NoExchange
        self._own = found
        self._lock = Lock()
        self._uploads = Lock()
        self._porters = ThreadPoolExecutor(_PORTERS, "tidegate-ssm-bundles")
        self._offers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._closed = False
        self._clients: dict[str, S3Client] = {}
        self._there: dict[tuple[str, str], float] = {}
        self._signed: dict[tuple[str, str], tuple[float, str]] = {}

    def runner(self, digest: str, source: bytes) -> dict[str, Any]:
        """Return where the runner is fetched from: it is no secret, so by an address for all.

        Raises:
            ExchangeTrouble: S3 does not take it.
        """
        key = f"{self._own.prefix}runner/{digest}.py"
        with _troubles(self._own.bucket), self._uploads:
            if not self._has(self._own.bucket, key):
                self._put(self._own.bucket, key, source)
            return {"sha256": digest, "url": self._address(self._own.bucket, key)}

    async def offer(self, bundle: Bundle) -> dict[str, Any]:
        """Return where a bundle lies; it is uploaded only where S3 lacks it, and only once.

        Always called on the same loop, which goes on meanwhile.

        Raises:
            ExchangeTrouble: S3 does not take it.
        """
        digest = bundle.sha256
        if digest not in self._offers:
            loop = asyncio.get_running_loop()
            self._offers[digest] = loop.run_in_executor(self._porters, self._offer, bundle)
            self._offers[digest].add_done_callback(lambda _: self._offers.pop(digest))
        # Others may wait for it, too.
        return await asyncio.shield(self._offers[digest])

    def close(self) -> None:
        """Leave off what is being uploaded."""
        self._closed = True
        self._porters.shutdown(wait=False, cancel_futures=True)

    def _offer(self, bundle: Bundle) -> dict[str, Any]:
        bucket, key = self._own.bucket, f"{self._own.prefix}bundles/{bundle.sha256}"
        with _troubles(bucket):
            if stored := self._artifact(bundle.sha256):
                bucket, key = stored
            elif not self._has(bucket, key):
                self._upload(bucket, key, bundle.path)
        return {"bucket": bucket, "key": key}

    def way_to(self, place: Mapping[str, Any], how: str) -> dict[str, Any]:
        """Return how a host fetches what lies at a place that `offer` told.

        Raises:
            ExchangeTrouble: S3 does not say.
        """
        with _troubles(place["bucket"]):
            return self._way(place["bucket"], place["key"], how)

    def parcel(self, data: bytes, how: str) -> tuple[dict[str, Any], str]:
        """Put what hosts are asked, and return where it is fetched from, and its name here.

        Raises:
            ExchangeTrouble: S3 does not take it.
        """
        key = f"{self._own.prefix}parcels/{secrets.token_hex(16)}"
        with _troubles(self._own.bucket):
            self._put(self._own.bucket, key, data)
            source = self._way(self._own.bucket, key, how, fresh=True)
        return {**source, "sha256": sha256(data).hexdigest()}, key

    def drop(self, key: str) -> None:
        """Delete a parcel; what S3 does not delete now goes by the bucket's own rules."""
        with suppress(S3Refused, S3Unreachable, ObjectMissing), s3_errors(self._own.bucket):
            self._client(self._own.bucket).delete_object(Bucket=self._own.bucket, Key=key)

    def output(self, bucket: str, key: str) -> str | None:
        """Return what the SSM Agent put into a bucket; None while it is not there.

        Raises:
            ExchangeTrouble: S3 does not give it.
        """
        try:
            with _troubles(bucket, "printed into a bucket that Tidegate cannot read", missing=True):
                answer = self._client(bucket).get_object(Bucket=bucket, Key=key)
                data = answer["Body"].read(_LARGEST_OUTPUT)
                return data.decode("ascii", "replace")
        except ObjectMissing:
            return None

    def _artifact(self, digest: str) -> tuple[str, str] | None:
        """Return where the artifact store has a bundle, as `S3Store` names its objects."""
        if self._artifacts is None:
            return None
        key = f"{self._artifacts.prefix}{digest[:2]}/{digest[2:]}"
        return (self._artifacts.bucket, key) if self._has(self._artifacts.bucket, key) else None

    def _has(self, bucket: str, key: str) -> bool:
        known = self._there.get((bucket, key), float("-inf"))
        if monotonic() - known < _KNOWN_FOR:
            return True
        try:
            with s3_errors(f"s3://{bucket}"):
                self._client(bucket).head_object(Bucket=bucket, Key=key)
        except ObjectMissing:
            return False
        self._there[bucket, key] = monotonic()
        return True

    def _put(self, bucket: str, key: str, data: bytes) -> None:
        self._client(bucket).put_object(Bucket=bucket, Key=key, Body=data)

    def _upload(self, bucket: str, key: str, path: Path) -> None:
        try:
            self._client(bucket).upload_file(str(path), bucket, key, Callback=self._go_on)
        except OSError as bad:
            why = (bad.strerror or str(bad)).lower()
            message = (
                f"cannot be given the bundle {path}: it cannot be read on this machine ({why})"
            )
            trouble = Trouble(code="misconfigured", message=message, passes=False)
            raise ExchangeTrouble(trouble) from None
        self._there[bucket, key] = monotonic()

    def _go_on(self, _: int) -> None:
        if self._closed:
            raise _Closed

    def _way(self, bucket: str, key: str, how: str, *, fresh: bool = False) -> dict[str, Any]:
        if how != "host":
            if fresh:
                return {"url": self._sign(bucket, key, _PARCEL_LIFE)}
            return {"url": self._address(bucket, key)}
        meta = self._client(bucket).meta
        way: dict[str, Any] = {"bucket": bucket, "key": key, "region": meta.region_name}
        if not meta.endpoint_url.endswith(_AMAZON):  # nor does that of China, for one
            way["endpoint"] = meta.endpoint_url
        return way

    def _address(self, bucket: str, key: str) -> str:
        with self._lock:
            signed_at, url = self._signed.get((bucket, key), (float("-inf"), ""))
        if monotonic() - signed_at > _FRESH:
            url = self._sign(bucket, key, _LIFE)
            with self._lock:
                self._signed[bucket, key] = monotonic(), url
        return url

    def _sign(self, bucket: str, key: str, life: int) -> str:
        return self._client(bucket).generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=life
        )

    def _client(self, bucket: str) -> "S3Client":
        """Return the client of the bucket's own region: by another, no address would let in."""
        with self._lock:
            if bucket not in self._clients:
                client = s3_client()
                if _AMAZON in client.meta.endpoint_url:
                    client = s3_client(_region_of(client, bucket))
                self._clients[bucket] = client
            return self._clients[bucket]


def _region_of(client: "S3Client", bucket: str) -> str:
    answer: Mapping[str, Any] = client.head_bucket(Bucket=bucket)
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("x-amz-bucket-region") or client.meta.region_name)


@contextmanager
def _troubles(
    bucket: str, what: str = "cannot be given anything", *, missing: bool = False
) -> Iterator[None]:
    try:
        with s3_errors(f"s3://{bucket}"):
            yield
    except ObjectMissing:
        if missing:
            raise
        raise ExchangeTrouble(
            Trouble(
                code="misconfigured",
                message=f"{what}: there is no bucket {bucket}",
                passes=False,
            )
        ) from None
    except S3Refused as error:
        message = f"{what}: {str(error).rstrip('.')}"
        raise ExchangeTrouble(
            Trouble(code="misconfigured", message=message, passes=False)
        ) from None
    except S3Unreachable as error:
        message = f"{what}: {str(error).rstrip('.')}"
        raise ExchangeTrouble(Trouble(code="unreachable", message=message)) from None
