"""What `/v1` says of a deployment group for ECS: its service, target groups, and waits."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from tidegate.domain.aws_group import (
    AwsGroup,
    BlueGreen,
    EcsService,
    LoadBalancers,
    TargetGroupPair,
    TerminateBlue,
    WhenReady,
)
from tidegate.domain.deployment import AutoRollback, ComputePlatform
from tidegate.domain.errors import Invalid
from tidegate.domain.group_limits import Wanted
from tidegate.domain.platform_rules import check_wanted
from tidegate.domain.tag_filters import Tags

MOST_PAIRS: Final = 5
"""As many target groups as ECS takes for a task set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequest:
    """What is said of a service. None says nothing, and leaves what there is."""

    service: EcsService | None = None
    pairs: tuple[TargetGroupPair, ...] | None = None
    ready: WhenReady | None = None
    terminate: TerminateBlue | None = None

    @property
    def says_something(self) -> bool:
        return any((self.service, self.pairs, self.ready, self.terminate))


def with_service(
    aws: AwsGroup,
    request: ServiceRequest,
    platform: ComputePlatform,
    auto_rollback: AutoRollback,
) -> AwsGroup:
    """Return *aws* as *request* wants it.

    Raises:
        Invalid: The platform has no services, or ECS could not deploy to such a one.
    """
    if not request.says_something:
        return aws
    if platform is not ComputePlatform.ECS:
        raise Invalid(
            f"A deployment group for {platform} takes no ecs_service, target_group_pairs, "
            "ready_wait or termination_wait; one for ECS does."
        )
    before = aws.blue_green or BlueGreen()
    changed = replace(
        aws,
        ecs_services=(request.service,) if request.service else aws.ecs_services,
        load_balancers=LoadBalancers(pairs=request.pairs) if request.pairs else aws.load_balancers,
        blue_green=replace(
            before,
            ready=request.ready or before.ready or WhenReady(),
            terminate=request.terminate or before.terminate or TerminateBlue(),
        ),
    )
    _check(changed)
    wanted = Wanted(
        aws=changed, on_premises=Tags(), auto_rollback=auto_rollback, takes_several_pairs=True
    )
    check_wanted(platform, wanted)
    return changed


def _check(aws: AwsGroup) -> None:
    if not aws.ecs_services or aws.load_balancers is None:
        raise Invalid("A deployment group for ECS has both ecs_service and target_group_pairs.")
    pairs = aws.load_balancers.pairs or ()
    if len(pairs) > MOST_PAIRS:
        raise Invalid(f"These are {len(pairs)} target_group_pairs; the limit is {MOST_PAIRS}.")
    for listeners in (
        found for pair in pairs for found in (pair.prod_listeners, pair.test_listeners)
    ):
        if listeners is not None and len(listeners) != 1:
            raise Invalid(
                f"These are {len(listeners)} listeners; each of target_group_pairs has exactly one "
                "in prod_listeners, and exactly one or null in test_listeners.",
                code="InvalidTrafficRoutingConfigurationException",
            )
    names = Counter(name for pair in pairs for name in pair.target_groups)
    for name, count in names.items():
        if count > 1 and len(pairs) > 1:
            raise Invalid(f"The target group {name[:100]!r} is in several target_group_pairs.")
