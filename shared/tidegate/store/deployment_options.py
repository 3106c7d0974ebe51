"""What the caller of a deployment chose, as JSON and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from tidegate.domain.alarms import Alarms, Comparison, PrometheusCheck
from tidegate.domain.deployment import DeploymentMode, DeploymentOptions, FileExistsBehavior
from tidegate.domain.ec2 import ScalingProcess, TargetInstances
from tidegate.domain.tag_filters import TagFilter, TagFilterType, Tags, TagSet

_DEFAULTS: Final = asdict(DeploymentOptions())


def options_to_json(options: DeploymentOptions) -> dict[str, Any]:
    """Return the JSON form."""
    return asdict(options)


def options_from_json(said: Mapping[str, Any]) -> DeploymentOptions:
    """Return what `options_to_json` wrote; a row from before it has less."""
    known: dict[str, Any] = {**_DEFAULTS, **said}
    return DeploymentOptions(
        description=known["description"],
        ignore_application_stop_failures=known["ignore_application_stop_failures"],
        file_exists_behavior=FileExistsBehavior(known["file_exists_behavior"]),
        update_outdated_only=known["update_outdated_only"],
        deployment_mode=DeploymentMode(known["deployment_mode"]),
        override_alarms=known["override_alarms"] and alarms_from_json(known["override_alarms"]),
        target_instances=known["target_instances"] and _instances(known["target_instances"]),
        suspended_processes=processes_from_json(known["suspended_processes"]),
        moves_one_alias=known["moves_one_alias"],
    )


def alarms_from_json(alarms: Mapping[str, Any]) -> Alarms:
    """Return alarms as they were written; a row from before there were checks has none."""
    return Alarms(
        enabled=alarms["enabled"],
        ignore_poll_failure=alarms["ignore_poll_failure"],
        names=tuple(alarms["names"]),
        checks=tuple(_check(check) for check in alarms.get("checks", ())),
    )


def _check(check: Mapping[str, Any]) -> PrometheusCheck:
    return PrometheusCheck(**{**check, "comparison": Comparison(check["comparison"])})


def processes_from_json(names: Sequence[str] | None) -> tuple[ScalingProcess, ...] | None:
    """Return processes of Auto Scaling groups as they were written."""
    return None if names is None else tuple(ScalingProcess(name) for name in names)


def tags_from_json(tags: Mapping[str, Any]) -> Tags:
    """Return conditions on tags as they were written."""
    return Tags(flat=_filters(tags["flat"]), sets=tag_set_from_json(tags["sets"]))


def tag_set_from_json(sets: Sequence[Sequence[Mapping[str, str]]]) -> TagSet:
    """Return alternatives of conditions on tags as they were written."""
    return tuple(_filters(either) for either in sets)


def _filters(filters: Sequence[Mapping[str, str]]) -> tuple[TagFilter, ...]:
    return tuple(TagFilter(TagFilterType(f["type"]), f["key"], f["value"]) for f in filters)


def _instances(said: Mapping[str, Any]) -> TargetInstances:
    return TargetInstances(
        tags=tags_from_json(said["tags"]), auto_scaling_groups=tuple(said["auto_scaling_groups"])
    )
