"""What stands out there after a deployment that moved traffic ended before its time.

The user guide's "Stop a deployment with CodeDeploy" leaves Lambda and ECS as they are then.
"""

from tidegate.domain.traffic import AliasMove, Found, Move, ServiceMove


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
            return _of_service(move, found.weight)


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


def _of_service(move: ServiceMove, weight: float) -> str:
    return (
        f"Both task sets of the service {move.identity} are left, and the new one gets "
        f"{weight:g} % of the traffic; before the next deployment, lead the listener to one of "
        "them alone, make that the primary one, and delete the other."
    )
