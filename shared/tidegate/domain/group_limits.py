"""What no deployment group may have, whatever its compute platform.

From the AWS CodeDeploy API reference (CreateDeploymentGroup) and its quotas.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tidegate.domain.alarms import wrong_name, wrong_with
from tidegate.domain.aws_group import AwsGroup, LoadBalancers
from tidegate.domain.deployment import AutoRollback, ComputePlatform
from tidegate.domain.errors import Invalid
from tidegate.domain.tag_filters import TagFilter, TagFilterType, Tags

MOST_TAG_SETS: Final = 3
MOST_TAG_FILTERS: Final = 10
MOST_AUTO_SCALING_GROUPS: Final = 10
MOST_TRIGGERS: Final = 10
MOST_ALARMS: Final = 50
MOST_LOAD_BALANCERS: Final = 10
LONGEST_NAME: Final = 255
LONGEST_KEY: Final = 128
LONGEST_VALUE: Final = 256
LONGEST_WAIT: Final = 2880
"""Minutes."""

_OWN_CODES: Final[Mapping[str, str]] = MappingProxyType({})
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S{1,1000}")
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A group as it is to be, as far as CodeDeploy's own API can say it."""

    aws: AwsGroup
    on_premises: Tags
    auto_rollback: AutoRollback
    takes_several_pairs: bool = False
    """Whether a service may have several pairs of target groups, which CodeDeploy does not take."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is refused under a code: *broken_by* gives the sentence, or None where all is well."""

    code: str
    broken_by: Callable[[Wanted], str | None]
    platforms: frozenset[ComputePlatform] = frozenset(ComputePlatform)


def _role(wanted: Wanted) -> str | None:
    role = wanted.aws.service_role_arn
    if not role or _ROLE.fullmatch(role):
        return None
    return f"The service role {role[:100]!r} is no ARN of an IAM role."


def _both_ec2(wanted: Wanted) -> str | None:
    sentence = "Either ec2TagFilters or ec2TagSet can be specified, not both."
    return sentence if wanted.aws.ec2_tags.is_both else None


def _both_on_premises(wanted: Wanted) -> str | None:
    sentence = "Either onPremisesInstanceTagFilters or onPremisesTagSet can be specified, not both."
    return sentence if wanted.on_premises.is_both else None


def _tag_sets(wanted: Wanted) -> str | None:
    most = max(len(wanted.aws.ec2_tags.sets), len(wanted.on_premises.sets))
    if most <= MOST_TAG_SETS:
        return None
    return f"The tag set has {most} lists; the limit is {MOST_TAG_SETS}."


def _ec2_filters(wanted: Wanted) -> str | None:
    return _bad_filters(wanted.aws.ec2_tags)


def _on_premises_filters(wanted: Wanted) -> str | None:
    return _bad_filters(wanted.on_premises)


def _bad_filters(tags: Tags) -> str | None:
    for either in tags.tag_set:
        if not 1 <= len(either) <= MOST_TAG_FILTERS:
            return f"These are {len(either)} tags; a list must have 1 to {MOST_TAG_FILTERS}."
        if wrong := next(filter(None, map(_bad_filter, either)), None):
            return wrong
    return None


def _bad_filter(one: TagFilter) -> str | None:
    if one.type is not TagFilterType.VALUE_ONLY and not one.key:
        return f"A filter of the type {one.type} needs a Key."
    if len(one.key) > LONGEST_KEY:
        return f"The Key {one.key[:40]!r} has more than {LONGEST_KEY} characters."
    if len(one.value) > LONGEST_VALUE:
        return f"The Value {one.value[:40]!r} has more than {LONGEST_VALUE} characters."
    return None


def _scaling_groups(wanted: Wanted) -> str | None:
    return _bad_names(
        "Auto Scaling groups", wanted.aws.auto_scaling_groups, MOST_AUTO_SCALING_GROUPS
    )


def _too_many_triggers(wanted: Wanted) -> str | None:
    count = len(wanted.aws.triggers)
    if count <= MOST_TRIGGERS:
        return None
    return f"These are {count} triggers; the limit is {MOST_TRIGGERS}."


