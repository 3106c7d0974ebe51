"""Automatic rollback: whether one follows, and what it says."""

from dataclasses import dataclass
from typing import Final

from tidegate.domain.deployment import Creator, Deployment, RollbackEvent
from tidegate.domain.ids import DeploymentId, RevisionId

_NO_SUCCESS: Final = (
    "There is no successful deployment of this group to roll back to; deploy a revision that works."
)
_FOLLOWS: Final = (
    "It brings what the deployment brought that it follows, so there is nothing to roll it back to."
)
_NO_GROUP: Final = "The deployment group was deleted meanwhile, so this is not rolled back."


@dataclass(frozen=True, slots=True)
class RollBackTo:
    revision_id: RevisionId


@dataclass(frozen=True, slots=True)
class NoRollback:
    reason: str
    """Why, when one was asked for; empty when nobody asked."""


def plan_rollback(
    deployment: Deployment,
    event: RollbackEvent,
    *,
    asked: bool | None,
    last_good: RevisionId | None,
    has_group: bool = True,
    has_moved: bool = False,
    can_return: bool = True,
) -> RollBackTo | NoRollback:
    """Return what follows on the end of *deployment* by *event*.

    *asked* is the explicit wish of whoever stopped it; None leaves it to the configuration.
    A rollback that fails is not rolled back again, nor is what follows on a success and brings the
    same; and nothing is that *has no group* any more, as a rollback is a deployment of the group.
    Traffic goes back where *has_moved* says that something was changed out there, whether or not
    any deployment was successful before, unless it *cannot return*, as what it came from is being
    removed.
    """
    wanted = deployment.auto_rollback.after(event) if asked is None else asked
    if not wanted:
        return NoRollback("")
    if deployment.creator is Creator.ROLLBACK:
        return NoRollback("A rollback is not rolled back again.")
    if deployment.creator is Creator.AUTO_UPDATE:
        return NoRollback(_FOLLOWS)
    if deployment.is_of_servers:
        why = "" if last_good else _NO_SUCCESS
    else:
        why = _no_way_back(has_moved=has_moved, can_return=can_return)
    why = why or ("" if has_group else _NO_GROUP)
    return NoRollback(why) if why else RollBackTo(last_good or deployment.revision_id)


def _no_way_back(*, has_moved: bool, can_return: bool) -> str:
    if not has_moved:
        return "Nothing had been changed; all is as it was."
    return "" if can_return else "What the traffic came from was being removed already."


def triggered_message(deployment_id: DeploymentId, rollback_id: DeploymentId) -> str:
    """Return what the deployment that ended says of its rollback."""
    return (
        f"Deployment {deployment_id} terminated. Automatic rollback is triggered "
        f"with a DeploymentId {rollback_id}."
    )


def triggering_message(deployment_id: DeploymentId, rollback_id: DeploymentId) -> str:
    """Return what the rollback says of the deployment that it rolls back."""
    return f"Deployment {rollback_id} is triggered to roll back deployment {deployment_id}."
