"""What the service refuses in a request, as botocore's model of it says.

Clients check only the least of what is allowed, so the rest reaches the service.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session


class Refused(Exception):
    """The service answers with an error."""

    def __init__(self, code: str, message: str = "", *, status: int = 400) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status


@cache
def _input_shape(operation: str) -> Any:
    model = botocore.session.get_session().get_service_model("ssm")
    return model.operation_model(operation).input_shape


def check(operation: str, request: Mapping[str, Any]) -> None:
    """See that a request is within the model's limits.

    Raises:
        Refused: It is not; all that is wrong is told.
    """
    if found := list(_wrong(_input_shape(operation), request, "")):
        errors = "error" if len(found) == 1 else "errors"
        sentence = f"{len(found)} validation {errors} detected: {'; '.join(found)}"
        raise Refused("ValidationException", sentence)


def _wrong(shape: Any, value: Any, path: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            yield from _wrong_members(shape, value, path)
        case "list":
            yield from _wrong_length(shape, value, path)
            for number, one in enumerate(value, 1):
                yield from _wrong(shape.member, one, f"{path}.{number}.member")
        case "string":
            yield from _wrong_length(shape, value, path)
            yield from _wrong_text(shape, value, path)
        case "integer":
            least, most = shape.metadata.get("min"), shape.metadata.get("max")
            if least is not None and value < least:
                yield _told(value, path, f"have value greater than or equal to {least}")
            if most is not None and value > most:
                yield _told(value, path, f"have value less than or equal to {most}")
        case _:
            return


def _wrong_members(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        where = f"{path}.{name}".lstrip(".")
        if value.get(name) is not None:
            yield from _wrong(member, value[name], where)
        elif name in shape.required_members:
            yield _told(None, where, "not be null")


def _wrong_length(shape: Any, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < least:
        yield _told(value, path, f"have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _told(value, path, f"have length less than or equal to {most}")


def _wrong_text(shape: Any, value: str, path: str) -> Iterator[str]:
    pattern, words = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern and not re.search(pattern, value, re.ASCII):
        yield _told(value, path, f"satisfy regular expression pattern: {pattern}")
    if words and value not in words:
        yield _told(value, path, f"satisfy enum value set: [{', '.join(words)}]")


def _told(value: Any, path: str, rule: str) -> str:
    where = path[:1].lower() + path[1:]
    return f"Value '{value}' at '{where}' failed to satisfy constraint: Member must {rule}"
