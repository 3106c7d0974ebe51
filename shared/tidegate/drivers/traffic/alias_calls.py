"""The calls of Lambda that move an alias."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tidegate.domain.traffic import AliasMove, Errand
from tidegate.drivers.aws_calls import CallFailed, aws_errors
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.traffic.alias import Alias

_CHANGED: Final = "PreconditionFailedException"
"""What Lambda answers to an update of a revision that is not the alias's any more."""


class AliasCalls:
    """What can be asked and told of one alias within one verb."""

    def __init__(self, clients: Clients, errand: Errand, move: AliasMove) -> None:
        self._clients = clients
        self._errand = errand
        self._move = move
        self._names = {"FunctionName": move.function, "Name": move.alias}

    def alias(self) -> Alias:
        """Return how the alias stands.

        Raises:
            CallFailed: Nobody can say.
        """
        with self._calling(name_of(self._move)) as lambda_:
            answer = lambda_.get_alias(**self._names)
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
        try:
            with self._calling(name_of(self._move)) as lambda_:
                lambda_.update_alias(
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
        with self._calling(f"version {version} of {self._move.function}") as lambda_:
            answer = lambda_.get_function_configuration(
                FunctionName=self._move.function, Qualifier=version
            )
        return answer.get("State", ""), answer.get("StateReason", "")

    @contextmanager
    def _calling(self, target: str) -> Iterator[Any]:
        with aws_errors("Lambda", target, still_mine=self._errand.still_mine):
            yield self._clients.of(self._errand.region, self._errand.role_arn)


def name_of(move: AliasMove) -> str:
    """Return how sentences name an alias."""
    return f"the alias {move.alias} of {move.function}"
