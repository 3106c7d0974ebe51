"""Calls of AWS while they are under way: whether they may be made, and what their errors mean.

Which errors pass by themselves is told by "Common errors" of each service's API reference.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from traceback import walk_tb
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidConfigError,
    InvalidRegionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from tidegate.clock import monotonic
from tidegate.domain.traffic import always
from tidegate.drivers.aws_lines import Line
from tidegate.drivers.said import in_one_line

CONNECT: Final = timedelta(seconds=3)
READ: Final = timedelta(seconds=10)
THROTTLED: Final = frozenset(
    {
        "429",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError, ProfileNotFound)
_OUR_FAULT: Final = (
    ParamValidationError,
    InvalidRegionError,
    InvalidConfigError,
    ConfigParseError,
)
_UNCONNECTED: Final = (ConnectTimeoutError, EndpointConnectionError)
_TIMED_OUT: Final = (ConnectTimeoutError, ReadTimeoutError)
_READERS: Final = ("botocore.parsers", "botocore.client", "botocore.endpoint")
_PASSES: Final = THROTTLED | {
    "ConcurrentModificationException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalError",
    "InternalException",
    "InternalFailure",
    "KMSThrottling",
    "KMSThrottlingException",
    "RequestExpired",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServerException",
    "ServiceException",
    "ServiceUnavailable",
}
_ONLY_READ: Final = ("Describe", "Get", "List")
"""How operations begin that change nothing."""


class CallFailed(Exception):
    """A call of AWS that did not go well; its text is a sentence without its full stop."""

    def __init__(
        self,
        sentence: str,
        *,
        code: str = "",
        operation: str = "",
        may_pass: bool = False,
        unmade: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        """AWS's own word, or the HTTP status; empty where there was no answer."""
        self.operation = operation
        """The call that was answered so, or not at all."""
        self.may_pass = may_pass
        """Whether a later try may go well."""
        self.unmade = unmade
        """Whether its last try certainly was not carried out."""


class LetGo(CallFailed):
    """A call that was not made: whoever was to make it may have lost what it is for."""

    def __init__(self, operation: str, target: str) -> None:
        super().__init__(
            f"The worker showed no life for a moment, so it did not call {operation} for {target}",
            operation=operation,
            may_pass=True,
        )


def call_config(*, read: timedelta, tries: int) -> Config:
    """Return how long an answer may take, and how often a call is tried at most.

    The mode is `standard`. By `adaptive`, botocore slows down all that share a client as soon as
    one of them is throttled, and has their threads sleep for that.
    """
    return Config(
        connect_timeout=min(CONNECT, read).total_seconds(),
        read_timeout=read.total_seconds(),
        retries={"mode": "standard", "total_max_attempts": tries},
    )


@dataclass(slots=True)
class _Underway:
    """What one thread calls, as the events of its client tell it."""

    service: str
    target: str
    still_mine: Callable[[], bool]
    operation: str = ""
    line: Line | None = None
    """Where an answer is waited for just now."""
    begun: float = 0
    silence: str = ""
    """How an earlier try of the same call has ended that waited in vain."""

    @property
    def what(self) -> str:
        return f"{self.operation} of {self.target}" if self.operation else self.target

    def unreachable(self, why: str, *, unmade: bool) -> CallFailed:
        sentence = f"{self.service} cannot be reached for {self.what} ({why})"
        return CallFailed(sentence, operation=self.operation, may_pass=True, unmade=unmade)

    def send(self, line: Line) -> None:
        """Begin to wait, if that may be.

        Raises:
            CallFailed: It may not.
        """
        if not (self.operation.startswith(_ONLY_READ) or self.still_mine()):
            raise LetGo(self.operation, self.target)
        begun = line.begin()
        if begun is None:
            why = self.silence or "another call waits for it in vain"
            raise self.unreachable(why, unmade=not self.silence)
        self.line, self.begun = line, begun

    def hang_up(self, error: Exception | None = None) -> None:
        """Wait no more."""
        if self.line is not None:
            waited = monotonic() - self.begun
            in_vain = isinstance(error, _TIMED_OUT) or (
                # A name that cannot be looked up takes its time, too.
                error is not None and waited > CONNECT.total_seconds()
            )
            self.silence = type(error).__name__ if in_vain else ""
            self.line.end(self.begun, in_vain=in_vain)
        self.line = None


_underway: ContextVar[_Underway | None] = ContextVar("underway", default=None)
"""Botocore hands nothing to the handlers of one call but by its thread."""


def attend(client: Any, line: Line) -> None:
    """Have each call of a client asked for just before it is sent, each time that it is tried."""
    events = client.meta.events
    events.register_first("provide-client-params", _name)
    events.register_first("before-send", partial(_send, line))
    events.register_first("response-received", _hear)


def _name(model: Any, **_: object) -> None:
    if call := _underway.get():
        call.operation = model.name


def _send(line: Line, **_: object) -> None:
    # By now it is signed, so that no role has to be assumed any more.
    if call := _underway.get():
        call.send(line)


def _hear(exception: Exception | None, **_: object) -> None:
    if call := _underway.get():
        call.hang_up(exception)


@contextmanager
def aws_errors(
    service: str, target: str, *, still_mine: Callable[[], bool] = always
) -> Iterator[None]:
    """Turn what the client raises into one error that says what failed, for *target*.

    *still_mine* is asked before each call that would change something.

    Raises:
        CallFailed: The call did not go well.
        LetGo: It was not made, for it is no longer the caller's.
    """
    call = _Underway(service, target, still_mine)
    before = _underway.set(call)
    try:
        yield
    except ClientError as error:
        raise _refusal(error, service, target) from None
    except _NO_CREDENTIALS:
        sentence = f"There are no AWS credentials to reach {target}"
        raise CallFailed(f"{sentence}; set AWS_ACCESS_KEY_ID and the like") from None
    except _OUR_FAULT as error:
        said = _cut(str(error))
        raise CallFailed(f"{service} cannot be asked for {call.what} ({said})") from None
    except (BotoCoreError, ResponseParserError) as error:
        unmade = isinstance(error, _UNCONNECTED)
        raise call.unreachable(type(error).__name__, unmade=unmade) from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        if not _is_of_a_parser(error):
            raise
        sentence = f"{service} gave an answer for {call.what} that cannot be read"
        raise CallFailed(sentence, operation=call.operation, may_pass=True) from None
    finally:
        call.hang_up()
        _underway.reset(before)


def _is_of_a_parser(error: Exception) -> bool:
    """Tell whether botocore stumbled over an answer: what it knows no error for, Python raises."""
    last = deque(walk_tb(error.__traceback__), maxlen=1)
    return any(frame.f_globals.get("__name__") in _READERS for frame, _ in last)


def _refusal(error: ClientError, service: str, target: str) -> CallFailed:
    found = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = found.get("Code", "") or str(status)
    # What is null in an answer is None here, as AWS's refusals of rights often are.
    message = found.get("Message") or ""
    return refusal(service, error.operation_name, target, code, message, status=status)


def refusal(
    service: str, operation: str, target: str, code: str, message: str, *, status: int = 400
) -> CallFailed:
    """Return what an answer of AWS means."""
    said = _cut(message)
    sentence = (
        f"{service} answered {code} to {operation} for {target}{f' ({said})' if said else ''}"
    )
    may_pass = code in _PASSES or status >= 500 or status == 429
    unmade = status < 500 and "Internal" not in code
    return CallFailed(sentence, code=code, operation=operation, may_pass=may_pass, unmade=unmade)


def _cut(text: str) -> str:
    return in_one_line(text).rstrip(".")
