"""What a deployment group may be on its compute platform: one rule, one exception.

From the AWS CodeDeploy API reference (CreateDeploymentGroup). Sentences that CodeDeploy itself was
seen to answer are its own, word by word, and end without a point where those do.
"""

from collections.abc import Iterator
from typing import Final

from tidegate.domain.aws_group import (
    AwsGroup,
    GreenFleet,
    LoadBalancers,
    Style,
    TargetGroupPair,
    default_style,
)
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.errors import Invalid
from tidegate.domain.group_limits import LIMITS, Rule, Wanted

COPY: Final = (
    "Exactly one AutoScaling group must be specifed when selecting the COPY_AUTO_SCALING_GROUP "
    "green fleet provisioning option."
)
NOT_ON_PREMISES: Final = "On-premises instances cannot take part in a BLUE_GREEN deployment."
LONGEST_SERVICE: Final = 511
"""The longest names of a cluster and of a service, with a colon between."""
NO_LOAD_BALANCER: Final = (
    "The specification for load balancing in the deployment group is invalid. The "
    "deploymentOption value is set to WITH_TRAFFIC_CONTROL, but either no load balancer was "
    "specified in elbInfoList or no target group was specified in targetGroupInfoList."
)


def check_wanted(platform: ComputePlatform, wanted: Wanted) -> None:
    """Refuse a group that its platform cannot have.

    Raises:
        Invalid: It breaks a rule; the first of them gives the code.
    """
    for code, sentence in broken_rules(platform, wanted):
        raise Invalid(sentence, code=code)


