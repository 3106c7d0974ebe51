"""The calls of Lambda that move an alias."""

from datetime import timedelta
from typing import Any, Final

from tidegate.clock import monotonic
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import AliasMove, Errand
from tidegate.drivers.aws_calls import CallFailed, Clients, aws_errors
from tidegate.drivers.traffic import Failed
from tidegate.drivers.traffic.alias import Alias
from tidegate.drivers.traffic.refusals import failed

_CHANGED: Final = "PreconditionFailedException"
"""What Lambda answers to an update of a revision that is not the alias's any more."""
_CODES: Final = {
    "InvalidParameterValueException": ErrorCode.INVALID_LAMBDA_CONFIGURATION,
    "ResourceConflictException": ErrorCode.INVALID_LAMBDA_CONFIGURATION,
    "ResourceNotFoundException": ErrorCode.INVALID_LAMBDA_FUNCTION,
    "ValidationException": ErrorCode.INVALID_LAMBDA_CONFIGURATION,
}
_IN_USE: Final = "ResourceConflictException"
"""What Lambda answers while another operation is in progress."""


class AliasCalls:
    """What can be asked and told of one alias within one verb.

    Nothing is changed any more when *patience* is over.
    """

    def __init__(
        self, clients: Clients, errand: Errand, move: AliasMove, *, patience: timedelta
    ) -> None:
        self._clients = clients
        self._region = errand.region
        self._role = clients.role_for(errand.role_arn)
        self._move = move
        self._until = monotonic() + patience.total_seconds()
        self._names = {"FunctionName": move.function, "Name": move.alias}

    def alias(self) -> Alias:
        """Return how the alias stands.

        Raises:
            CallFailed: Nobody can say.
        """
        answer = self._call("GetAlias", name_of(self._move), **self._names)
        if not isinstance(answer.get("FunctionVersion"), str):
            sentence = f"Lambda gave an answer for GetAlias of {name_of(self._move)}"
            raise CallFailed(f"{sentence} that names no version", may_pass=True)
        return Alias.of(answer)

    def update(self, alias: Alias, revision_id: str) -> None:
        """Have the alias route as *alias* does, in one call, if it still is that revision.

        Whether it was is seen by looking again: an update that was tried twice because the answer
        was lost meets its own first try.

        Raises:
            CallFailed: Lambda refused for another reason.
        """
        if monotonic() > self._until:
            # A worker that stood still may have lost its lease: then another one has gone on.
            sentence = f"Lambda took too long to tell how {name_of(self._move)} stands"
            raise CallFailed(sentence, operation="GetAlias", may_pass=True)
        try:
            self._call(
                "UpdateAlias",
                name_of(self._move),
                **self._names,
                FunctionVersion=alias.version,
                RoutingConfig={"AdditionalVersionWeights": dict(alias.weights)},
                RevisionId=revision_id,
            )
        except CallFailed as failure:
            if failure.code != _CHANGED:
                raise

    def target_version(self) -> tuple[str, str]:
        """Return the state of the version that is to get the traffic, and the reason for it.

        Raises:
            CallFailed: Nobody can say.
        """
        version = self._move.target_version
        answer = self._call(
            "GetFunctionConfiguration",
            f"version {version} of {self._move.function}",
            FunctionName=self._move.function,
            Qualifier=version,
        )
        return answer.get("State", ""), answer.get("StateReason", "")

    def _call(self, operation: str, target: str, **asked: Any) -> Any:
        with aws_errors("Lambda", target, call=operation, role=self._role):
            client = self._clients.of(self._region, self._role)
            method = {
                "GetAlias": client.get_alias,
                "GetFunctionConfiguration": client.get_function_configuration,
                "UpdateAlias": client.update_alias,
            }[operation]
            return method(**asked)


def name_of(move: AliasMove) -> str:
    """Return how sentences name an alias."""
    return f"the alias {move.alias} of {move.function}"


def refused(failure: CallFailed) -> Failed:
    """Return what a call that went wrong means for a deployment."""
    permission = f"lambda:{failure.operation}"
    return failed(failure, _CODES, permission=permission, passing=(_IN_USE,))
