"""How services of AWS are called: time-outs, retries, roles, and what an error means.

Which errors pass by themselves is told by "Common errors" of each service's API reference. The
environment says where AWS is: `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` are honoured.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from traceback import walk_tb
from typing import Any, Final

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
from botocore.parsers import ResponseParserError

from tidegate.drivers.aws_roles import ASSUME_ROLE, Sessions

CONNECT: Final = timedelta(seconds=3)
READ: Final = timedelta(seconds=10)
_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError, ProfileNotFound)
_OUR_FAULT: Final = (ParamValidationError, InvalidRegionError, InvalidConfigError)
_READERS: Final = ("botocore.parsers", "botocore.client", "botocore.endpoint")
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
    "ServerException",
    "ServiceException",
    "ServiceUnavailable",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)


class CallFailed(Exception):
    """A call of AWS that did not go well; its text is a sentence without its full stop."""

    def __init__(
        self, sentence: str, *, code: str = "", operation: str = "", may_pass: bool = False
    ) -> None:
        super().__init__(sentence)
        self.code = code
        """AWS's own word, or the HTTP status; empty where there was no answer."""
        self.operation = operation
        """The call that was answered so; empty where there was no answer."""
        self.may_pass = may_pass
        """Whether a later try may go well."""


class BadEndpoint(CallFailed):
    """The environment says nonsense of where AWS is."""


class Clients:
    """One client of a service for each region and role, made when it is first needed.

    *read* is how long an answer may take, *tries* how often is tried at most within one call.
    """

    def __init__(
        self, service: str, *, read: timedelta = READ, tries: int = 3, assume_role: bool = False
    ) -> None:
        self._service: Any = service
        self._config = Config(
            connect_timeout=min(CONNECT, read).total_seconds(),
            read_timeout=read.total_seconds(),
            retries={"mode": "adaptive", "total_max_attempts": tries},
        )
        self._sessions = Sessions(assume_role=assume_role, timeout=read)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = Lock()

    def role_for(self, role_arn: str) -> str:
        """Return the role that calls are made by; empty for Tidegate's own credentials."""
        return self._sessions.role_for(role_arn)

    def of(self, region: str, role_arn: str = "") -> Any:
        """Return the client of a region that calls by a role, if it is given one.

        Raises:
            BadEndpoint: The environment says nonsense of where AWS is.
        """
        key = region, self.role_for(role_arn)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._made(*key)
            return self._clients[key]

    def _made(self, region: str, role_arn: str) -> Any:
        try:
            session = self._sessions.of(role_arn, region=region)
            return session.client(self._service, region_name=region, config=self._config)
        except ValueError:
            raise BadEndpoint(
                "AWS_ENDPOINT_URL or the one of the service is no address; correct it"
            ) from None


@contextmanager
def aws_errors(service: str, target: str, *, call: str = "", role: str = "") -> Iterator[None]:
    """Turn what the client raises into one error that says what failed, for *target*.

    *call* is the operation, which no error names that comes without an answer; *role* is what it
    calls by.

    Raises:
        CallFailed: The call did not go well.
    """
    what = f"{call} of {target}" if call else target
    try:
        yield
    except ClientError as error:
        raise _refusal(error, service, target, role) from None
    except _NO_CREDENTIALS:
        sentence = f"There are no AWS credentials to reach {target}"
        raise CallFailed(f"{sentence}; set AWS_ACCESS_KEY_ID and the like") from None
    except _OUR_FAULT as error:
        said = _cut(str(error))
        raise CallFailed(f"{service} cannot be asked for {target} ({said})") from None
    except (BotoCoreError, ResponseParserError) as error:
        who = f"{service} or STS" if role else service
        sentence = f"{who} cannot be reached for {what} ({type(error).__name__})"
        raise CallFailed(sentence, may_pass=True) from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        if not _is_of_a_parser(error):
            raise
        sentence = f"{service} gave an answer for {what} that cannot be read"
        raise CallFailed(sentence, may_pass=True) from None


def _is_of_a_parser(error: Exception) -> bool:
    """Tell whether botocore stumbled over an answer: what it knows no error for, Python raises."""
    last = deque(walk_tb(error.__traceback__), maxlen=1)
    return any(frame.f_globals.get("__name__") in _READERS for frame, _ in last)


def _refusal(error: ClientError, service: str, target: str, role: str) -> CallFailed:
    found = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = found.get("Code", "") or str(status)
    if error.operation_name == ASSUME_ROLE:
        service, target = "STS", f"the role {role}"
    return refusal(
        service, error.operation_name, target, code, found.get("Message", ""), status=status
    )


def refusal(
    service: str, operation: str, target: str, code: str, message: str, *, status: int = 400
) -> CallFailed:
    """Return what an answer of AWS means."""
    said = _cut(message)
    sentence = (
        f"{service} answered {code} to {operation} for {target}{f' ({said})' if said else ''}"
    )
    may_pass = code in _PASSES or status >= 500 or status == 429
    return CallFailed(sentence, code=code, operation=operation, may_pass=may_pass)


def _cut(text: str) -> str:
    return " ".join(text.split()).rstrip(".")[:300]
