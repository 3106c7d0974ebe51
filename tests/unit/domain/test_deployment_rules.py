"""What a deployment may be asked to do: each rule gives its exception, and what is sound none."""

from dataclasses import replace

import pytest

from tidegate.domain.alarms import Alarms
from tidegate.domain.aws_group import BLUE_GREEN, AwsGroup, BlueGreen, GreenFleet
from tidegate.domain.deployment import (
    AutoRollback,
    ComputePlatform,
    DeploymentMode,
    DeploymentOptions,
)
from tidegate.domain.deployment_rules import Asked, check_fits, check_form, check_restart
from tidegate.domain.ec2 import ScalingProcess, TargetInstances
from tidegate.domain.errors import Invalid
from tidegate.domain.tag_filters import TagFilter, TagFilterType, Tags

WEB = TagFilter(TagFilterType.KEY_AND_VALUE, "role", "web")
MANY = tuple(replace(WEB, key=str(number)) for number in range(11))
RESTART = DeploymentMode.RESTART
DISCOVERS = AwsGroup(
    style=BLUE_GREEN, blue_green=BlueGreen(green_fleet=GreenFleet.DISCOVER_EXISTING)
)
COPIES = AwsGroup(
    style=BLUE_GREEN, blue_green=BlueGreen(green_fleet=GreenFleet.COPY_AUTO_SCALING_GROUP)
)
INSTANCES = TargetInstances(tags=Tags(flat=(WEB,)))
ELSEWHERE = [ComputePlatform.LAMBDA, ComputePlatform.ECS]


def asked(*, names_revision: bool = True, **said: object) -> Asked:
    about = {name: said.pop(name) for name in list(said) if name in Asked.__dataclass_fields__}
    options = DeploymentOptions(**said)  # type: ignore[arg-type]
    return Asked(options=options, names_revision=names_revision, **about)  # type: ignore[arg-type]


def code_of(check, wanted: Asked) -> str:
    with pytest.raises(Invalid) as caught:
        check(wanted)
    return caught.value.situation.removesuffix("Exception")


@pytest.mark.parametrize(
    "wanted",
    [
        asked(description="x" * 256),
        asked(names_revision=False, update_outdated_only=True),
        asked(names_revision=False, deployment_mode=RESTART),
        asked(override_alarms=Alarms()),
        asked(suspended_processes=()),
        asked(target_instances=INSTANCES, aws=DISCOVERS),
        asked(names_file_behavior=True, ignore_application_stop_failures=True),
        asked(platform=ComputePlatform.ECS),
    ],
)
def test_what_is_sound_is_taken(wanted: Asked):
    for check in (check_form, check_restart, check_fits):
        check(wanted)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("RevisionRequired", asked(names_revision=False)),
        ("DescriptionTooLong", asked(description="x" * 257)),
        ("InvalidAutoRollbackConfig", asked(auto_rollback=AutoRollback(enabled=True))),
        ("InvalidAlarmConfig", asked(override_alarms=Alarms(enabled=True))),
        ("AlarmsLimitExceeded", asked(override_alarms=Alarms(names=("a",) * 51))),
        (
            "InvalidAutoScalingGroupProcessToSuspend",
            asked(suspended_processes=(ScalingProcess.TERMINATE,) * 2),
        ),
        ("InvalidTargetInstances", asked(target_instances=TargetInstances(tags=Tags(flat=MANY)))),
        (
            "InvalidTargetInstances",
            asked(target_instances=TargetInstances(tags=Tags(flat=(WEB,), sets=((WEB,),)))),
        ),
        (
            "InvalidTargetInstances",
            asked(target_instances=TargetInstances(tags=Tags(sets=((WEB,),) * 4))),
        ),
        (
            "InvalidTargetInstances",
            asked(target_instances=TargetInstances(auto_scaling_groups=("a", "a"))),
        ),
    ],
)
def test_a_bad_form_is_refused(code: str, wanted: Asked):
    assert code_of(check_form, wanted) == code


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("InvalidInput", asked(aws=DISCOVERS)),
        ("InvalidRevision", asked()),
        (
            "InvalidUpdateOutdatedInstancesOnlyValue",
            asked(names_revision=False, update_outdated_only=True),
        ),
        *[("InvalidComputePlatform", asked(platform=platform)) for platform in ELSEWHERE],
    ],
)
def test_a_restart_of_what_cannot_be_restarted_is_refused(code: str, wanted: Asked):
    check_restart(wanted)
    restart = replace(wanted, options=replace(wanted.options, deployment_mode=RESTART))

    assert code_of(check_restart, restart) == code


@pytest.mark.parametrize("platform", ELSEWHERE)
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("InvalidFileExistsBehavior", {"names_file_behavior": True}),
        ("InvalidIgnoreApplicationStopFailuresValue", {"ignore_application_stop_failures": True}),
        ("InvalidUpdateOutdatedInstancesOnlyValue", {"update_outdated_only": True}),
        ("InvalidTargetInstances", {"target_instances": INSTANCES}),
    ],
)
def test_what_is_for_servers_is_refused_elsewhere(platform, code: str, said: dict[str, object]):
    assert code_of(check_fits, asked(platform=platform, **said)) == code


@pytest.mark.parametrize("aws", [AwsGroup(), COPIES])
def test_only_groups_that_discover_their_replacement_take_target_instances(aws: AwsGroup):
    assert code_of(check_fits, asked(aws=aws, target_instances=INSTANCES)) == (
        "InvalidTargetInstances"
    )
