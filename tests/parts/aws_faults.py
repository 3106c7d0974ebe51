"""Calls of AWS that are counted, and that fail or kill whoever makes them at a chosen one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError, ReadTimeoutError


class Died(BaseException):
    """The process is gone, in the middle of something."""


Fault = Callable[[str, Callable[[], Any]], Any]
"""Called with the operation, and what makes the call."""


def dies_after(_operation: str, call: Callable[[], Any]) -> Any:
    call()
    raise Died


def says(code: str, status: int = 400) -> Fault:
    """AWS does nothing, and answers an error."""

    def fail(operation: str, _call: Callable[[], Any]) -> Any:
        error = {
            "Error": {"Code": code, "Message": "made up"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        raise ClientError(error, operation)  # type: ignore[arg-type]

    return fail


def times_out(_operation: str, call: Callable[[], Any]) -> Any:
    """AWS does what it was asked for, and its answer is lost."""
    call()
    raise ReadTimeoutError(endpoint_url="https://aws")


@dataclass
class Calls:
    made: list[str] = field(default_factory=list)
    """The operations, in their order."""
    answered: list[str] = field(default_factory=list)
    """Those of them that went well."""


@contextmanager
def counted(fault: Fault | None = None, *, at: int | str | None = None) -> Iterator[Calls]:
    """Count all calls, and have them meet the fault: all, or those *at* a number or operation."""
    real, calls = Endpoint._send_request, Calls()  # type: ignore[attr-defined]

    def make(self: Any, request: Any, model: Any) -> Any:
        operation = model.name
        calls.made.append(operation)
        if fault and at in (None, len(calls.made), operation):
            return fault(operation, lambda: real(self, request, model))
        answer = real(self, request, model)
        calls.answered.append(operation)
        return answer

    with patch.object(Endpoint, "_send_request", make):
        yield calls
