"""Creating deployments: what is written, and each refusal."""

import pytest

from component.engine.system import ONE
from tidegate.domain.alarms import Alarms, Comparison, PrometheusCheck
from tidegate.domain.aws_group import (
    BLUE_GREEN,
    AwsGroup,
    BlueGreen,
    EcsService,
    LoadBalancers,
    OutdatedInstances,
    TargetGroupPair,
    TerminateBlue,
    Trigger,
    TriggerEvent,
    WhenReady,
)
from tidegate.domain.configs import (
    DeploymentConfig,
    MinimumHealthy,
    MinimumHealthyType,
)
from tidegate.domain.deployment import (
    ComputePlatform,
    DeploymentOptions,
    DeploymentStatus,
)
from tidegate.domain.ec2 import ScalingProcess
from tidegate.domain.errors import (
    ApplicationNotFound,
    ConfigNotFound,
    DeploymentActive,
    GroupNotFound,
    Invalid,
    RevisionNotFound,
)
from tidegate.domain.ids import RevisionId
from tidegate.domain.tag_filters import TagFilter, TagFilterType, Tags
from tidegate.engine.deployments import DeploymentRequest, create_deployment
from tidegate.messages import ADVANCE

PAIR = TargetGroupPair(target_groups=("blue", "green"), prod_listeners=("arn:listener",))
AWS = {
    ComputePlatform.LAMBDA: AwsGroup(style=BLUE_GREEN),
    ComputePlatform.ECS: AwsGroup(
        style=BLUE_GREEN,
        blue_green=BlueGreen(terminate=TerminateBlue(), ready=WhenReady()),
        load_balancers=LoadBalancers(pairs=(PAIR,)),
        ecs_services=(EcsService(cluster="main", service="web"),),
    ),
}
LONG = DeploymentOptions(description="x" * 257)

DB = TagFilter(TagFilterType.KEY_AND_VALUE, "role", "db")


def create(system, revision, application="shop", group="prod", **more):
    request = DeploymentRequest(
        application=application, group=group, revision_id=RevisionId(revision), **more
    )
    with system.store.write() as uow:
        return create_deployment(request, uow=uow, actor="tester")


def test_a_new_deployment_is_created_and_its_advance_sent(system):
    shop = system.shop("web-1")

    id_ = shop.deploy("one")

    deployment = shop.deployment(id_)
    assert deployment.status is DeploymentStatus.CREATED
    assert deployment.previous_revision_id is None
    assert system.waiting() == [ADVANCE]
    (created,) = system.history(id_)
    assert (created.number, created.transition.actor) == (1, "tester")


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ({"application": "none"}, ApplicationNotFound),
        ({"group": "none"}, GroupNotFound),
        ({"revision": "r-none"}, RevisionNotFound),
        ({"config_name": "none"}, ConfigNotFound),
        ({"config_name": "CodeDeployDefault.ECSAllAtOnce"}, Invalid),
        ({"options": LONG}, Invalid),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(system, request_, refusal):
    revision = system.shop("web-1").revision("one")

    with pytest.raises(refusal):
        create(system, **{"revision": revision, **request_})

    with system.store.read() as uow:
        assert uow.deployments.page() == []
        assert uow.catalog.group("shop", "prod").active_deployment_id is None
    assert system.waiting() == []


def test_a_second_active_deployment_is_refused_by_the_name_of_the_first(system):
    shop = system.shop("web-1")
    first = shop.deploy("one")

    with pytest.raises(DeploymentActive, match=first):
        shop.deploy("two")


def test_with_nobody_to_deploy_to_it_fails_and_says_what_was_asked_for(system):
    shop = system.shop("web-1", tag_set=((DB,),))

    id_ = shop.deploy("one")
    system.settle()

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Failed", "NO_INSTANCES")
    assert "tags (role=db)" in deployment.error_message
    assert deployment.started_at is None
    shop.deploy("two")


def test_without_ec2_instances_hosts_are_deployed_to_all_the_same(system):
    system.instances.groups.add("asg-1")
    shop = system.shop("web-1", aws=AwsGroup(auto_scaling_groups=("asg-1",)))

    id_ = shop.deploy("one")
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert shop.statuses(id_) == {"web-1": "Succeeded"}


def test_what_only_awss_api_says_is_kept_with_the_deployment(system):
    aws = AwsGroup(
        style=BLUE_GREEN,
        alarms=Alarms(
            enabled=True,
            names=("hot",),
            checks=(
                PrometheusCheck(
                    name="slow", query="p99", comparison=Comparison.AT_LEAST, threshold=0.5
                ),
            ),
        ),
        triggers=(Trigger(name="t", topic_arn="arn", events=(TriggerEvent.DEPLOYMENT_START,)),),
        blue_green=BlueGreen(ready=WhenReady(), terminate=TerminateBlue()),
        load_balancers=LoadBalancers(elbs=("elb",)),
        ec2_tags=Tags(sets=((DB,),)),
        suspended_processes=(ScalingProcess.TERMINATE,),
        outdated_instances=OutdatedInstances.IGNORE,
    )
    shop = system.shop("web-1", aws=aws)

    id_ = shop.deploy("one")

    with system.store.read() as uow:
        assert uow.deployments.group_settings(id_)["aws"] == aws
        assert uow.catalog.group("shop", "prod").aws == aws


def test_a_config_under_which_nobody_may_go_fails_before_anything_is_touched(system):
    shop = system.shop("web-1", "web-2")
    minimum = MinimumHealthy(MinimumHealthyType.HOST_COUNT, 2)
    config = DeploymentConfig(
        name="two", compute_platform=ComputePlatform.SERVER, minimum_healthy=minimum
    )
    with system.store.write() as uow:
        uow.catalog.add_config(config, at=uow.now())

    id_ = shop.deploy("one", config_name="two")
    system.settle()

    assert shop.deployment(id_).error_code == "HEALTH_CONSTRAINTS_INVALID"
    assert shop.statuses(id_) == {}


def test_the_rollback_wish_and_the_config_of_the_request_win(system):
    shop = system.shop("web-1", config="CodeDeployDefault.AllAtOnce")

    id_ = shop.deploy("one", config_name=ONE)

    assert shop.deployment(id_).config_name == ONE
