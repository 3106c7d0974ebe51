"""The rules of deployment groups: whole groups break none, and each wrong thing breaks its own."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.alarms import Alarms, Comparison, PrometheusCheck
from tidegate.domain.aws_group import (
    BLUE_GREEN,
    IN_PLACE,
    AwsGroup,
    BlueGreen,
    DeploymentOption,
    DeploymentType,
    EcsService,
    GreenFleet,
    InstanceAction,
    LoadBalancers,
    ReadyAction,
    Style,
    TargetGroupPair,
    TerminateBlue,
    Trigger,
    TriggerEvent,
    WhenReady,
)
from tidegate.domain.deployment import AutoRollback, ComputePlatform, RollbackEvent
from tidegate.domain.ec2 import ScalingProcess
from tidegate.domain.errors import Invalid
from tidegate.domain.group_limits import Wanted
from tidegate.domain.platform_rules import RULES, broken_rules, check_resent, check_wanted
from tidegate.domain.tag_filters import TagFilter, TagFilterType, Tags

SERVER, LAMBDA, ECS = ComputePlatform.SERVER, ComputePlatform.LAMBDA, ComputePlatform.ECS
ALL = (SERVER, LAMBDA, ECS)
NO_TRAFFIC = Style(DeploymentType.BLUE_GREEN, DeploymentOption.WITHOUT_TRAFFIC_CONTROL)
IN_PLACE_WITH_TRAFFIC = Style(DeploymentType.IN_PLACE, DeploymentOption.WITH_TRAFFIC_CONTROL)
NAMES = st.text("abc-", min_size=1, max_size=8)
PAIR = TargetGroupPair(target_groups=("blue", "green"), prod_listeners=("arn:prod",))

filters = st.builds(
    TagFilter, st.sampled_from(TagFilterType), st.text("ab", min_size=1, max_size=128), NAMES
)
lists = st.lists(filters, min_size=1, max_size=10).map(tuple)
tags = st.one_of(
    st.just(Tags()),
    st.builds(Tags, flat=lists),
    st.builds(Tags, sets=st.lists(lists, min_size=1, max_size=3).map(tuple)),
)
triggers = st.lists(
    st.builds(
        Trigger,
        name=NAMES,
        topic_arn=st.just("arn:aws:sns:us-east-1:000000000000:news"),
        events=st.lists(st.sampled_from(TriggerEvent), min_size=1, max_size=3).map(tuple),
    ),
    max_size=10,
    unique_by=lambda one: one.name,
).map(tuple)
checks = st.builds(
    PrometheusCheck,
    name=st.just(""),
    query=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(str.strip),
    comparison=st.sampled_from(Comparison),
    threshold=st.floats(allow_nan=False, allow_infinity=False),
)


@st.composite
def alarm_sets(draw: Any) -> Alarms:
    names = draw(st.lists(NAMES, max_size=50, unique=True))
    of_cloudwatch = draw(st.integers(0, len(names)))
    return Alarms(
        enabled=draw(st.booleans()) and bool(names),
        names=tuple(names[:of_cloudwatch]),
        checks=tuple(replace(draw(checks), name=name) for name in names[of_cloudwatch:]),
    )


waits = st.integers(0, 2880)
blue_greens = st.builds(
    BlueGreen,
    terminate=st.none() | st.builds(TerminateBlue, st.sampled_from(InstanceAction), waits),
    ready=st.none() | st.builds(WhenReady, st.sampled_from(ReadyAction), waits),
    green_fleet=st.sampled_from([None, GreenFleet.DISCOVER_EXISTING]),
)
rollbacks = st.sampled_from(
    [AutoRollback(), AutoRollback(enabled=True, events=(RollbackEvent.ALARM,))]
)
processes = st.none() | st.lists(st.sampled_from(ScalingProcess), unique=True).map(tuple)
scaling_groups = st.lists(NAMES, max_size=10, unique=True).map(tuple)
balancers = st.builds(
    LoadBalancers,
    elbs=st.none() | st.lists(NAMES, min_size=1, max_size=10, unique=True).map(tuple),
    target_groups=st.lists(NAMES, min_size=1, max_size=10, unique=True).map(tuple),
)
common: dict[str, Any] = {
    "service_role_arn": st.sampled_from(["", "arn:aws:iam::000000000000:role/path/deploy"]),
    "triggers": triggers,
    "alarms": alarm_sets(),
    "termination_hook": st.booleans(),
}


@st.composite
def servers(draw: Any) -> Wanted:
    style = draw(st.sampled_from([None, IN_PLACE, IN_PLACE_WITH_TRAFFIC, BLUE_GREEN]))
    moves = style is not None and style.moves_traffic
    aws = st.builds(
        AwsGroup,
        style=st.just(style),
        blue_green=st.none() | blue_greens,
        load_balancers=balancers if moves else st.none() | balancers,
        ec2_tags=tags,
        auto_scaling_groups=scaling_groups,
        suspended_processes=processes,
        **common,
    )
    return Wanted(
        aws=draw(aws),
        on_premises=Tags() if style is BLUE_GREEN else draw(tags),
        auto_rollback=draw(rollbacks),
    )


lambdas = st.builds(
    Wanted,
    aws=st.builds(AwsGroup, style=st.sampled_from([None, BLUE_GREEN]), **common),
    on_premises=st.just(Tags()),
    auto_rollback=rollbacks,
)
ecses = st.builds(
    Wanted,
    aws=st.builds(
        AwsGroup,
        style=st.sampled_from([None, BLUE_GREEN]),
        blue_green=blue_greens,
        load_balancers=st.sampled_from(
            [
                LoadBalancers(pairs=(PAIR,)),
                LoadBalancers(pairs=(replace(PAIR, test_listeners=("arn:test",)),)),
            ]
        ),
        ecs_services=st.builds(EcsService, cluster=NAMES, service=NAMES).map(lambda one: (one,)),
        **common,
    ),
    on_premises=st.just(Tags()),
    auto_rollback=rollbacks,
)
groups = st.one_of(
    st.tuples(st.just(SERVER), servers()),
    st.tuples(st.just(LAMBDA), lambdas),
    st.tuples(st.just(ECS), ecses),
)
Change = Callable[[Wanted], Wanted]


@dataclass(frozen=True)
class Wrong:
    """A thing that is wrong on some platforms, whatever else a group there is."""

    code: str
    change: Change
    platforms: tuple[ComputePlatform, ...] = ALL


def aws(**changes: Any) -> Change:
    return lambda wanted: replace(wanted, aws=replace(wanted.aws, **changes))


def on_premises(tags: Tags) -> Change:
    return lambda wanted: replace(wanted, on_premises=tags, aws=replace(wanted.aws, style=IN_PLACE))


def pair(**changes: Any) -> Change:
    return aws(load_balancers=LoadBalancers(pairs=(replace(PAIR, **changes),)))


ONE = TagFilter(TagFilterType.KEY_ONLY, "a")
NAMELESS = TagFilter(TagFilterType.KEY_ONLY)
MANY = tuple(TagFilter(TagFilterType.KEY_ONLY, str(number)) for number in range(11))
CHECK = PrometheusCheck(name="errors", query="up", threshold=1.0)
NEWS = Trigger(
    name="news",
    topic_arn="arn:aws:sns:us-east-1:000000000000:news",
    events=(TriggerEvent.DEPLOYMENT_START,),
)
COPYING = BlueGreen(green_fleet=GreenFleet.COPY_AUTO_SCALING_GROUP)
TWO = (EcsService(cluster="a", service="b"), EcsService(cluster="a", service="c"))
ELBS = LoadBalancers(elbs=("elb",))
WRONGS = (
    Wrong("InvalidRole", aws(service_role_arn="me")),
    Wrong("InvalidEC2TagCombination", aws(ec2_tags=Tags(flat=(ONE,), sets=((ONE,),))), (SERVER,)),
    Wrong("TagSetListLimitExceeded", aws(ec2_tags=Tags(sets=((ONE,),) * 4)), (SERVER,)),
    Wrong("InvalidEC2Tag", aws(ec2_tags=Tags(flat=MANY)), (SERVER,)),
    Wrong("InvalidEC2Tag", aws(ec2_tags=Tags(flat=(NAMELESS,))), (SERVER,)),
    Wrong("InvalidEC2Tag", aws(ec2_tags=Tags(sets=((ONE,), ()))), (SERVER,)),
    Wrong("InvalidEC2Tag", aws(ec2_tags=Tags(flat=(ONE,))), (LAMBDA, ECS)),
    Wrong(
        "InvalidOnPremisesTagCombination", on_premises(Tags(flat=(ONE,), sets=((ONE,),))), (SERVER,)
    ),
    Wrong("TagSetListLimitExceeded", on_premises(Tags(sets=((ONE,),) * 4)), (SERVER,)),
    Wrong("InvalidTag", on_premises(Tags(flat=(NAMELESS,))), (SERVER,)),
    Wrong(
        "InvalidTag", lambda wanted: replace(wanted, on_premises=Tags(flat=(ONE,))), (LAMBDA, ECS)
    ),
    Wrong("InvalidAutoScalingGroup", aws(auto_scaling_groups=("a", "a")), (SERVER,)),
    Wrong("InvalidAutoScalingGroup", aws(auto_scaling_groups=tuple("abcdefghijk")), (SERVER,)),
    Wrong("InvalidAutoScalingGroup", aws(auto_scaling_groups=("a",)), (LAMBDA, ECS)),
    Wrong(
        "TriggerTargetsLimitExceeded",
        aws(triggers=tuple(replace(NEWS, name=str(n)) for n in range(11))),
    ),
    Wrong("InvalidTriggerConfig", aws(triggers=(NEWS, NEWS))),
    Wrong("InvalidTriggerConfig", aws(triggers=(replace(NEWS, events=()),))),
    Wrong("InvalidTriggerConfig", aws(triggers=(replace(NEWS, topic_arn="news"),))),
    Wrong("AlarmsLimitExceeded", aws(alarms=Alarms(names=tuple(map(str, range(51)))))),
    Wrong("InvalidAlarmConfig", aws(alarms=Alarms(enabled=True))),
    Wrong("InvalidAlarmConfig", aws(alarms=Alarms(names=("a", "a")))),
    Wrong("InvalidAlarmConfig", aws(alarms=Alarms(names=("a" * 256,)))),
    Wrong(
        "AlarmsLimitExceeded",
        aws(
            alarms=Alarms(
                names=tuple(map(str, range(25))),
                checks=tuple(replace(CHECK, name=str(n)) for n in range(25, 51)),
            )
        ),
    ),
    Wrong("InvalidAlarmConfig", aws(alarms=Alarms(checks=(CHECK, CHECK)))),
    Wrong("InvalidAlarmConfig", aws(alarms=Alarms(names=(CHECK.name,), checks=(CHECK,)))),
    Wrong("InvalidAlarmConfig", aws(alarms=Alarms(checks=(replace(CHECK, name=""),)))),
    *(
        Wrong("InvalidAlarmConfig", aws(alarms=Alarms(checks=(replace(CHECK, query=query),))))
        for query in (" \n", "a" * 4001, "up\0", "up\ud800")
    ),
    *(
        Wrong("InvalidAlarmConfig", aws(alarms=Alarms(checks=(replace(CHECK, threshold=value),))))
        for value in (math.nan, math.inf, -math.inf)
    ),
    Wrong(
        "InvalidAutoRollbackConfig",
        lambda wanted: replace(wanted, auto_rollback=AutoRollback(enabled=True)),
    ),
    Wrong(
        "InvalidAutoScalingGroupProcessToSuspend",
        aws(suspended_processes=(ScalingProcess.TERMINATE,) * 2),
    ),
    Wrong(
        "InvalidBlueGreenDeploymentConfiguration",
        aws(blue_green=BlueGreen(ready=WhenReady(wait_minutes=2881))),
    ),
    Wrong(
        "InvalidBlueGreenDeploymentConfiguration",
        aws(blue_green=BlueGreen(terminate=TerminateBlue(wait_minutes=-1))),
    ),
    Wrong(
        "InvalidLoadBalancerInfo", aws(style=None, load_balancers=LoadBalancers(elbs=())), (SERVER,)
    ),
    Wrong(
        "InvalidLoadBalancerInfo", aws(style=IN_PLACE_WITH_TRAFFIC, load_balancers=None), (SERVER,)
    ),
    Wrong(
        "InvalidLoadBalancerInfo",
        aws(style=IN_PLACE_WITH_TRAFFIC, load_balancers=LoadBalancers(pairs=(PAIR,))),
        (SERVER,),
    ),
    Wrong("InvalidLoadBalancerInfo", aws(load_balancers=ELBS), (LAMBDA,)),
    Wrong(
        "InvalidLoadBalancerInfo",
        aws(load_balancers=LoadBalancers(elbs=("elb",), pairs=(PAIR,))),
        (ECS,),
    ),
    Wrong("InvalidLoadBalancerInfo", aws(load_balancers=None), (ECS,)),
    Wrong(
        "InvalidLoadBalancerInfo",
        aws(load_balancers=LoadBalancers(target_groups=("a",), pairs=(PAIR,))),
        (ECS,),
    ),
    Wrong("InvalidECSService", aws(ecs_services=TWO[:1]), (SERVER, LAMBDA)),
    Wrong("InvalidECSService", aws(ecs_services=TWO), (ECS,)),
    Wrong("InvalidECSService", aws(ecs_services=()), (ECS,)),
    Wrong(
        "InvalidECSService",
        aws(ecs_services=(EcsService(cluster="a" * 256, service="b" * 255),)),
        (ECS,),
    ),
    Wrong("InvalidDeploymentStyle", aws(style=IN_PLACE), (LAMBDA, ECS)),
    Wrong("InvalidDeploymentStyle", aws(style=NO_TRAFFIC), (LAMBDA, ECS)),
    Wrong(
        "InvalidDeploymentStyle",
        lambda wanted: replace(aws(style=NO_TRAFFIC)(wanted), on_premises=Tags()),
        (SERVER,),
    ),
    Wrong(
        "InvalidInput",
        lambda wanted: replace(
            aws(style=BLUE_GREEN, load_balancers=ELBS)(wanted), on_premises=Tags(flat=(ONE,))
        ),
        (SERVER,),
    ),
    Wrong(
        "InvalidBlueGreenDeploymentConfiguration",
        lambda wanted: replace(
            aws(
                style=BLUE_GREEN,
                load_balancers=ELBS,
                blue_green=COPYING,
                auto_scaling_groups=("a", "b"),
            )(wanted),
            on_premises=Tags(),
        ),
        (SERVER,),
    ),
    Wrong("InvalidBlueGreenDeploymentConfiguration", aws(blue_green=None), (ECS,)),
    Wrong("InvalidTargetGroupPair", aws(load_balancers=LoadBalancers(pairs=())), (ECS,)),
    Wrong("InvalidTargetGroupPair", pair(target_groups=("blue", "blue")), (ECS,)),
    Wrong("InvalidTargetGroupPair", pair(target_groups=("a", "b", "c")), (ECS,)),
    Wrong("InvalidTargetGroupPair", pair(test_listeners=("a", "b")), (ECS,)),
    Wrong("InvalidTrafficRoutingConfiguration", pair(prod_listeners=()), (ECS,)),
    Wrong("InvalidTrafficRoutingConfiguration", pair(prod_listeners=("a", "b")), (ECS,)),
)


@given(groups)
def test_a_whole_group_breaks_no_rule(group):
    platform, wanted = group

    assert list(broken_rules(platform, wanted)) == []
    check_wanted(platform, wanted)


@given(groups, st.data())
def test_each_wrong_thing_breaks_its_rule_and_no_other(group, data):
    platform, wanted = group
    wrong = data.draw(st.sampled_from([one for one in WRONGS if platform in one.platforms]))

    broken = list(broken_rules(platform, wrong.change(wanted)))

    assert {code for code, _ in broken} == {f"{wrong.code}Exception"}
    with pytest.raises(Invalid) as caught:
        check_wanted(platform, wrong.change(wanted))
    assert caught.value.situation == f"{wrong.code}Exception"
    assert str(caught.value) == broken[0][1]


def test_every_rule_is_broken_by_something_here():
    settings = {
        SERVER: AwsGroup(),
        LAMBDA: AwsGroup(),
        ECS: AwsGroup(
            blue_green=BlueGreen(),
            load_balancers=LoadBalancers(pairs=(PAIR,)),
            ecs_services=TWO[:1],
        ),
    }
    whole = {
        platform: Wanted(aws=aws, on_premises=Tags(), auto_rollback=AutoRollback())
        for platform, aws in settings.items()
    }
    broken = {
        rule
        for rule in RULES
        for wrong in WRONGS
        for platform in rule.platforms.intersection(wrong.platforms)
        if rule.broken_by(wrong.change(whole[platform]))
    }

    assert broken == set(RULES)


@given(st.lists(NAMES, max_size=3).map(tuple) | st.none())
def test_a_group_is_copied_only_if_it_is_sent_along(sent):
    if sent is not None and len(sent) == 1:
        check_resent(AwsGroup(blue_green=COPYING), sent)
    else:
        with pytest.raises(Invalid, match="Exactly one AutoScaling group"):
            check_resent(AwsGroup(blue_green=COPYING), sent)
    check_resent(AwsGroup(blue_green=BlueGreen(green_fleet=GreenFleet.DISCOVER_EXISTING)), sent)
    check_resent(AwsGroup(), sent)
