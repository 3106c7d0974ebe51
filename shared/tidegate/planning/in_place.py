"""In-place deployments: which hosts start next, and whether the whole has failed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from tidegate.domain.deployment import ErrorCode
from tidegate.domain.fleet import Fleet
from tidegate.domain.steps import Fail, LookAgain, StartTargets, Step, Succeed

DEPLOYMENT_LIMIT: Final = timedelta(hours=12)
"""How long an in-place deployment may take (CodeDeploy's quota)."""
MOST_QUEUED: Final = 200
"""Targets that wait for a worker. More would start no sooner, and what nobody has taken after a
while is sent again."""
MOST_AT_ONCE: Final = 50
"""Targets that one decision starts. The others are left to the next, so that none takes long."""

NO_INSTANCES: Final = (
    "The deployment failed because no instances were found for your deployment group. "
    "Check your deployment group settings to make sure the tags or host names correctly "
    "identify the instances you want to deploy to, and then try again."
)
HEALTH_CONSTRAINTS: Final = (
    "The overall deployment failed because too many individual instances failed deployment, "
    "too few healthy instances are available for deployment, or some instances in your "
    "deployment group are experiencing problems."
)
HEALTH_CONSTRAINTS_INVALID: Final = (
    "The deployment can\u2019t start because the minimum number of healthy instances, as defined "
    "by your deployment configuration, are not available."
)


def check_start(total: int, minimum: int, *, is_predefined: bool) -> Fail | None:
    """Return why a deployment to *total* hosts cannot start at all, or None when it can."""
    if total == 0:
        return Fail(ErrorCode.NO_INSTANCES, NO_INSTANCES)
    if minimum >= total and not is_predefined:
        sentence = (
            f"{HEALTH_CONSTRAINTS_INVALID} The fleet has {total} and {minimum} must stay healthy."
        )
        return Fail(ErrorCode.HEALTH_CONSTRAINTS_INVALID, sentence)
    return None


def plan_in_place(fleet: Fleet, minimum: int, *, is_held: bool = False) -> Iterator[Step]:
    """Yield what to do next, given how the fleet stands.

    Called again whenever a target finishes. An empty plan means: wait, something is running, or
    the deployment *is held* and begins nothing.
    The rule reproduces every example of the user guide's "Minimum healthy instances": a host
    goes down only while those presumed healthy, less itself, are still *minimum*.
    No more than MOST_QUEUED wait for a worker at once, and no more than MOST_AT_ONCE are started.
    """
    if fleet.in_progress_for > DEPLOYMENT_LIMIT:
        yield Fail(ErrorCode.TIMEOUT, "The deployment timed out after 12 hours.")
        return
    presumed_healthy = fleet.total - fleet.failed - fleet.skipped - fleet.running
    startable = min(fleet.waiting, presumed_healthy - minimum)
    if startable > 0 and not is_held:
        room = min(startable, MOST_QUEUED - fleet.queued)
        count = min(room, MOST_AT_ONCE)
        if count > 0:
            yield StartTargets(count)
        if count < startable:
            yield LookAgain(at_once=count < room)
    elif startable > 0 or fleet.running:
        return
    elif fleet.waiting:
        yield Fail(ErrorCode.HEALTH_CONSTRAINTS, _too_few(fleet, minimum))
    elif fleet.succeeded and fleet.total - fleet.failed - fleet.skipped >= minimum:
        yield Succeed()
    else:
        yield Fail(ErrorCode.HEALTH_CONSTRAINTS, _too_few(fleet, minimum))


def _too_few(fleet: Fleet, minimum: int) -> str:
    gone = f", {fleet.skipped} went before their turn" if fleet.skipped else ""
    return (
        f"{HEALTH_CONSTRAINTS} {fleet.failed} of {fleet.total} failed{gone} "
        f"and at least {max(minimum, 1)} must stay healthy."
    )
