"""What only CodeDeploy's own API says of a group, as JSON and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, TypeVar

from tidegate.domain.aws_group import (
    AwsGroup,
    BlueGreen,
    DeploymentOption,
    DeploymentType,
    EcsService,
    GreenFleet,
    InstanceAction,
    LoadBalancers,
    OutdatedInstances,
    ReadyAction,
    Style,
    TargetGroupPair,
    TerminateBlue,
    Trigger,
    TriggerEvent,
    WhenReady,
)
from tidegate.store.deployment_options import (
    alarms_from_json,
    processes_from_json,
    tags_from_json,
)

T = TypeVar("T")
_NOTHING: Final = asdict(AwsGroup())


def aws_to_json(aws: AwsGroup) -> dict[str, Any]:
    """Return the JSON form; the role has a column of its own."""
    return {name: part for name, part in asdict(aws).items() if name != "service_role_arn"}


def aws_from_json(settings: Mapping[str, Any], *, service_role_arn: str = "") -> AwsGroup:
    """Return what `aws_to_json` wrote; a row from before it has nothing of it."""
    known: dict[str, Any] = {**_NOTHING, **settings}
    return AwsGroup(
        service_role_arn=service_role_arn,
        style=known["style"] and _style(known["style"]),
        alarms=alarms_from_json(known["alarms"]),
        triggers=triggers_from_json(known["triggers"]),
        blue_green=known["blue_green"] and _blue_green(known["blue_green"]),
        load_balancers=known["load_balancers"] and _load_balancers(known["load_balancers"]),
        ec2_tags=tags_from_json(known["ec2_tags"]),
        tags_are_sets=known["tags_are_sets"],
        auto_scaling_groups=tuple(known["auto_scaling_groups"]),
        outdated_instances=OutdatedInstances(known["outdated_instances"]),
        termination_hook=known["termination_hook"],
        suspended_processes=processes_from_json(known["suspended_processes"]),
        ecs_services=tuple(EcsService(**one) for one in known["ecs_services"]),
    )


def _style(style: Mapping[str, str]) -> Style:
    return Style(DeploymentType(style["type"]), DeploymentOption(style["option"]))


def triggers_from_json(triggers: Sequence[Mapping[str, Any]]) -> tuple[Trigger, ...]:
    """Return the triggers among what `aws_to_json` wrote."""
    return tuple(_trigger(one) for one in triggers)


def _trigger(trigger: Mapping[str, Any]) -> Trigger:
    return Trigger(
        name=trigger["name"],
        topic_arn=trigger["topic_arn"],
        events=tuple(TriggerEvent(event) for event in trigger["events"]),
    )


def _blue_green(settings: Mapping[str, Any]) -> BlueGreen:
    terminate, ready, fleet = (settings[n] for n in ("terminate", "ready", "green_fleet"))
    return BlueGreen(
        terminate=terminate
        and TerminateBlue(InstanceAction(terminate["action"]), terminate["wait_minutes"]),
        ready=ready and WhenReady(ReadyAction(ready["action"]), ready["wait_minutes"]),
        green_fleet=fleet and GreenFleet(fleet),
    )


def _load_balancers(settings: Mapping[str, Any]) -> LoadBalancers:
    pairs = settings["pairs"]
    return LoadBalancers(
        elbs=_maybe(settings["elbs"]),
        target_groups=_maybe(settings["target_groups"]),
        pairs=None if pairs is None else tuple(pair_from_json(pair) for pair in pairs),
    )


def pair_from_json(pair: Mapping[str, Any]) -> TargetGroupPair:
    """Return a pair that was kept, here or with what is moved."""
    return TargetGroupPair(
        target_groups=tuple(pair["target_groups"]),
        prod_listeners=tuple(pair["prod_listeners"]),
        test_listeners=_maybe(pair["test_listeners"]),
    )


def _maybe(values: Sequence[T] | None) -> tuple[T, ...] | None:
    return None if values is None else tuple(values)
