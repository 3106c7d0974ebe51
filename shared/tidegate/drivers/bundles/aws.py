"""How S3 is spoken to: time-outs, retries, other S3s than Amazon's, and errors as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from tidegate.drivers.aws_calls import CallFailed
from tidegate.drivers.aws_roles import Sessions
from tidegate.drivers.bundles.errors import FetchFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_PIECE: Final = 1024 * 1024
_ROLES: Final = Sessions(assume_role=True, timeout=timedelta(seconds=10))
_MISSING: Final = ("404", "NoSuchKey", "NoSuchVersion", "NotFound")


class ObjectMissing(Exception):
    """There is no such object."""


class S3Refused(Exception):
    """S3 answered and said no."""


class S3Unreachable(Exception):
    """S3 could not be asked, or failed."""


def s3_client(region: str = "", *, role_arn: str = "") -> "S3Client":
    """Return a client that any number of threads may share.

    Amazon is asked in *region*; another S3 in the one of the environment, as it has its own names.
    It is asked by the role that is given, or by Tidegate's own credentials for none.

    Raises:
        S3Refused: The environment says nonsense of where S3 is.
    """
    session = _ROLES.of(role_arn, region=region) if role_arn else boto3.session.Session()
    try:
        client = session.client("s3", config=_config("auto"))
    except ValueError:
        raise S3Refused(
            "AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is no address; correct it."
        ) from None
    if ".amazonaws.com" in client.meta.endpoint_url:
        if not region:
            return client
        return session.client("s3", region_name=region, config=_config("auto"))
    # Other S3s rarely have a host name for each bucket.
    return session.client("s3", config=_config("path"))


def _config(addressing: Literal["auto", "path"]) -> Config:
    return Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=50,
        # What others fetch by an address is signed as all regions want it.
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": addressing},
    )


def pieces_of(answer: "GetObjectOutputTypeDef") -> Iterator[bytes]:
    """Yield the body of an object as it comes: who counts the time is asked after each piece.

    Raises:
        S3Unreachable: It ended too early.
    """
    left = answer["ContentLength"]
    # The body itself only gives pieces of one size, however long that takes.
    with answer["Body"] as raw:
        stream: Any = raw
        while left:
            piece = stream.read1(_PIECE)
            if not piece:
                raise S3Unreachable(f"S3 sent {left:,} bytes less than it said.")
            left -= len(piece)
            yield piece


def check_etag(where: str, found: str, wanted: str) -> None:
    """Refuse an object that has another eTag; no *wanted* one is none to compare with.

    Raises:
        FetchFailed: It has.
    """
    found, wanted = found.strip('"'), wanted.strip('"')
    if wanted and found != wanted:
        raise FetchFailed(
            f"The eTag of {where} is {found}, and {wanted} was expected; "
            "it was overwritten, or another object is meant."
        )


@contextmanager
def s3_errors(where: str) -> Iterator[None]:
    """Turn the client's exceptions into three that matter.

    Raises:
        ObjectMissing: There is no such object.
        S3Refused: The answer was no.
        S3Unreachable: There was no answer, or S3 failed.
    """
    try:
        yield
    except S3UploadFailedError as error:
        cause = error.__context__
        if isinstance(cause, ClientError):
            raise _refusal(cause, where) from None
        raise S3Unreachable(f"S3 does not take an upload to {where}.") from None
    except ClientError as error:
        raise _refusal(error, where) from None
    except CallFailed as failure:
        raise _role_refusal(failure, where) from None
    except NoCredentialsError:
        sentence = f"There are no AWS credentials to reach {where}"
        raise S3Refused(f"{sentence}; set AWS_ACCESS_KEY_ID and the like.") from None
    except (ConfigParseError, PartialCredentialsError) as error:
        sentence = f"The AWS credentials to reach {where} cannot be used ({error})"
        raise S3Refused(f"{sentence}; correct them.") from None
    except (BotoCoreError, HTTPError, ResponseParserError) as error:
        kind = type(error).__name__
        raise S3Unreachable(f"S3 cannot be reached for {where} ({kind}).") from None


def _refusal(error: ClientError, where: str) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _MISSING:
        return ObjectMissing(where)
    sentence = f"S3 answered {code or status} for {where}"
    if status >= 500:
        return S3Unreachable(f"{sentence}; try again later.")
    return S3Refused(f"{sentence}; check the bucket and what these keys may do.")


def _role_refusal(failure: CallFailed, where: str) -> Exception:
    sentence = f"The service role of the group cannot be assumed for {where}: {failure}"
    if failure.may_pass:
        return S3Unreachable(f"{sentence}; try again later.")
    return S3Refused(f"{sentence}; its trust policy has to name Tidegate's own credentials.")
