"""Traffic of Lambda functions: an alias goes from one version to the next.

The calls are those of "Implement Lambda canary deployments using a weighted alias" in Lambda's
developer guide. Between them anybody may change the alias: what stands there is looked at before
each change, and changed only if it is still the same revision.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from tidegate.clock import Clock, SystemClock
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import AliasMove, Errand, Found, Json
from tidegate.drivers.aws_calls import READ, CallFailed
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.traffic import Done, Failed
from tidegate.drivers.traffic.alias import ALL, Alias
from tidegate.drivers.traffic.alias_calls import AliasCalls, name_of
from tidegate.drivers.traffic.aws_failures import LAMBDA, TRIES, Words, failed

_ANY: Final = range(ALL + 1)
_UNUSABLE: Final = ("Failed", "Deleting", "Deactivated", "Deactivating", "ActiveNonInvocable")
"""States of a version that is not invoked, and does not get any better by waiting."""
_Ask: TypeAlias = Callable[[AliasCalls, AliasMove], Done | Failed]


class LambdaTraffic:
    """Moves aliases by their weights; the new side is there before a deployment begins."""

    def __init__(
        self, *, assume_role: bool = False, timeout: timedelta = READ, clock: Clock | None = None
    ) -> None:
        self._clients = Clients("lambda", read=timeout, tries=TRIES, assume_role=assume_role)
        self._clock = clock or SystemClock()

    def look(self, errand: Errand) -> Done | Failed:
        return self._asked(errand, self._look)

    def prepare(self, errand: Errand) -> Done | Failed:
        return self._asked(errand, self._read)

    def test(self, errand: Errand) -> Done | Failed:
        return self._asked(errand, self._read)

    def shift(self, errand: Errand, weight: int) -> Done | Failed:
        def shift(calls: AliasCalls, move: AliasMove) -> Done | Failed:
            wanted = Alias.at(move, weight)
            shares = {*(errand.shares or range(weight)), weight}
            found = _led_to(wanted, calls, move, shares)
            if found.routes_as(wanted):
                return self._done(move, found)
            if found.is_one_of(move, shares):
                return _not_still(move, wanted, found, ", and deploy again")
            return _foreign(move, wanted, found)

        return self._asked(errand, shift)

    def finish(self, errand: Errand) -> Done | Failed:
        return self._asked(errand, self._read)

    def restore(self, errand: Errand) -> Done | Failed:
        def restore(calls: AliasCalls, move: AliasMove) -> Done | Failed:
            before, shares = Alias.of(errand.before), errand.shares or _ANY
            found = _led_to(before, calls, move, shares)
            if found.is_one_of(move, shares) and not found.routes_as(before):
                return _not_still(move, before, found)
            return self._done(move, found, note=_what_stays(move, before, found))

        ask = restore if errand.before else self._read
        return self._asked(errand, ask, LAMBDA.on_the_way_back())

    def _asked(self, errand: Errand, ask: _Ask, words: Words = LAMBDA) -> Done | Failed:
        if not isinstance(errand.move, AliasMove):
            raise TypeError(errand.move)
        try:
            return ask(AliasCalls(self._clients, errand, errand.move), errand.move)
        except CallFailed as failure:
            return failed(failure, words)

    def _look(self, calls: AliasCalls, move: AliasMove) -> Done | Failed:
        found = calls.alias()
        if (problem := _unfit(move, found)) or (problem := _unready(move, calls)):
            return problem
        return self._done(move, found, before=found.as_json())

    def _read(self, calls: AliasCalls, move: AliasMove) -> Done:
        return self._done(move, calls.alias())

    def _done(
        self,
        move: AliasMove,
        found: Alias,
        *,
        before: Mapping[str, Json] | None = None,
        note: str = "",
    ) -> Done:
        weight = found.share_of(move.target_version)
        return Done(found=Found(weight=weight, at=self._clock.now()), before=before, note=note)


def _led_to(wanted: Alias, calls: AliasCalls, move: AliasMove, shares: Collection[int]) -> Alias:
    """Return how the alias stands after all was done to have it as *wanted*.

    It is changed only if its new version has one of the *shares*, and at most once: who finds that
    somebody was faster has to be asked again, and may have lost the right to change it by then.
    """
    found = calls.alias()
    if found.routes_as(wanted) or not found.is_one_of(move, shares):
        return found
    calls.update(wanted, found.revision_id)
    return calls.alias()


def _unfit(move: AliasMove, found: Alias) -> Failed | None:
    """Return why an alias cannot begin to move."""
    if move.current_version == move.target_version:
        return _invalid(
            f"CurrentVersion and TargetVersion of {name_of(move)} are both {move.target_version}, "
            "so no traffic would move; correct the AppSpec."
        )
    wanted = Alias.at(move, 0)
    if found.routes_as(wanted):
        return None
    return _invalid(
        f"{_named(move)} is not as the AppSpec says: found is {found}, and wanted was {wanted} "
        f"alone; {_how_to_fit(move, found)}."
    )


def _how_to_fit(move: AliasMove, found: Alias) -> str:
    if found.routes_as(Alias.at(move, ALL)):
        return "all its traffic goes to the new version already, so there is nothing to deploy"
    if found.version != move.current_version:
        return f"make its CurrentVersion {found.version}, and deploy again"
    return "take the weights from it, and deploy again"


def _unready(move: AliasMove, calls: AliasCalls) -> Failed | None:
    """Return why the new version cannot take traffic yet, or ever."""
    try:
        state, reason = calls.target_version()
    except CallFailed as failure:
        problem = failed(failure, LAMBDA)
        # CodeDeploy's own policy for Lambda does not allow this call; UpdateAlias tells as well.
        return None if problem.code is ErrorCode.IAM_ROLE_PERMISSIONS else problem
    name = f"Version {move.target_version} of {move.function}"
    said = f" ({reason.rstrip('.')})" if reason else ""
    if state == "Pending":
        return Failed(
            code=ErrorCode.INVALID_LAMBDA_FUNCTION,
            message=f"{name} is Pending{said}; deploy when Lambda has made it Active.",
            may_pass=True,
        )
    if state in _UNUSABLE:
        return Failed(
            code=ErrorCode.INVALID_LAMBDA_FUNCTION,
            message=f"{name} is {state}{said}, and cannot be invoked; publish another one.",
        )
    return None


def _foreign(move: AliasMove, wanted: Alias, found: Alias) -> Failed:
    return _invalid(
        f"Somebody else changed {name_of(move)}: found is {found}, and wanted was {wanted}; "
        "it was left alone. Set it right, and deploy again."
    )


def _not_still(move: AliasMove, wanted: Alias, found: Alias, then: str = "") -> Failed:
    return Failed(
        code=ErrorCode.INVALID_LAMBDA_CONFIGURATION,
        message=(
            f"{_named(move)} was changed by somebody else just when it was to be {wanted}, and is "
            f"{found}; find out who changes it{then}."
        ),
        may_pass=True,
    )


def _what_stays(move: AliasMove, before: Alias, found: Alias) -> str:
    """Return what a user should know of an alias after the way back."""
    if not found.routes_as(before):
        return (
            f"Somebody else changed {name_of(move)}, so it was left alone: found is {found}, "
            f"and wanted was {before}, as it was before. Set it right by hand."
        )
    if found.description != before.description:
        return f"Somebody else changed the description of {name_of(move)}; that was left alone."
    return ""


def _invalid(message: str) -> Failed:
    return Failed(code=ErrorCode.INVALID_LAMBDA_CONFIGURATION, message=message)


def _named(move: AliasMove) -> str:
    return f"The{name_of(move).removeprefix('the')}"
