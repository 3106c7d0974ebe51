"""Actions of a listener or a rule: how traffic is split in them, and what else they say.

Pure. What an action may hold is told by "Action" and "ForwardActionConfig" of the API reference of
Elastic Load Balancing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any, Final, TypeAlias

Action: TypeAlias = dict[str, Any]
Actions: TypeAlias = list[Action]

FORWARD: Final = "forward"
_MOST: Final = 999
"""The largest weight that a target group may have."""
_OIDC: Final = "AuthenticateOidcConfig"


@dataclass(frozen=True, slots=True)
class Groups:
    """The two target groups of a pair, by their ARNs."""

    blue: str
    green: str

    @property
    def both(self) -> frozenset[str]:
        return frozenset((self.blue, self.green))


def weights_in(action: Action) -> dict[str, int]:
    """Return the target groups of one action, and the weight of each."""
    if action.get("Type") != FORWARD:
        return {}
    groups = action.get("ForwardConfig", {}).get("TargetGroups", ())
    if groups:
        return {group["TargetGroupArn"]: group.get("Weight", 1) for group in groups}
    return {action["TargetGroupArn"]: 1} if "TargetGroupArn" in action else {}


def target_groups_in(actions: Iterable[Action]) -> frozenset[str]:
    """Return all target groups that these actions name, also those of no weight."""
    return frozenset(arn for action in actions for arn in weights_in(action))


def named(actions: Iterable[Action]) -> str:
    """Return what actions do, as a sentence names it."""
    return " and ".join(
        f"{action['Type']}{' to ' if (to := weights_in(action)) else ''}{', '.join(to)}"
        for action in actions
    )


def share_of_green(actions: Iterable[Action], groups: Groups) -> float | None:
    """Return what green has of the pair's traffic, in percent; None where the pair has none."""
    blue = green = 0
    for action in actions:
        weights = weights_in(action)
        blue += weights.get(groups.blue, 0)
        green += weights.get(groups.green, 0)
    return 100 * green / (blue + green) if blue + green else None


def split(actions: Sequence[Action], groups: Groups, weight: int, *, weighted: bool) -> Actions:
    """Return these actions with *weight* percent of the pair's traffic for green.

    Whatever else they say stays as it is, also the share of target groups that are not of the pair.
    A listener that is not *weighted* forwards to one target group only.
    """
    return [_split(action, groups, weight, weighted=weighted) for action in actions]


def _split(action: Action, groups: Groups, weight: int, *, weighted: bool) -> Action:
    weights = weights_in(action)
    whole = weights.get(groups.blue, 0) + weights.get(groups.green, 0)
    if not whole:
        return action
    others = {arn: had for arn, had in weights.items() if arn not in groups.both}
    rest = {key: value for key, value in action.items() if key != "TargetGroupArn"}
    if not weighted:
        rest.pop("ForwardConfig", None)
        return rest | {"TargetGroupArn": groups.green if weight else groups.blue}
    parts = {groups.blue: 100 - weight, groups.green: weight}
    if others:
        parts = _fitted(
            {arn: part * whole for arn, part in parts.items()}
            | {arn: 100 * had for arn, had in others.items()}
        )
    listed = [{"TargetGroupArn": arn, "Weight": part} for arn, part in parts.items()]
    return rest | {"ForwardConfig": action.get("ForwardConfig", {}) | {"TargetGroups": listed}}


def _fitted(weights: dict[str, int]) -> dict[str, int]:
    """Return these weights as small as they can be; rounded where that is not small enough."""
    divisor = gcd(*weights.values())
    small = {arn: weight // divisor for arn, weight in weights.items()}
    largest = max(small.values())
    if largest <= _MOST:
        return small
    return {arn: w and max(1, round(w * _MOST / largest)) for arn, w in small.items()}


def says_the_same(one: Sequence[Action], other: Sequence[Action]) -> bool:
    """Return whether a load balancer does the same by both, however they are written."""
    return _normal(one) == _normal(other)


def _normal(actions: Sequence[Action]) -> Actions:
    ordered = sorted(enumerate(actions, 1), key=lambda pair: pair[1].get("Order") or pair[0])
    return [_normal_action(action) for _, action in ordered]


def _normal_action(action: Action) -> Action:
    told = {key: value for key, value in action.items() if key not in ("Order", "TargetGroupArn")}
    if _OIDC in told:
        hidden = ("ClientSecret", "UseExistingClientSecret")
        told[_OIDC] = {key: value for key, value in told[_OIDC].items() if key not in hidden}
    if action.get("Type") == FORWARD:
        weights = weights_in(action)
        sticky = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
        told["ForwardConfig"] = {
            # With one target group its weight says nothing.
            "groups": dict.fromkeys(weights, 1) if len(weights) == 1 else weights,
            "sticky": sticky if sticky.get("Enabled") else None,
        }
    return told


def writable(actions: Sequence[Action]) -> Actions:
    """Return what is to be sent so that actions become as they were read.

    A secret of OpenID Connect is not read back: the load balancer has to be told to keep it.
    """
    return [_writable(action) for action in actions]


def _writable(action: Action) -> Action:
    if _OIDC not in action:
        return action
    return action | {_OIDC: action[_OIDC] | {"UseExistingClientSecret": True}}
