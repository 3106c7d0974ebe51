"""Has moto's aliases and invocations be as Lambda really has them.

What it does differently from moto, as AWS was recorded: an update with another revision's id is
refused, each update makes a new revision, weights are checked, errors have AWS's words, what is
empty is left out, and nobody invokes what is not there.
"""

import json
import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError, PreconditionFailedException
from moto.awslambda.models import LambdaAlias
from moto.awslambda.responses import LambdaResponse
from moto.core.config import default_user_config

STALE = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
)
Answer = tuple[int, dict[str, Any], str]
Called = Callable[[str, bytes | str], None]
"""Hears which function was called, and with what."""
_lock = threading.Lock()


class Missing(LambdaClientError):
    code = 404

    def __init__(self, what: str) -> None:
        super().__init__("ResourceNotFoundException", what)


class Taken(LambdaClientError):
    code = 409

    def __init__(self, arn: str) -> None:
        super().__init__("ResourceConflictException", f"Alias already exists: {arn}")


def apply(*, called: Called | None = None) -> None:
    """Have moto in this process behave so; *called* is told of each call that waits for nothing.

    The functions themselves are not run.
    """
    default_user_config["lambda"] = {"use_docker": False}
    moto_invoke = LambdaResponse.invoke

    def invoke(self: Any) -> Any:
        function = unquote(self.path.partition("?")[0].rsplit("/", 2)[-2])
        self.backend.get_function(function, self._get_param("Qualifier"))
        if called and self.headers.get("X-Amz-Invocation-Type") == "Event":
            called(function, self.body)
        return moto_invoke(self)

    LambdaResponse.create_alias = create_alias  # type: ignore[method-assign]
    LambdaResponse.get_alias = get_alias  # type: ignore[method-assign]
    LambdaResponse.update_alias = update_alias  # type: ignore[method-assign]
    LambdaResponse.invoke = invoke  # type: ignore[method-assign]


def create_alias(self: Any) -> Answer:
    function = unquote(self.path.rsplit("/", 2)[-2])
    asked = json.loads(self.body)
    with _lock:
        check(self, function, asked["FunctionVersion"], asked.get("RoutingConfig"))
        if asked["Name"] in {alias.name for alias in self.backend.list_aliases(function)}:
            raise Taken(f"{arn_of(self, function)}:{asked['Name']}")
        alias = self.backend.create_alias(
            name=asked["Name"],
            function_name=function,
            function_version=asked["FunctionVersion"],
            description=asked.get("Description", ""),
            routing_config=asked.get("RoutingConfig"),
        )
    return shown(alias, 201)


def get_alias(self: Any) -> Answer:
    with _lock:
        return shown(found(self))


def update_alias(self: Any) -> Answer:
    asked = json.loads(self.body)
    with _lock:
        alias = found(self)
        if asked.get("RevisionId") not in (None, alias.revision_id):
            raise PreconditionFailedException(STALE)
        version = asked.get("FunctionVersion") or alias.function_version
        routing = asked.get("RoutingConfig", alias.routing_config)
        check(self, unquote(self.path.rsplit("/")[-3]), version, routing)
        alias.update(asked.get("Description"), version, routing)
        alias.revision_id = str(uuid.uuid4())
        return shown(alias)


def found(self: Any) -> LambdaAlias:
    function, name = unquote(self.path.rsplit("/")[-3]), unquote(self.path.rsplit("/", 1)[-1])
    aliases: Sequence[LambdaAlias] = self.backend.list_aliases(function)
    for alias in aliases:
        if alias.name == name:
            return alias
    raise Missing(f"Alias not found: {arn_of(self, function)}:{name}")


def arn_of(self: Any, function: str) -> str:
    arn: str = self.backend.get_function(function, None).function_arn
    return arn.removesuffix(":$LATEST")


def shown(alias: LambdaAlias, status: int = 200) -> Answer:
    answer = alias.to_json()
    if not (answer["RoutingConfig"] or {}).get("AdditionalVersionWeights"):
        del answer["RoutingConfig"]
    return status, {"status": status}, json.dumps(answer)


def check(self: Any, function: str, version: str, routing: Mapping[str, Any] | None) -> None:
    weights = (routing or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        sentence = "Number of items in AdditionalVersionWeights cannot be greater than 1"
        raise LambdaClientError("InvalidParameterValueException", sentence)
    for other, weight in weights.items():
        check_weight(other, weight, version)
    for name in (version, *weights):
        if name not in versions_of(self, function):
            raise Missing(f"Function not found: {arn_of(self, function)}:{name}")


def check_weight(other: str, weight: float, version: str) -> None:
    if not (re.fullmatch("[0-9]+", other) and 0 <= weight <= 1):
        sentence = (
            f"1 validation error detected: Value '{{{other}={weight}}}' at "
            "'routingConfig.additionalVersionWeights' failed to satisfy constraint"
        )
        raise LambdaClientError("ValidationException", sentence)
    if other == version:
        sentence = (
            f"Invalid function version {other}. "
            f"Function version {other} is already included in routing configuration."
        )
        raise LambdaClientError("InvalidParameterValueException", sentence)
    if version == "$LATEST":
        sentence = "$LATEST is not supported for an alias pointing to more than 1 version"
        raise LambdaClientError("InvalidParameterValueException", sentence)


def versions_of(self: Any, function: str) -> set[str]:
    name = self.backend.get_function(function, None).function_name
    return {str(one.version) for one in self.backend.list_versions_by_function(name)}
