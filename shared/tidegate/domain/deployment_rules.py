"""What a deployment may be asked to do: one rule, one exception.

From the AWS CodeDeploy API reference (CreateDeployment). Sentences that CodeDeploy itself was seen
to answer are its own, and end without a point where those do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tidegate.domain.alarms import Alarms
from tidegate.domain.aws_group import AwsGroup, GreenFleet
from tidegate.domain.deployment import (
    AutoRollback,
    ComputePlatform,
    DeploymentOptions,
)
from tidegate.domain.ec2 import TargetInstances
from tidegate.domain.errors import Invalid
from tidegate.domain.group_limits import Wanted, check_limits
from tidegate.domain.tag_filters import Tags

MOST_DESCRIPTION: Final = 256
REVISION_REQUIRED: Final = "RevisionLocation must be specified"
_OF_INSTANCES: Final = dict.fromkeys(
    (
        "InvalidEC2TagCombination",
        "TagSetListLimitExceeded",
        "InvalidEC2Tag",
        "InvalidAutoScalingGroup",
    ),
    "InvalidTargetInstances",
)
"""What rules on a group are called of the instances of a deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A deployment as it is asked for."""

    options: DeploymentOptions
    platform: ComputePlatform = ComputePlatform.SERVER
    aws: AwsGroup = field(default_factory=AwsGroup)
    """What the group settles."""
    auto_rollback: AutoRollback | None = None
    names_revision: bool = False
    names_file_behavior: bool = False

    @property
    def is_server(self) -> bool:
        return self.platform is ComputePlatform.SERVER

    @property
    def is_blue_green(self) -> bool:
        return self.aws.style_on(self.platform).is_blue_green


def check_form(asked: Asked) -> None:
    """Refuse what can be refused without a look at anything else.

    Raises:
        Invalid: A value cannot be taken, or there is no revision where one is needed.
    """
    _check(_FORM, asked)
    check_limits(_as_of_group(asked), _OF_INSTANCES)


def check_restart(asked: Asked) -> None:
    """Refuse a restart of what cannot be restarted.

    Raises:
        Invalid: It is one.
    """
    if asked.options.is_restart:
        _check(_RESTART, asked)


def check_fits(asked: Asked) -> None:
    """Refuse what deployments of this platform and style cannot have.

    Raises:
        Invalid: It breaks a rule; the first of them gives the code.
    """
    _check(_FITS, asked)


def _check(rules: "tuple[_Rule, ...]", asked: Asked) -> None:
    for code, broken_by in rules:
        if sentence := broken_by(asked):
            raise Invalid(sentence, code=f"{code}Exception")


def _as_of_group(asked: Asked) -> Wanted:
    """Return what a deployment says itself as a group would say it: the same limits hold."""
    options, instances = asked.options, asked.options.target_instances or TargetInstances()
    return Wanted(
        aws=AwsGroup(
            alarms=options.override_alarms or Alarms(),
            ec2_tags=instances.tags,
            auto_scaling_groups=instances.auto_scaling_groups,
            suspended_processes=options.suspended_processes,
        ),
        on_premises=Tags(),
        auto_rollback=asked.auto_rollback or AutoRollback(),
    )


def _no_revision(asked: Asked) -> str | None:
    options = asked.options
    does_without = options.update_outdated_only or options.is_restart
    return None if asked.names_revision or does_without else REVISION_REQUIRED


def _description(asked: Asked) -> str | None:
    length = len(asked.options.description)
    if length <= MOST_DESCRIPTION:
        return None
    return f"The description has {length} characters; the limit is {MOST_DESCRIPTION}."


def _restart_elsewhere(asked: Asked) -> str | None:
    if asked.is_server:
        return None
    return f"The deploymentMode RESTART is for servers only, and not for {asked.platform}."


def _restart_blue_green(asked: Asked) -> str | None:
    sentence = "The deploymentMode RESTART is for in-place deployments only."
    return sentence if asked.is_blue_green else None


def _restart_revision(asked: Asked) -> str | None:
    sentence = (
        "The deploymentMode RESTART takes no revision: it is that of the last successful "
        "deployment of the group."
    )
    return sentence if asked.names_revision else None


def _restart_outdated(asked: Asked) -> str | None:
    sentence = (
        "The deploymentMode RESTART takes all instances; updateOutdatedInstancesOnly cannot be "
        "true."
    )
    return sentence if asked.options.update_outdated_only else None


def _file_behavior(asked: Asked) -> str | None:
    sentence = "For Lambda and ECS deployment, fileExistsBehavior can not be specified"
    return sentence if asked.names_file_behavior and not asked.is_server else None


def _stop_failures(asked: Asked) -> str | None:
    sentence = "For Lambda and ECS deployment, ignoreApplicationStopFailures can not be true"
    is_true = asked.options.ignore_application_stop_failures
    return sentence if is_true and not asked.is_server else None


def _outdated(asked: Asked) -> str | None:
    sentence = "For Lambda and ECS deployment, updateOutdatedInstancesOnly can not be true"
    return sentence if asked.options.update_outdated_only and not asked.is_server else None


def _target_instances(asked: Asked) -> str | None:
    if asked.options.target_instances is None or _discovers(asked):
        return None
    return (
        "Target instances are for blue/green deployments to EC2 whose group discovers the "
        "replacement instances."
    )


def _discovers(asked: Asked) -> bool:
    blue_green = asked.aws.blue_green
    copies = blue_green and blue_green.green_fleet is GreenFleet.COPY_AUTO_SCALING_GROUP
    return asked.is_server and asked.is_blue_green and not copies


_Rule: TypeAlias = tuple[str, Callable[[Asked], str | None]]
_FORM: Final[tuple[_Rule, ...]] = (
    ("RevisionRequired", _no_revision),
    ("DescriptionTooLong", _description),
)
_RESTART: Final[tuple[_Rule, ...]] = (
    ("InvalidComputePlatform", _restart_elsewhere),
    ("InvalidInput", _restart_blue_green),
    ("InvalidRevision", _restart_revision),
    ("InvalidUpdateOutdatedInstancesOnlyValue", _restart_outdated),
)
_FITS: Final[tuple[_Rule, ...]] = (
    ("InvalidFileExistsBehavior", _file_behavior),
    ("InvalidIgnoreApplicationStopFailuresValue", _stop_failures),
    ("InvalidUpdateOutdatedInstancesOnlyValue", _outdated),
    ("InvalidTargetInstances", _target_instances),
)
