"""What a revision may be, and which compute platform takes which.

From the AWS CodeDeploy API reference (RevisionLocation, CreateDeployment).
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import Invalid
from tidegate.domain.revision import TEXTS, Source, SourceType

CODE: Final = "InvalidRevisionException"
ARCHIVES: Final = ("tar", "tgz", "zip")
APPSPECS: Final = ("YAML", "JSON")
LONGEST_KEY: Final = 1024
"""Bytes of the key of an S3 object."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_BUCKET: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_-])?")
"""As wide as what S3's clients take: buckets of old have capitals, low lines and 255 characters."""
_REPOSITORY: Final = re.compile(r"(?!\.{1,2}/)[\w.-]{1,100}/(?!\.{1,2}$)[\w.-]{1,100}", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-fA-F]{40}")
_PRINTABLE: Final = re.compile(r"[!-~]{0,1024}")
_TAKES: Final[Mapping[ComputePlatform, str]] = {
    ComputePlatform.SERVER: "an S3 object of the type tar, tgz or zip, or a commit on GitHub",
    ComputePlatform.LAMBDA: "an S3 object of the type YAML or JSON, an AppSpecContent or a String",
    ComputePlatform.ECS: "an S3 object of the type YAML or JSON, or an AppSpecContent",
}


def check_source(source: Source) -> None:
    """Refuse a source that cannot be fetched or checked.

    Raises:
        Invalid: It cannot.
    """
    match source.type:
        case SourceType.ARTIFACT:
            _check_sha256(source.sha256)
        case SourceType.HTTP:
            _check_sha256(source.sha256)
            _check_url(source.url)
        case SourceType.S3:
            if source.sha256 or not source.bundle_type:
                _check_sha256(source.sha256)
            _check_s3(source)
        case SourceType.GITHUB:
            _check_commit(source)
        case SourceType.STRING | SourceType.APPSPEC_CONTENT:
            _check_text(source)


def check_platform(source: Source, platform: ComputePlatform) -> None:
    """Refuse a source that the platform of its application has no use for.

    Raises:
        Invalid: It is one.
    """
    if not _fits(source, platform):
        raise Invalid(
            f"A revision for {platform} is {_TAKES[platform]}, and not {_kind(source)}.", code=CODE
        )


def _fits(source: Source, platform: ComputePlatform) -> bool:
    is_server = platform is ComputePlatform.SERVER
    match source.type:
        case SourceType.S3 if source.bundle_type in APPSPECS:
            return not is_server
        case SourceType.APPSPEC_CONTENT:
            return not is_server
        case SourceType.STRING:
            return platform is ComputePlatform.LAMBDA
        case _:
            return is_server


def _kind(source: Source) -> str:
    match source.type:
        case SourceType.S3:
            kind = f"of the type {source.bundle_type}" if source.bundle_type else "with a bundle"
            return f"an S3 object {kind}"
        case SourceType.GITHUB:
            return "a commit on GitHub"
        case SourceType.STRING:
            return "a String"
        case SourceType.APPSPEC_CONTENT:
            return "an AppSpecContent"
        case SourceType.ARTIFACT | SourceType.HTTP:
            return "a bundle"


def _check_sha256(sha256: str) -> None:
    if not _SHA256.fullmatch(sha256):
        raise Invalid(
            "A sha256 has 64 digits of 0-9 and a-f; `sha256sum FILE` prints it.", code=CODE
        )


def _check_s3(source: Source) -> None:
    if not is_bucket(source.bucket):
        raise Invalid(f"{source.bucket[:80]!r} cannot be the name of an S3 bucket.", code=CODE)
    if not 1 <= len(source.key.encode()) <= LONGEST_KEY:
        raise Invalid("The key of an S3 object has 1 to 1,024 bytes.", code=CODE)
    for what, text in (("version", source.version), ("eTag", source.etag)):
        if not _PRINTABLE.fullmatch(text):
            raise Invalid(
                f"{text[:80]!r} cannot be the {what} of an S3 object; "
                "`aws s3api head-object` shows it.",
                code=CODE,
            )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and len(url) <= 2048
        secret = parts.password is not None
    except ValueError:
        sound = secret = False
    if secret:
        raise Invalid("A URL with a password in it is not kept; give one without.")
    if not sound or re.search(r"[\s\x00-\x1f]", url):
        raise Invalid(
            f"{url[:80]!r} is no http or https URL of at most 2,048 characters.", code=CODE
        )


def _check_commit(source: Source) -> None:
    if not _REPOSITORY.fullmatch(source.repository):
        raise Invalid(
            f"{source.repository[:80]!r} names no repository on GitHub; write OWNER/NAME.",
            code=CODE,
        )
    if not _COMMIT.fullmatch(source.commit):
        raise Invalid(
            f"{source.commit[:80]!r} is no id of a commit; give all 40 digits of its SHA-1.",
            code=CODE,
        )


def _check_text(source: Source) -> None:
    _check_sha256(source.sha256)
    if source.content and hashlib.sha256(source.content.encode()).hexdigest() != source.sha256:
        raise Invalid(
            f"The sha256 of the content is not {source.sha256}; leave it out to have it computed.",
            code=CODE,
        )


def is_bucket(name: str) -> bool:
    """Tell whether an S3 bucket can have that name."""
    return _BUCKET.fullmatch(name) is not None


def is_reference(source: Source) -> bool:
    """Tell whether a source names an AppSpec by its digest alone, without its content."""
    return source.type in TEXTS and not source.content