def _triggers(wanted: Wanted) -> str | None:
    triggers = wanted.aws.triggers
    if wrong := _bad_name_in("triggers", [one.name for one in triggers]):
        return wrong
    for one in triggers:
        # Clients try again for minutes where a message speaks of a "Topic ARN": not this one's.
        if not _TOPIC.fullmatch(one.topic_arn):
            return f"The target {one.topic_arn[:100]!r} of a trigger is no ARN of an SNS topic."
        if not one.events:
            return f"The trigger {one.name!r} has no events."
    return None


def _too_many_alarms(wanted: Wanted) -> str | None:
    count = len(wanted.aws.alarms.all_names)
    return f"These are {count} alarms; the limit is {MOST_ALARMS}." if count > MOST_ALARMS else None


def _alarms(wanted: Wanted) -> str | None:
    alarms = wanted.aws.alarms
    if alarms.enabled and not alarms.all_names:
        return "An alarm configuration that is enabled needs alarms."
    if wrong := _bad_name_in("alarms", alarms.all_names):
        return wrong
    found = (*map(wrong_name, alarms.all_names), *map(wrong_with, alarms.checks))
    return next(filter(None, found), None)


def _rollback(wanted: Wanted) -> str | None:
    rollback = wanted.auto_rollback
    sentence = "An automatic rollback that is enabled needs events."
    return sentence if rollback.enabled and not rollback.events else None


def _load_balancers(wanted: Wanted) -> str | None:
    balancers = wanted.aws.load_balancers or LoadBalancers()
    if balancers.elbs == ():
        return "ELB information has to contain at least 1 ELB."
    if balancers.target_groups == ():
        return "Target group information has to contain at least 1 target group."
    return _bad_names("load balancers", balancers.elbs or (), MOST_LOAD_BALANCERS) or _bad_names(
        "target groups", balancers.target_groups or (), MOST_LOAD_BALANCERS
    )


def _waits(wanted: Wanted) -> str | None:
    blue_green = wanted.aws.blue_green
    parts = (blue_green.terminate, blue_green.ready) if blue_green else ()
    for minutes in (part.wait_minutes for part in parts if part):
        if not 0 <= minutes <= LONGEST_WAIT:
            return f"A wait of {minutes} minutes cannot be had; it is 0 to {LONGEST_WAIT}."
    return None


def _processes(wanted: Wanted) -> str | None:
    names = wanted.aws.suspended_processes or ()
    return "A process to suspend is there twice." if len(set(names)) < len(names) else None


def _bad_names(what: str, names: Sequence[str], most: int) -> str | None:
    if len(names) > most:
        return f"These are {len(names)} {what}; the limit is {most}."
    return _bad_name_in(what, names)


def _bad_name_in(what: str, names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if not 1 <= len(name) <= LONGEST_NAME:
            return f"One of the {what} has a name of {len(name)} characters; it has 1 to 255."
        if name in seen:
            return f"One of the {what}, {name!r}, is there twice."
        seen.add(name)
    return None


LIMITS: Final[tuple[Rule, ...]] = (
    Rule("InvalidRole", _role),
    Rule("InvalidEC2TagCombination", _both_ec2),
    Rule("InvalidOnPremisesTagCombination", _both_on_premises),
    Rule("TagSetListLimitExceeded", _tag_sets),
    Rule("InvalidEC2Tag", _ec2_filters),
    Rule("InvalidTag", _on_premises_filters),
    Rule("InvalidAutoScalingGroup", _scaling_groups),
    Rule("TriggerTargetsLimitExceeded", _too_many_triggers),
    Rule("InvalidTriggerConfig", _triggers),
    Rule("AlarmsLimitExceeded", _too_many_alarms),
    Rule("InvalidAlarmConfig", _alarms),
    Rule("InvalidAutoRollbackConfig", _rollback),
    Rule("InvalidLoadBalancerInfo", _load_balancers),
    Rule("InvalidBlueGreenDeploymentConfiguration", _waits),
    Rule("InvalidAutoScalingGroupProcessToSuspend", _processes),
)
"""In the order in which they are looked at."""


def check_limits(wanted: Wanted, codes: Mapping[str, str] = _OWN_CODES) -> None:
    """Refuse what no group may have; the first rule that is broken gives the code.

    *codes* are what some rules are called instead.

    Raises:
        Invalid: A rule is broken.
    """
    for rule in LIMITS:
        if sentence := rule.broken_by(wanted):
            raise Invalid(sentence, code=f"{codes.get(rule.code, rule.code)}Exception")
