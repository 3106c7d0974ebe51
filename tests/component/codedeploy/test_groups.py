"""Operations on deployment groups, through boto3: made, shown, listed, renamed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from component.api.conftest import bundle, detail_of
from component.codedeploy.conftest import Aws, refused, seen
from component.codedeploy.groups import (
    BLUE_GREEN,
    ECS,
    FULL,
    LAMBDA,
    ROLE,
    TOPIC,
    Groups,
    ec2_filter,
)
from tidegate.domain.access import Role
from tidegate.domain.deployment import DeploymentEvent
from tidegate.domain.ids import ApplicationId, DeploymentId, RevisionId
from tidegate.domain.revision import Revision, Source, SourceType
from tidegate.store.deployments import Move
from tidegate.store.tables import GroupRow

LONG = "a" * 101
PREFIX = "arn:aws:codedeploy:us-east-1:000000000000"


@pytest.fixture
def groups(aws: Aws) -> Groups:
    return Groups(aws)


def with_many(aws: Aws, application_id: str, count: int) -> list[str]:
    """Write so many groups as rows, and return their names in order."""
    names = [f"group-{number:04}" for number in range(count)]
    settings = {
        "tag_set": [],
        "hosts": [],
        "auto_rollback": {"enabled": False, "events": []},
        "ssh": {},
        "variables": {},
    }
    facts = {
        "application_id": application_id,
        "config_name": "CodeDeployDefault.OneAtATime",
        "settings": settings,
        "service_role_arn": "",
        "aws": {},
        "tags": {},
        "created_at": datetime.now(UTC),
    }
    with aws.service.parts.store.write() as uow:
        rows = [{"id": f"id-{name}", "name": name, **facts} for name in names]
        uow.session.execute(insert(GroupRow), rows)
    return names


def test_a_plain_one_is_shown_with_the_defaults(groups: Groups):
    made = groups.create()

    assert groups.get() == {
        "applicationName": "shop",
        "deploymentGroupId": made["deploymentGroupId"],
        "deploymentGroupName": "prod",
        "deploymentConfigName": "CodeDeployDefault.OneAtATime",
        "computePlatform": "Server",
        "serviceRoleArn": ROLE,
        "ec2TagFilters": [],
        "onPremisesInstanceTagFilters": [],
        "autoScalingGroups": [],
        "triggerConfigurations": [],
        "alarmConfiguration": {"enabled": False, "ignorePollAlarmFailure": False, "alarms": []},
        "autoRollbackConfiguration": {"enabled": False},
        "outdatedInstancesStrategy": "UPDATE",
        "deploymentStyle": {
            "deploymentType": "IN_PLACE",
            "deploymentOption": "WITHOUT_TRAFFIC_CONTROL",
        },
        "terminationHookEnabled": False,
    }


def test_all_that_is_said_is_shown(groups: Groups):
    groups.create(**FULL)

    shown = groups.get()

    expected = {**FULL, "autoScalingGroups": [{"name": "asg-1"}, {"name": "asg-2"}]}
    assert {name: shown[name] for name in expected} == expected
    assert "ec2TagFilters" in shown
    assert "loadBalancerInfo" not in shown


@pytest.mark.parametrize(
    "said",
    [
        {"ec2TagSet": {"ec2TagSetList": [[ec2_filter("a")], [ec2_filter("b"), ec2_filter("c")]]}},
        {"onPremisesTagSet": {"onPremisesTagSetList": [[{"Key": "a", "Type": "KEY_ONLY"}]]}},
        {"onPremisesInstanceTagFilters": [{"Value": "a", "Type": "VALUE_ONLY"}]},
        {"ec2TagFilters": [{"Key": "a", "Value": "", "Type": "KEY_AND_VALUE"}]},
    ],
)
def test_conditions_on_tags_are_shown_as_they_came(groups: Groups, said: dict[str, Any]):
    groups.create(**said)

    shown = groups.get()

    empty = {"ec2TagFilters": [], "onPremisesInstanceTagFilters": []}
    assert {name: shown[name] for name in {**empty, **said}} == {**empty, **said}
    assert {"ec2TagSet", "onPremisesTagSet"} & set(shown) == {
        name for name in said if name.endswith("Set")
    }


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"Key": "a", "Value": "b"}, "KEY_AND_VALUE"),
        ({"Key": "a"}, "KEY_ONLY"),
        ({"Value": "b"}, "VALUE_ONLY"),
    ],
)
def test_a_condition_without_a_type_has_that_of_what_it_says(groups: Groups, said, kind: str):
    groups.create(ec2TagFilters=[said], onPremisesInstanceTagFilters=[said])

    shown = groups.get()

    assert shown["ec2TagFilters"] == [{**said, "Type": kind}]
    assert shown["onPremisesInstanceTagFilters"] == [{**said, "Type": kind}]


def test_an_event_counts_once_however_often_it_is_said(groups: Groups):
    groups.create(
        triggerConfigurations=[{**TOPIC, "triggerEvents": ["InstanceReady", "DeploymentStop"] * 9}],
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"] * 9},
    )
    shown = groups.get()

    (trigger,) = shown["triggerConfigurations"]
    assert trigger["triggerEvents"] == ["InstanceReady", "DeploymentStop"]
    assert shown["autoRollbackConfiguration"]["events"] == ["DEPLOYMENT_FAILURE"]


@pytest.mark.parametrize(("platform", "said"), [("Lambda", LAMBDA), ("ECS", ECS)])
def test_other_platforms_are_moved_with_traffic_control(aws: Aws, platform: str, said):
    groups = Groups(aws, platform=platform)
    groups.create(**said)
    plain = {name: value for name, value in said.items() if name != "deploymentStyle"}
    if platform == "ECS":
        plain["ecsServices"] = [{"clusterName": "main", "serviceName": "other"}]
    groups.create("plain", **plain)

    for name in ("prod", "plain"):
        shown = groups.get(name)
        assert shown["deploymentStyle"] == {
            "deploymentType": "BLUE_GREEN",
            "deploymentOption": "WITH_TRAFFIC_CONTROL",
        }
        assert shown["deploymentConfigName"] == f"CodeDeployDefault.{platform}AllAtOnce"
    assert ("ecsServices" in shown) is (platform == "ECS")


def test_clients_of_ecs_find_both_waits(aws: Aws):
    groups = Groups(aws, platform="ECS")
    ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 5}
    groups.create(**{**ECS, "blueGreenDeploymentConfiguration": {"deploymentReadyOption": ready}})

    assert groups.get()["blueGreenDeploymentConfiguration"] == {
        "deploymentReadyOption": ready,
        "terminateBlueInstancesOnDeploymentSuccess": {
            "action": "TERMINATE",
            "terminationWaitTimeInMinutes": 0,
        },
    }


def test_one_with_a_load_balancer_is_shown_whole(groups: Groups):
    groups.create(**BLUE_GREEN)

    shown = groups.get()

    waits = shown["blueGreenDeploymentConfiguration"]["terminateBlueInstancesOnDeploymentSuccess"]
    assert waits == {"action": "KEEP_ALIVE", "terminationWaitTimeInMinutes": 0}
    assert shown["loadBalancerInfo"] == BLUE_GREEN["loadBalancerInfo"]


def test_what_one_face_makes_the_other_shows(aws: Aws, groups: Groups):
    aws.service.with_host()
    aws.service.with_group("rest", hosts=["web-1"], tag_filters=[[{"key": "a"}], [{"value": "b"}]])
    groups.create(onPremisesInstanceTagFilters=[{"Key": "role", "Value": "web"}])

    shown = groups.get("rest")
    by_rest = aws.service.get("/v1/applications/shop/deployment-groups/prod").json()

    assert "serviceRoleArn" not in shown
    assert shown["onPremisesTagSet"]["onPremisesTagSetList"] == [
        [{"Key": "a", "Type": "KEY_ONLY"}],
        [{"Value": "b", "Type": "VALUE_ONLY"}],
    ]
    assert by_rest["id"] == groups.get()["deploymentGroupId"]
    assert by_rest["tag_filters"] == [[{"key": "role", "value": "web", "type": "KEY_AND_VALUE"}]]
    groups.update("rest", deploymentConfigName="CodeDeployDefault.AllAtOnce")
    rest = aws.service.get("/v1/applications/shop/deployment-groups/rest").json()
    assert (rest["hosts"], rest["deployment_config"]) == (["web-1"], "CodeDeployDefault.AllAtOnce")


def test_v1_leaves_alone_what_it_cannot_say(aws: Aws, groups: Groups):
    groups.create(**FULL)
    before = groups.get()

    path = "/v1/applications/shop/deployment-groups/prod"
    assert aws.service.ask("PUT", path, json={"tag_filters": [[{"key": "new"}]]}).status_code == 200

    after = groups.get()
    assert after.pop("onPremisesInstanceTagFilters") == [{"Key": "new", "Type": "KEY_ONLY"}]
    mutual = ("onPremisesInstanceTagFilters", "autoRollbackConfiguration", "deploymentConfigName")
    for name in set(before) - set(mutual):
        assert after[name] == before[name]


def test_neither_face_mixes_hosts_and_blue_green(aws: Aws, groups: Groups):
    aws.service.with_host()
    aws.service.with_group("rest", hosts=["web-1"])
    groups.create(**BLUE_GREEN)
    path = "/v1/applications/shop/deployment-groups/prod"

    groups.refuses_update("InvalidInputException", "rest", **BLUE_GREEN)
    for body in ({"hosts": ["web-1"]}, {"tag_filters": [[{"key": "a"}]]}):
        detail = detail_of(aws.service.ask("PUT", path, json=body), 422)
        assert detail == "On-premises instances cannot take part in a BLUE_GREEN deployment."


def test_tags_come_with_it_and_follow_its_name(aws: Aws, groups: Groups):
    groups.create(tags=[{"Key": "team", "Value": "blue"}])
    groups.update(newDeploymentGroupName="store")

    arn = f"{PREFIX}:deploymentgroup:shop/store"
    assert groups.client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "team", "Value": "blue"}
    ]
    assert "tags" not in groups.get("store")


def test_last_deployments_appear_with_the_first(aws: Aws, groups: Groups):
    aws.service.with_host()
    aws.service.with_group("rest", hosts=["web-1"])
    assert not {name for name in groups.get("rest") if name.startswith("last")}
    revision = aws.service.upload("shop", bundle()).json()["id"]

    id_ = aws.service.deploy(revision, deployment_group="rest")

    last = groups.get("rest")["lastAttemptedDeployment"]
    assert (last["deploymentId"], last["status"]) == (id_, "Created")
    assert "endTime" not in last
    assert "lastSuccessfulDeployment" not in groups.get("rest")


def test_the_last_success_and_its_revision_are_shown(aws: Aws, groups: Groups):
    aws.service.with_host()
    aws.service.with_group("rest", hosts=["web-1"])
    source = Source(type=SourceType.S3, sha256="a" * 64, bucket="b", key="k.zip", version="v1")
    with aws.service.parts.store.write() as uow:
        revision = Revision(
            id=RevisionId("r-1"),
            application_id=ApplicationId(groups.application_id),
            application="shop",
            source=source,
            size=1,
            bundle_type="zip",
            appspec={},
            registered_at=uow.now(),
        )
        uow.catalog.add_revision(revision)
    id_ = aws.service.deploy("r-1", deployment_group="rest")
    with aws.service.parts.store.write() as uow:
        deployment = uow.deployments.lock(DeploymentId(id_))
        for event in (DeploymentEvent.START, DeploymentEvent.SUCCEED):
            move = Move(event=event, at=uow.now(), actor="tester")
            deployment = uow.deployments.on(deployment, move)
        uow.deployments.free_slot(deployment, succeeded=True)

    shown = groups.get("rest")

    assert shown["targetRevision"] == {
        "revisionType": "S3",
        "s3Location": {"bucket": "b", "key": "k.zip", "version": "v1", "bundleType": "zip"},
    }
    last = shown["lastSuccessfulDeployment"]
    assert last == shown["lastAttemptedDeployment"]
    assert (last["deploymentId"], last["status"]) == (id_, "Succeeded")
    assert last["createTime"] <= last["endTime"]
    batch = groups.client.batch_get_deployment_groups(
        applicationName="shop", deploymentGroupNames=["rest"]
    )
    assert batch["deploymentGroupsInfo"] == [shown]


def test_an_unknown_one_is_not_shown(groups: Groups):
    get = groups.client.get_deployment_group
    message = refused(
        "DeploymentGroupDoesNotExistException",
        get,
        applicationName="shop",
        deploymentGroupName="nope",
    )

    assert message == "No Deployment Group found for name: nope"
    for code, application, group in (
        ("ApplicationNameRequiredException", "", "prod"),
        ("InvalidApplicationNameException", LONG, "prod"),
        ("ApplicationDoesNotExistException", "none", "prod"),
        ("DeploymentGroupNameRequiredException", "shop", ""),
        ("InvalidDeploymentGroupNameException", "shop", "a/b"),
    ):
        refused(code, get, applicationName=application, deploymentGroupName=group)


def test_pages_go_on_beyond_what_changes_between_them(aws: Aws, groups: Groups):
    names = with_many(aws, groups.application_id, 260)
    list_ = groups.client.list_deployment_groups
    first = list_(applicationName="shop")
    groups.create("group-0050a")
    groups.create("group-0150a")
    groups.delete("group-0099")
    rest = seen(
        lambda **token: list_(applicationName="shop", **{"nextToken": first["nextToken"], **token}),
        "deploymentGroups",
    )

    assert first["applicationName"] == "shop"
    assert first["deploymentGroups"] == names[:100]
    assert rest == [*names[100:151], "group-0150a", *names[151:]]
    paginator = groups.client.get_paginator("list_deployment_groups")
    pages = paginator.paginate(applicationName="shop")
    assert len([name for page in pages for name in page["deploymentGroups"]]) == 261


def test_what_cannot_be_listed(groups: Groups):
    list_ = groups.client.list_deployment_groups

    refused("ApplicationNameRequiredException", list_)
    refused("InvalidApplicationNameException", list_, applicationName="a b")
    refused("ApplicationDoesNotExistException", list_, applicationName="none")
    refused("InvalidNextTokenException", list_, applicationName="shop", nextToken="x")


def test_several_are_shown_and_the_unknown_named(aws: Aws, groups: Groups):
    names = with_many(aws, groups.application_id, 101)

    def batch(*wanted: str, application: str = "shop") -> Any:
        return groups.client.batch_get_deployment_groups(
            applicationName=application, deploymentGroupNames=list(wanted)
        )

    shown = batch(names[3], "none", names[1], "nobody")

    infos = shown["deploymentGroupsInfo"]
    assert [one["deploymentGroupName"] for one in infos] == [names[3], names[1]]
    assert shown["errorMessage"] == "No Deployment Group found for name: none, nobody"
    whole = batch(*names[:100])
    assert (len(whole["deploymentGroupsInfo"]), whole["errorMessage"]) == (100, "")
    for code, wanted, application in (
        ("ApplicationNameRequiredException", names[:1], ""),
        ("InvalidApplicationNameException", names[:1], "a b"),
        ("ApplicationDoesNotExistException", names[:1], "none"),
        ("DeploymentGroupNameRequiredException", [], "shop"),
        ("DeploymentGroupNameRequiredException", [""], "shop"),
        ("InvalidDeploymentGroupNameException", ["a b"], "shop"),
        ("BatchLimitExceededException", names, "shop"),
    ):
        refused(code, lambda w=wanted, a=application: batch(*w, application=a))


def test_a_thousand_are_enough(aws: Aws, groups: Groups):
    with_many(aws, groups.application_id, 1000)

    groups.refuses("DeploymentGroupLimitExceededException", "one-more")
    groups.delete("group-0000")
    groups.create("one-more")


def test_a_viewer_sees_and_changes_nothing(aws: Aws, groups: Groups):
    groups.create(triggerConfigurations=[TOPIC])
    viewer = Groups(aws, client=aws.client(Role.VIEWER))

    assert viewer.get()["triggerConfigurations"] == [TOPIC]
    refused("AccessDeniedException", viewer.delete)
