"""How SNS and EventBridge are spoken to: time-outs, retries, and errors as two that matter.

Which errors pass by themselves is told by "Common errors" of each service's API reference. The
environment says where AWS is: `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_SNS` and
`AWS_ENDPOINT_URL_EVENTBRIDGE` are honoured.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any, Final, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    InvalidConfigError,
    InvalidRegionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from tidegate.drivers.notices import NoticeRefused, NoticeUndelivered

TIMEOUT: Final = timedelta(seconds=5)
"""How long an answer may take; there are two tries at most, for the outbox tries again anyway."""
_CONNECT: Final = 3
_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError, ProfileNotFound)
_OUR_FAULT: Final = (ParamValidationError, InvalidRegionError, InvalidConfigError)
_PASSES: Final = (
    "ConcurrentModificationException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalError",
    "InternalException",
    "InternalFailure",
    "KMSThrottling",
    "KMSThrottlingException",
    "RequestExpired",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)

Service = Literal["sns", "events"]


class Clients:
    """One client of a service for each region, made when it is first needed."""

    def __init__(self, service: Service, timeout: timedelta) -> None:
        self._service: Service = service
        self._timeout = timeout.total_seconds()
        self._clients: dict[str, Any] = {}
        self._lock = Lock()

    def of(self, region: str) -> Any:
        """Return the client of a region.

        Raises:
            NoticeRefused: The environment says nonsense of where AWS is.
        """
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._made(region)
            return self._clients[region]

    def _made(self, region: str) -> Any:
        config = Config(
            connect_timeout=min(_CONNECT, self._timeout),
            read_timeout=self._timeout,
            retries={"mode": "adaptive", "total_max_attempts": 2},
        )
        try:
            session = boto3.session.Session()
            return session.client(self._service, region_name=region, config=config)
        except ValueError:
            raise NoticeRefused(
                "AWS_ENDPOINT_URL or the one of the service is no address; correct it."
            ) from None


@contextmanager
def aws_errors(service: str, target: str) -> Iterator[None]:
    """Turn the client's exceptions into the two that matter.

    Raises:
        NoticeRefused: It will not pass.
        NoticeUndelivered: It may pass later.
    """
    try:
        yield
    except ClientError as error:
        found = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = found.get("Code", "") or str(status)
        raise refusal(service, target, code, found.get("Message", ""), status) from None
    except _NO_CREDENTIALS:
        sentence = f"There are no AWS credentials to reach {target}"
        raise NoticeRefused(f"{sentence}; set AWS_ACCESS_KEY_ID and the like.") from None
    except _OUR_FAULT as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise NoticeRefused(f"{service} cannot be asked for {target} ({said}).") from None
    except BotoCoreError as error:
        kind = type(error).__name__
        raise NoticeUndelivered(f"{service} cannot be reached for {target} ({kind}).") from None


def refusal(
    service: str, target: str, code: str, message: str, status: int = 400
) -> NoticeRefused | NoticeUndelivered:
    """Return what an error of AWS means."""
    said = " ".join(message.split()).rstrip(".")[:300]
    sentence = f"{service} answered {code} for {target}{f' ({said})' if said else ''}"
    if code in _PASSES or status >= 500 or status == 429:
        return NoticeUndelivered(f"{sentence}; it is sent again later.")
    return NoticeRefused(f"{sentence}; it is not sent again.")
