"""How SNS and EventBridge are spoken to: time-outs, retries, and errors as two that matter.

Which errors pass by themselves is told by "Common errors" of each service's API reference. The
environment says where AWS is: `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_SNS`,
`AWS_ENDPOINT_URL_EVENTBRIDGE` and `AWS_ENDPOINT_URL_STS` are honoured.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any, Final, Literal

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

from tidegate.domain.notices import Notice
from tidegate.drivers.aws_roles import ASSUME_ROLE, Sessions
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
    """One client of a service for each region and role, made when it is first needed."""

    def __init__(self, service: Service, timeout: timedelta, *, assume_role: bool = False) -> None:
        self._service: Service = service
        self._timeout = timeout.total_seconds()
        self._sessions = Sessions(assume_role=assume_role, timeout=timeout)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = Lock()

    def role_for(self, notice: Notice) -> str:
        """Return the role by which a notice is sent; empty for Tidegate's own credentials."""
        return self._sessions.role_for(notice.role_arn)

    def of(self, region: str, role_arn: str) -> Any:
        """Return the client of a region that calls by a role, if it is given one.

        Raises:
            NoticeRefused: The environment says nonsense of where AWS is.
        """
        with self._lock:
            if (region, role_arn) not in self._clients:
                self._clients[region, role_arn] = self._made(region, role_arn)
            return self._clients[region, role_arn]

    def _made(self, region: str, role_arn: str) -> Any:
        config = Config(
            connect_timeout=min(_CONNECT, self._timeout),
            read_timeout=self._timeout,
            retries={"mode": "adaptive", "total_max_attempts": 2},
        )
        try:
            session = self._sessions.of(role_arn, region=region)
            return session.client(self._service, region_name=region, config=config)
        except ValueError:
            raise NoticeRefused(
                "AWS_ENDPOINT_URL or the one of the service is no address; correct it."
            ) from None


@contextmanager
def aws_errors(service: str, target: str, *, role: str = "") -> Iterator[None]:
    """Turn the client's exceptions into the two that matter; *role* is what it calls by.

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
        if error.operation_name == ASSUME_ROLE:
            service, target = "STS", f"the role {role}"
        raise refusal(service, target, code, found.get("Message", ""), status) from None
    except _NO_CREDENTIALS:
        sentence = f"There are no AWS credentials to reach {target}"
        raise NoticeRefused(f"{sentence}; set AWS_ACCESS_KEY_ID and the like.") from None
    except _OUR_FAULT as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise NoticeRefused(f"{service} cannot be asked for {target} ({said}).") from None
    except BotoCoreError as error:
        kind = type(error).__name__
        who = f"{service} or STS" if role else service
        raise NoticeUndelivered(f"{who} cannot be reached for {target} ({kind}).") from None


def refusal(
    service: str, target: str, code: str, message: str, status: int = 400
) -> NoticeRefused | NoticeUndelivered:
    """Return what an error of AWS means."""
    said = " ".join(message.split()).rstrip(".")[:300]
    sentence = f"{service} answered {code} for {target}{f' ({said})' if said else ''}"
    if code in _PASSES or status >= 500 or status == 429:
        return NoticeUndelivered(f"{sentence}; it is sent again later.")
    return NoticeRefused(f"{sentence}; it is not sent again.")
