"""A bundle that lies in S3, fetched by the name that a person gives it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote

from typing_extensions import override

from tidegate.drivers.bundles.errors import FetchFailed
from tidegate.drivers.bundles.files import disk_errors

_CHUNK: Final = 1024 * 1024
_SCHEME: Final = "s3://"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """Where a bundle lies, and which one it must be."""

    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `s3://BUCKET/KEY[?versionId=V&etag=E]`.

        Raises:
            FetchFailed: It names no object.
        """
        bucket, _, key = text.removeprefix(_SCHEME).partition("/")
        before, question, query = key.rpartition("?")
        wanted: dict[str, str] = {}
        for part in query.split("&") if question else ():
            name, _, value = part.partition("=")
            if name not in ("versionId", "etag"):
                # A key may hold a question mark itself.
                before, wanted = key, {}
                break
            wanted[name] = unquote(value)
        found = before if question else key
        if not text.startswith(_SCHEME) or not bucket or not found:
            raise FetchFailed(f"{text!r} names no bundle; write s3://BUCKET/KEY.")
        etag = wanted.get("etag", "").strip('"')
        return cls(
            bucket=bucket, key=found, version=wanted.get("versionId") or None, etag=etag or None
        )

    @override
    def __str__(self) -> str:
        version = f" in version {self.version}" if self.version else ""
        return f"{_SCHEME}{self.bucket}/{self.key}{version}"

    def fetch(self, path: Path) -> None:
        """Write the object to *path*.

        Raises:
            FetchFailed: It cannot be had, or has another eTag.
            NoSpace: The disk is full.
        """
        # Brings boto3 along, which is large.
        from tidegate.drivers.bundles.aws import (  # noqa: PLC0415
            ObjectMissing,
            S3Refused,
            S3Unreachable,
            check_etag,
            s3_client,
            s3_errors,
        )

        wanted: Any = {"VersionId": self.version} if self.version else {}
        try:
            with s3_errors(str(self)):
                answer = s3_client().get_object(Bucket=self.bucket, Key=self.key, **wanted)
                check_etag(str(self), answer["ETag"], self.etag or "")
                with disk_errors(path.parent), path.open("wb") as file:
                    for chunk in answer["Body"].iter_chunks(_CHUNK):
                        file.write(chunk)
        except ObjectMissing:
            raise FetchFailed(f"There is no {self}.") from None
        except (S3Refused, S3Unreachable) as error:
            raise FetchFailed(str(error)) from None
