"""What stands out there after a deployment that moved traffic ended before its time.

The user guide's "Stop a deployment with CodeDeploy" leaves Lambda and ECS as they are then.
"""

from collections.abc import Sequence

from tidegate.domain.traffic import (
    DRAINING,
    PRIMARY,
    AliasMove,
    Found,
    Move,
    ServiceMove,
    Side,
    TaskSet,
)


def what_is_left(move: Move, found: Found | None, *, has_begun: bool) -> str:
    """Return what one move left behind and how to end it by hand; empty where nothing changed.

    *found* is how it was last read, *has_begun* whether anything of it was changed at all.
    """
    if found is None or not has_begun:
        return ""
    match move:
        case AliasMove():
            return _of_alias(move, found.weight)
        case ServiceMove():
            return _of_service(move, found.task_sets)


def _of_alias(move: AliasMove, weight: float) -> str:
    call = f"aws lambda update-alias --function-name {move.function} --name {move.alias}"
    empty = "--routing-config AdditionalVersionWeights={}"
    if weight == 0:
        return ""
    share = f"{weight:g} % of its traffic" if weight < 100 else "all its traffic"
    return (
        f"The alias {move.alias} of {move.function} still sends {share} to version "
        f"{move.target_version}; `{call} --function-version {move.current_version} {empty}` "
        "brings it back."
    )


def _of_service(move: ServiceMove, task_sets: Sequence[TaskSet]) -> str:
    stays = [one for one in task_sets if one.status != DRAINING]
    blue = next((one for one in stays if one.side is Side.BLUE), None)
    green = next((one for one in stays if one.side is Side.GREEN), None)
    if blue is None or green is None:
        # Blue that is going goes by itself, and then the next deployment finds green alone.
        return ""
    ways = "; or ".join(
        _kept_alone(move, kept, other) for kept, other in ((blue, green), (green, blue))
    )
    return (
        f"The service {move.identity} is left with two task sets: {_told(blue, 'the original one')}"
        f" and {_told(green, 'the new one')}. The next deployment needs one alone: {ways}."
    )


def _told(one: TaskSet, name: str) -> str:
    return f"{name} in {one.target_group} has {one.weight:g} % of the traffic"


def _kept_alone(move: ServiceMove, kept: TaskSet, other: TaskSet) -> str:
    """Return how one task set becomes the only one, and has all the traffic before that."""
    listeners = ", ".join(arn for pair in move.pairs for arn in pair.prod_listeners)
    service = f"--cluster {move.cluster} --service {move.service}"
    run = [f"`aws ecs delete-task-set {service} --task-set {_name(other)} --force`"]
    if kept.status != PRIMARY:
        promote = f"aws ecs update-service-primary-task-set {service}"
        run.insert(0, f"`{promote} --primary-task-set {_name(kept)}`")
    keep = "the original one" if kept.side is Side.BLUE else "the new one"
    to = kept.target_group if len(move.pairs) == 1 else "its target groups"
    # That may be so already, but not all rules need to stand as the share that was read says.
    return (
        f"to keep {keep}, have {listeners} and the rules there forward to {to} alone, and run "
        f"{' and then '.join(run)}"
    )


def _name(one: TaskSet) -> str:
    return one.arn or one.id