def broken_rules(platform: ComputePlatform, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Return code and sentence of each rule that is broken, in the order of the rules."""
    for rule in RULES:
        if platform in rule.platforms and (sentence := rule.broken_by(wanted)):
            yield f"{rule.code}Exception", sentence


def check_resent(changed: AwsGroup, resent: tuple[str, ...] | None) -> None:
    """Refuse to copy an Auto Scaling group that was not sent along with the wish to copy it.

    CodeDeploy does not look at the groups that it has: they must be sent again.

    Raises:
        Invalid: Not exactly one was sent.
    """
    if _copies(changed) and len(resent or ()) != 1:
        raise Invalid(COPY, code="InvalidBlueGreenDeploymentConfigurationException")


def _copies(aws: AwsGroup) -> bool:
    green = aws.blue_green and aws.blue_green.green_fleet
    return green is GreenFleet.COPY_AUTO_SCALING_GROUP


def _server_style(wanted: Wanted) -> str | None:
    style = wanted.aws.style
    if style and style.is_blue_green and not style.moves_traffic:
        return "For a BLUE_GREEN deployment, the deployment option must be WITH_TRAFFIC_CONTROL."
    return None


def _server_load_balancer(wanted: Wanted) -> str | None:
    style, balancers = wanted.aws.style, wanted.aws.load_balancers or LoadBalancers()
    there = balancers.elbs or balancers.target_groups
    return NO_LOAD_BALANCER if style and style.moves_traffic and not there else None


def _server_services(wanted: Wanted) -> str | None:
    sentence = "Should not specify ECS services parameter for Server deployment group"
    return sentence if wanted.aws.ecs_services else None


def _server_blue_green_on_premises(wanted: Wanted) -> str | None:
    style = wanted.aws.style
    if style and style.is_blue_green and wanted.on_premises.tag_set:
        return NOT_ON_PREMISES
    return None


def _server_copy(wanted: Wanted) -> str | None:
    style, groups = wanted.aws.style, wanted.aws.auto_scaling_groups
    # A group that went back to IN_PLACE keeps its settings for blue/green.
    is_broken = style and style.is_blue_green and _copies(wanted.aws) and len(groups) != 1
    return COPY if is_broken else None


def _moves_no_traffic(platform: ComputePlatform, style: Style | None) -> str | None:
    if style in {None, default_style(platform)}:
        return None
    return (
        f"For {platform} deployment, the deployment type must be BLUE_GREEN, and deployment option "
        "must be WITH_TRAFFIC_CONTROL."
    )


def _ecs_style(wanted: Wanted) -> str | None:
    return _moves_no_traffic(ComputePlatform.ECS, wanted.aws.style)


def _lambda_style(wanted: Wanted) -> str | None:
    return _moves_no_traffic(ComputePlatform.LAMBDA, wanted.aws.style)


def _ecs_blue_green(wanted: Wanted) -> str | None:
    sentence = "For ECS deployment group, blueGreenDeploymentConfiguration must be specified"
    return sentence if wanted.aws.blue_green is None else None


def _ecs_load_balancer(wanted: Wanted) -> str | None:
    balancers = wanted.aws.load_balancers
    if balancers is None:
        return "For ECS deployment group, loadBalancerInfo must be specified"
    if balancers.elbs is not None:
        return "For ECS deployment group, loadBalancerInfo must not contain elbInfo list"
    if balancers.target_groups is not None:
        return "For ECS deployment group, loadBalancerInfo must not contain targetGroupInfo list"
    return None


def _ecs_pair(wanted: Wanted) -> str | None:
    balancers = wanted.aws.load_balancers
    if balancers is None:
        return None
    pairs = balancers.pairs or ()
    if not pairs or (len(pairs) > 1 and not wanted.takes_several_pairs):
        return (
            "For ECS deployment group, targetGroupPairInfoList must have exactly one pair, "
            f"and it has {len(pairs)}."
        )
    return next(filter(None, map(_bad_pair, pairs)), None)


def _bad_pair(pair: TargetGroupPair) -> str | None:
    if len(set(pair.target_groups)) != 2 or not all(pair.target_groups):
        return "The pair must have exactly two target groups, each with a name of its own."
    if pair.test_listeners is not None and not _is_one(pair.test_listeners):
        return "Test traffic route must have exactly one listener Arn"
    return None


def _ecs_listener(wanted: Wanted) -> str | None:
    balancers = wanted.aws.load_balancers or LoadBalancers()
    if all(_is_one(pair.prod_listeners) for pair in balancers.pairs or ()):
        return None
    return "Production traffic route must have exactly one listener Arn"


def _is_one(arns: tuple[str, ...]) -> bool:
    return len(arns) == 1 and all(arns)


def _ecs_scaling(wanted: Wanted) -> str | None:
    sentence = "For ECS deployment group, autoScalingGroups can not be specified"
    return sentence if wanted.aws.auto_scaling_groups else None


def _ecs_services(wanted: Wanted) -> str | None:
    services = wanted.aws.ecs_services
    if len(services) == 1 and services[0].service and services[0].cluster:
        is_long = len(services[0].identity) > LONGEST_SERVICE
        return "No ECS service, or no cluster, has so long a name." if is_long else None
    return "For ECS deployment group, exactly one ECS service must be specified, with its cluster."


def _no_ec2_tags(wanted: Wanted) -> str | None:
    return "Only Server deployment groups have EC2 tags." if wanted.aws.ec2_tags.tag_set else None


def _no_on_premises_tags(wanted: Wanted) -> str | None:
    sentence = "Only Server deployment groups have tags of on-premises instances."
    return sentence if wanted.on_premises.tag_set else None


def _lambda_scaling(wanted: Wanted) -> str | None:
    sentence = "For Lambda deployment group, autoScalingGroups can not be specified"
    return sentence if wanted.aws.auto_scaling_groups else None


def _lambda_load_balancer(wanted: Wanted) -> str | None:
    sentence = "For Lambda deployment group, loadBalancerInfo can not be specified"
    return sentence if wanted.aws.load_balancers else None


def _lambda_services(wanted: Wanted) -> str | None:
    sentence = "Should not specify ECS services parameter for Lambda deployment group"
    return sentence if wanted.aws.ecs_services else None


_SERVER: Final = frozenset({ComputePlatform.SERVER})
_LAMBDA: Final = frozenset({ComputePlatform.LAMBDA})
_ECS: Final = frozenset({ComputePlatform.ECS})
_NOT_SERVER: Final = _LAMBDA | _ECS

RULES: Final[tuple[Rule, ...]] = (
    *LIMITS,
    Rule("InvalidEC2Tag", _no_ec2_tags, _NOT_SERVER),
    Rule("InvalidTag", _no_on_premises_tags, _NOT_SERVER),
    Rule("InvalidECSService", _server_services, _SERVER),
    Rule("InvalidDeploymentStyle", _server_style, _SERVER),
    Rule("InvalidInput", _server_blue_green_on_premises, _SERVER),
    Rule("InvalidLoadBalancerInfo", _server_load_balancer, _SERVER),
    Rule("InvalidBlueGreenDeploymentConfiguration", _server_copy, _SERVER),
    Rule("InvalidDeploymentStyle", _lambda_style, _LAMBDA),
    Rule("InvalidAutoScalingGroup", _lambda_scaling, _LAMBDA),
    Rule("InvalidLoadBalancerInfo", _lambda_load_balancer, _LAMBDA),
    Rule("InvalidECSService", _lambda_services, _LAMBDA),
    Rule("InvalidDeploymentStyle", _ecs_style, _ECS),
    Rule("InvalidBlueGreenDeploymentConfiguration", _ecs_blue_green, _ECS),
    Rule("InvalidAutoScalingGroup", _ecs_scaling, _ECS),
    Rule("InvalidLoadBalancerInfo", _ecs_load_balancer, _ECS),
    Rule("InvalidTargetGroupPair", _ecs_pair, _ECS),
    Rule("InvalidTrafficRoutingConfiguration", _ecs_listener, _ECS),
    Rule("InvalidECSService", _ecs_services, _ECS),
)
"""In the order in which they are looked at."""
