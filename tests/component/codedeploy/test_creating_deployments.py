"""CreateDeployment through boto3: what it takes, what it refuses, and what becomes of it."""

from typing import Any

import pytest

from component.api import worker
from component.api.conftest import HOST_KEY, Service
from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import BLUE_GREEN, ECS, LAMBDA, STYLE, Groups, ec2_filter
from component.codedeploy.test_deployments import ON_STOP, shown
from component.codedeploy.test_revisions import APPSPEC, GITHUB, JSON, S3, SHA256
from tidegate.domain.access import Role
from tidegate.domain.ids import DeploymentId

OTHER = {
    "revisionType": "S3",
    "s3Location": {"bucket": "bundles", "key": "shop/2.tgz", "bundleType": "tgz"},
}
ALL = "CodeDeployDefault.AllAtOnce"
WEB = [{"Key": "role", "Value": "web", "Type": "KEY_AND_VALUE"}]
ALARMS = {"enabled": True, "ignorePollAlarmFailure": False, "alarms": [{"name": "hot"}]}


class Shop:
    """The application `shop` with its group `prod`, and what is deployed there."""

    def __init__(self, aws: Aws, *, platform: str = "Server", **group: Any) -> None:
        self.aws = aws
        self.groups = Groups(aws, platform=platform)
        self.client = self.groups.client
        if platform == "Server":
            group = {"onPremisesInstanceTagFilters": WEB, **group}
        self.groups.create(**group)

    @property
    def service(self) -> Service:
        return self.aws.service

    def with_instance(self, name: str = "web-1") -> str:
        """Register an instance as `aws deploy register` does, and say how it is reached."""
        self.client.register_on_premises_instance(
            instanceName=name, iamUserArn=f"arn:aws:iam::000000000000:user/{name}"
        )
        tags = [{"Key": "role", "Value": "web"}]
        self.client.add_tags_to_on_premises_instances(instanceNames=[name], tags=tags)
        body = {"address": "127.0.0.1", "host_key": HOST_KEY, "tags": {"role": "web"}}
        answer = self.service.ask("PUT", f"/v1/hosts/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return name

    def deploy(self, revision: Any = S3, **said: Any) -> str:
        named = {} if revision is None else {"revision": revision}
        made = self.client.create_deployment(
            **{"applicationName": "shop", "deploymentGroupName": "prod", **named, **said}
        )
        return made["deploymentId"]

    def refuses(self, code: str, revision: Any = S3, **said: Any) -> str:
        return refused(f"{code}Exception", lambda: self.deploy(revision, **said))

    def info(self, id_: str) -> dict[str, Any]:
        return shown(self.client, id_)

    def with_bundle(self, id_: str) -> str:
        """Have the bundle fetched."""
        with self.service.parts.store.write() as uow:
            deployment = uow.deployments.get(DeploymentId(id_))
            uow.catalog.store_bundle(
                deployment.revision_id, size=1, bundle_type="zip", appspec={"hooks": {}}
            )
        return id_

    def carry_out(self, id_: str, *, failing: str = "") -> str:
        """Have a worker carry a deployment out."""
        progress = worker.begin(self.service, self.with_bundle(id_))
        worker.finish(self.service, progress, failing=failing)
        return id_

    def rows(self) -> list[str]:
        return self.client.list_deployments()["deployments"]


@pytest.fixture
def shop(aws: Aws) -> Shop:
    return Shop(aws)


@pytest.fixture
def quick_shop(quick_aws: Aws) -> Shop:
    return Shop(quick_aws)


@pytest.mark.parametrize("revision", [S3, GITHUB])
def test_a_revision_is_registered_with_its_first_deployment(shop: Shop, revision: Any):
    id_ = shop.deploy(revision)

    info = shop.info(id_)
    found = shop.client.get_application_revision(applicationName="shop", revision=revision)
    about = found["revisionInfo"]

    assert info["revision"] == revision
    assert info["status"] == "Created"
    assert about["description"] == f"Application revision registered by Deployment ID: {id_}"
    assert about["registerTime"] == about["firstUsedTime"] == about["lastUsedTime"]
    assert about["registerTime"] == info["createTime"]
    assert "previousRevision" not in info


def test_one_that_is_registered_keeps_its_description(shop: Shop):
    shop.client.register_application_revision(
        applicationName="shop", revision=S3, description="mine"
    )

    shop.deploy()

    about = shop.client.get_application_revision(applicationName="shop", revision=S3)[
        "revisionInfo"
    ]
    assert about["description"] == "mine"
    assert about["registerTime"] <= about["firstUsedTime"]


def test_all_options_are_shown_as_they_were_said(shop: Shop):
    said = {
        "deploymentConfigName": ALL,
        "description": "x" * 256,
        "ignoreApplicationStopFailures": True,
        "updateOutdatedInstancesOnly": True,
        "fileExistsBehavior": "RETAIN",
        "autoRollbackConfiguration": ON_STOP,
        "overrideAlarmConfiguration": ALARMS,
        "ec2DeploymentOptions": {"autoScalingGroupProcessesToSuspend": ["AZRebalance"]},
    }

    info = shop.info(shop.deploy(**said, deploymentMode="STANDARD"))

    assert {name: info[name] for name in said} == said
    assert "deploymentMode" not in info


def test_what_is_not_said_is_the_groups_as_it_was(shop: Shop):
    shop.groups.update(
        deploymentConfigName=ALL,
        autoRollbackConfiguration=ON_STOP,
        loadBalancerInfo={"targetGroupInfoList": [{"name": "web"}]},
        deploymentStyle={
            "deploymentType": "IN_PLACE",
            "deploymentOption": "WITH_TRAFFIC_CONTROL",
        },
        ec2DeploymentOptions={"autoScalingGroupProcessesToSuspend": ["Terminate"]},
        alarmConfiguration=ALARMS,
    )
    info = shop.info(shop.deploy())
    settled = (
        "deploymentConfigName",
        "autoRollbackConfiguration",
        "loadBalancerInfo",
        "deploymentStyle",
        "ec2DeploymentOptions",
    )
    group = shop.groups.get()
    shop.groups.update(loadBalancerInfo={}, deploymentStyle=IN_PLACE)

    assert {name: info[name] for name in settled} == {name: group[name] for name in settled}
    assert "overrideAlarmConfiguration" not in info
    assert shop.info(info["deploymentId"]) == info


IN_PLACE = {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}


def test_both_faces_know_it(shop: Shop):
    id_ = shop.deploy(description="seen by both", fileExistsBehavior="OVERWRITE")

    by_rest = shop.service.get(f"/v1/deployments/{id_}").json()

    assert (by_rest["description"], by_rest["file_exists_behavior"]) == (
        "seen by both",
        "OVERWRITE",
    )
    assert (by_rest["deployment_mode"], by_rest["status_messages"]) == ("STANDARD", [])


def test_a_group_has_one_active_deployment(shop: Shop):
    first = shop.deploy()

    message = shop.refuses("DeploymentLimitExceeded", OTHER)

    assert message == f"The Deployment Group 'prod' already has an active Deployment '{first}'"
    assert shop.groups.get()["lastAttemptedDeployment"]["deploymentId"] == first
    assert shop.rows() == [first]
    refused(
        "RevisionDoesNotExistException",
        shop.client.get_application_revision,
        applicationName="shop",
        revision=OTHER,
    )
    shop.client.stop_deployment(deploymentId=first)
    second = shop.deploy(OTHER)
    assert shop.rows() == [second, first]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ApplicationNameRequired", {"applicationName": ""}),
        ("InvalidApplicationName", {"applicationName": "a/b"}),
        ("ApplicationDoesNotExist", {"applicationName": "none"}),
        ("DeploymentGroupNameRequired", {"deploymentGroupName": ""}),
        ("InvalidDeploymentGroupName", {"deploymentGroupName": "a/b"}),
        ("DeploymentGroupDoesNotExist", {"deploymentGroupName": "none"}),
        ("RevisionRequired", {"revision": None}),
        ("RevisionRequired", {"revision": None, "updateOutdatedInstancesOnly": True}),
        ("RevisionRequired", {"revision": None, "deploymentMode": "RESTART"}),
        ("InvalidRevision", {"revision": {"revisionType": "S3"}}),
        ("InvalidRevision", {"revision": APPSPEC}),
        ("InvalidRevision", {"revision": JSON}),
        ("InvalidRevision", {"deploymentMode": "RESTART"}),
        (
            "InvalidUpdateOutdatedInstancesOnlyValue",
            {"revision": None, "deploymentMode": "RESTART", "updateOutdatedInstancesOnly": True},
        ),
        ("InvalidInput", {"deploymentMode": "restart"}),
        ("InvalidDeploymentConfigName", {"deploymentConfigName": ""}),
        ("InvalidDeploymentConfigName", {"deploymentConfigName": "a/b"}),
        ("InvalidDeploymentConfigName", {"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"}),
        ("DeploymentConfigDoesNotExist", {"deploymentConfigName": "none"}),
        ("DescriptionTooLong", {"description": "x" * 257}),
        ("InvalidFileExistsBehavior", {"fileExistsBehavior": "overwrite"}),
        ("InvalidAutoRollbackConfig", {"autoRollbackConfiguration": {"enabled": True}}),
        ("InvalidAutoRollbackConfig", {"autoRollbackConfiguration": {"events": ["NEVER"]}}),
        ("InvalidAlarmConfig", {"overrideAlarmConfiguration": {"enabled": True}}),
        (
            "AlarmsLimitExceeded",
            {"overrideAlarmConfiguration": {"alarms": [{"name": str(n)} for n in range(51)]}},
        ),
        (
            "InvalidAutoScalingGroupProcessToSuspend",
            {"ec2DeploymentOptions": {"autoScalingGroupProcessesToSuspend": ["Launch"]}},
        ),
        (
            "InvalidAutoScalingGroupProcessToSuspend",
            {
                "ec2DeploymentOptions": {
                    "autoScalingGroupProcessesToSuspend": ["Terminate", "Terminate"]
                }
            },
        ),
        ("InvalidTargetInstances", {"targetInstances": {"tagFilters": WEB}}),
        ("InvalidTargetInstances", {"targetInstances": {}}),
        (
            "InvalidTargetInstances",
            {"targetInstances": {"tagFilters": [ec2_filter(str(n)) for n in range(11)]}},
        ),
        (
            "InvalidTargetInstances",
            {"targetInstances": {"tagFilters": WEB, "ec2TagSet": {"ec2TagSetList": [WEB]}}},
        ),
        ("InvalidTargetInstances", {"targetInstances": {"tagFilters": [{"Type": "KEY_ONLY"}]}}),
        ("InvalidTargetInstances", {"targetInstances": {"autoScalingGroups": ["a", "a"]}}),
    ],
)
def test_what_is_refused_leaves_nothing(quick_shop: Shop, code: str, said: dict[str, Any]):
    quick_shop.refuses(code, **said)

    assert quick_shop.rows() == []
    found = quick_shop.client.list_application_revisions(applicationName="shop")
    assert found["revisions"] == []
    assert "lastAttemptedDeployment" not in quick_shop.groups.get()


def test_without_a_revision_the_sentence_is_that_of_aws(quick_shop: Shop):
    message = quick_shop.refuses("RevisionRequired", None)

    assert message == "RevisionLocation must be specified"


@pytest.mark.parametrize(
    ("platform", "group", "revision"),
    [("Lambda", LAMBDA, APPSPEC), ("ECS", ECS, JSON), ("ECS", ECS, APPSPEC)],
)
def test_where_traffic_is_moved_it_is_stored_shown_and_stopped(
    aws: Aws, platform: str, group: dict[str, Any], revision: Any
):
    shop = Shop(aws, platform=platform, **group)
    id_ = shop.deploy(revision, overrideAlarmConfiguration={"enabled": False})
    worker.advance(aws.service, id_)

    info = shop.info(id_)

    assert (info["status"], info["computePlatform"]) == ("Created", platform)
    assert info["deploymentStyle"] == STYLE
    assert info["deploymentConfigName"] == f"CodeDeployDefault.{platform}AllAtOnce"
    assert f"deployments to {platform} yet" in info["deploymentStatusMessages"][0]
    alarms = info["overrideAlarmConfiguration"]
    assert alarms == {"enabled": False, "ignorePollAlarmFailure": False, "alarms": []}
    assert not {"fileExistsBehavior", "deploymentOverview", "startTime"} & set(info)
    same = ("loadBalancerInfo", "blueGreenDeploymentConfiguration")
    group_info = shop.groups.get()
    assert {name: info.get(name) for name in same} == {name: group_info.get(name) for name in same}
    if revision is APPSPEC:
        expected = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": SHA256}}
        assert info["revision"] == expected
    shop.refuses("DeploymentLimitExceeded", revision)
    code = "DeploymentNotStartedException"
    refused(code, shop.client.list_deployment_targets, deploymentId=id_)
    shop.client.stop_deployment(deploymentId=id_, autoRollbackEnabled=True)
    assert shop.info(id_)["status"] == "Stopped"
    assert shop.client.list_deployment_targets(deploymentId=id_)["targetIds"] == []
    shop.deploy(revision)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("InvalidFileExistsBehavior", {"fileExistsBehavior": "DISALLOW"}),
        ("InvalidIgnoreApplicationStopFailuresValue", {"ignoreApplicationStopFailures": True}),
        ("InvalidUpdateOutdatedInstancesOnlyValue", {"updateOutdatedInstancesOnly": True}),
        ("InvalidTargetInstances", {"targetInstances": {"tagFilters": WEB}}),
        ("InvalidRevision", {"revision": S3}),
        ("InvalidComputePlatform", {"revision": None, "deploymentMode": "RESTART"}),
        ("RevisionDoesNotExist", {"revision": {**APPSPEC, "appSpecContent": {"sha256": SHA256}}}),
        ("InvalidDeploymentConfigName", {"deploymentConfigName": ALL}),
    ],
)
@pytest.mark.parametrize(("platform", "group"), [("Lambda", LAMBDA), ("ECS", ECS)])
def test_where_traffic_is_moved_nothing_is_said_of_servers(
    quick_aws: Aws, platform: str, group: dict[str, Any], code: str, said: dict[str, Any]
):
    shop = Shop(quick_aws, platform=platform, **group)

    message = shop.refuses(code, **{"revision": APPSPEC, **said})

    if code == "InvalidFileExistsBehavior":
        assert message == "For Lambda and ECS deployment, fileExistsBehavior can not be specified"
    assert shop.rows() == []


def test_an_appspec_that_was_sent_before_is_known_by_its_digest(quick_aws: Aws):
    shop = Shop(quick_aws, platform="Lambda", **LAMBDA)
    first = shop.deploy(APPSPEC)
    shop.client.stop_deployment(deploymentId=first)

    second = shop.deploy({**APPSPEC, "appSpecContent": {"sha256": SHA256}})

    assert shop.info(second)["revision"] == shop.info(first)["revision"]


def test_a_group_of_v1_that_lacks_a_service_is_not_deployed_to(quick_aws: Aws):
    client = quick_aws.client()
    client.create_application(applicationName="shop", computePlatform="ECS")
    quick_aws.service.with_group()

    refused(
        "InvalidLoadBalancerInfoException",
        client.create_deployment,
        applicationName="shop",
        deploymentGroupName="prod",
        revision=APPSPEC,
    )


def test_hooks_that_wait_are_not_yet_there(quick_aws: Aws):
    shop = Shop(quick_aws, platform="ECS", **ECS)
    client, id_ = shop.client, shop.deploy(APPSPEC)
    hook, skip = (
        client.put_lifecycle_event_hook_execution_status,
        client.skip_wait_time_for_instance_termination,
    )
    said = {"deploymentId": id_, "lifecycleEventHookExecutionId": "x", "status": "Succeeded"}

    refused("InvalidLifecycleEventHookExecutionIdException", hook, **said)
    for wrong in ({"lifecycleEventHookExecutionId": ""}, {"lifecycleEventHookExecutionId": None}):
        refused("InvalidLifecycleEventHookExecutionIdException", hook, **{**said, **wrong})
    for status in ("Pending", "", None):
        code = "InvalidLifecycleEventHookExecutionStatusException"
        refused(code, hook, **{**said, "status": status})
    code = "DeploymentIsNotInReadyStateException"
    for wait in ({}, {"deploymentWaitType": "TERMINATION_WAIT"}):
        refused(code, client.continue_deployment, deploymentId=id_, **wait)
    code = "InvalidDeploymentWaitTypeException"
    for name in ("READY", ""):
        refused(code, client.continue_deployment, deploymentId=id_, deploymentWaitType=name)
    refused("DeploymentNotStartedException", skip, deploymentId=id_)


def test_replacement_instances_are_shown_where_a_group_discovers_them(quick_aws: Aws):
    settings = {"greenFleetProvisioningOption": {"action": "DISCOVER_EXISTING"}}
    group = {**BLUE_GREEN, "blueGreenDeploymentConfiguration": settings}
    shop = Shop(quick_aws, onPremisesInstanceTagFilters=[], **group)
    said = {"tagFilters": WEB, "autoScalingGroups": ["asg-2"]}

    id_ = shop.deploy(targetInstances=said)

    assert shop.info(id_)["targetInstances"] == said
    shop.client.stop_deployment(deploymentId=id_)
    sets = {"ec2TagSet": {"ec2TagSetList": [WEB, WEB]}}
    assert shop.info(shop.deploy(targetInstances=sets))["targetInstances"] == sets


def test_those_that_copy_a_group_have_no_instances_to_name(quick_aws: Aws):
    shop = Shop(quick_aws, onPremisesInstanceTagFilters=[], **BLUE_GREEN)

    shop.refuses("InvalidTargetInstances", targetInstances={"tagFilters": WEB})
    shop.refuses("InvalidInput", None, deploymentMode="RESTART")


@pytest.mark.parametrize(
    "asks", [{"ec2TagFilters": WEB}, {"autoScalingGroups": ["asg-1"], "ec2TagFilters": []}]
)
def test_ec2_instances_are_not_resolved_yet(quick_aws: Aws, asks: dict[str, Any]):
    shop = Shop(quick_aws, onPremisesInstanceTagFilters=[], **asks)
    id_ = shop.deploy()
    shop.with_bundle(id_)
    worker.advance(quick_aws.service, id_)

    info = shop.info(id_)

    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "NO_INSTANCES")
    assert (
        "EC2 instances, which the group asks for, are not resolved yet by Tidegate."
        in (info["errorInformation"]["message"])
    )
    assert "startTime" not in info


def test_a_deployer_deploys_and_a_viewer_does_not(quick_shop: Shop):
    said = {"applicationName": "shop", "deploymentGroupName": "prod", "revision": S3}
    viewer, deployer = (quick_shop.aws.client(role) for role in (Role.VIEWER, Role.DEPLOYER))

    refused("AccessDeniedException", viewer.create_deployment, **said)
    assert deployer.create_deployment(**said)["deploymentId"] in quick_shop.rows()


def test_success_failure_and_rollback_from_one_end_to_the_other(shop: Shop):
    shop.with_instance()
    first = shop.carry_out(shop.deploy(fileExistsBehavior="OVERWRITE"))
    after_first = shop.groups.get()
    second = shop.carry_out(
        shop.deploy(OTHER, autoRollbackConfiguration=ON_STOP, deploymentConfigName=ALL),
        failing=worker.FAILED_AT,
    )

    failed = shop.info(second)
    third = failed["rollbackInfo"]["rollbackDeploymentId"]
    running = shop.info(third)
    shop.carry_out(third)

    assert after_first["targetRevision"] == S3
    assert after_first["lastSuccessfulDeployment"]["deploymentId"] == first
    assert (failed["status"], failed["previousRevision"]) == ("Failed", S3)
    assert running["revision"] == S3
    assert running["creator"] == "codeDeployRollback"
    assert running["deploymentConfigName"] == ALL
    assert running["fileExistsBehavior"] == "OVERWRITE"
    assert shop.info(third)["status"] == "Succeeded"
    assert shop.info(second)["status"] == "Failed"
    group = shop.groups.get()
    assert group["targetRevision"] == S3
    assert group["lastAttemptedDeployment"]["deploymentId"] == third
    assert group["lastSuccessfulDeployment"]["deploymentId"] == third
    assert shop.rows() == [third, second, first]


def test_a_restart_takes_the_revision_of_the_last_success(shop: Shop):
    shop.with_instance()
    shop.carry_out(shop.deploy())
    shop.carry_out(shop.deploy(OTHER), failing=worker.FAILED_AT)

    id_ = shop.deploy(None, deploymentMode="RESTART", updateOutdatedInstancesOnly=False)

    info = shop.info(id_)
    assert (info["deploymentMode"], info["revision"], info["previousRevision"]) == (
        "RESTART",
        S3,
        S3,
    )
    shop.refuses("InvalidRevision", deploymentMode="RESTART")


def test_a_restart_that_fails_is_rolled_back_by_a_whole_deployment(quick_shop: Shop):
    quick_shop.with_instance()
    quick_shop.carry_out(quick_shop.deploy())
    restart = quick_shop.deploy(None, deploymentMode="RESTART", autoRollbackConfiguration=ON_STOP)

    quick_shop.client.stop_deployment(deploymentId=restart)

    rollback = quick_shop.info(restart)["rollbackInfo"]["rollbackDeploymentId"]
    assert "deploymentMode" not in quick_shop.info(rollback)


def test_only_outdated_instances_get_the_revision_of_the_last_success(quick_shop: Shop):
    quick_shop.with_instance()
    quick_shop.carry_out(quick_shop.deploy())
    quick_shop.with_instance("web-2")

    id_ = quick_shop.deploy(None, updateOutdatedInstancesOnly=True)
    progress = worker.begin(quick_shop.service, id_, target="web-2")
    worker.finish(quick_shop.service, progress)

    assert quick_shop.info(id_)["revision"] == S3
    targets = quick_shop.client.list_deployment_targets(deploymentId=id_)["targetIds"]
    assert targets == ["web-2"]


def test_a_group_deleted_while_it_deploys_leaves_what_runs_to_its_end(quick_shop: Shop):
    quick_shop.with_instance()
    id_ = quick_shop.with_bundle(quick_shop.deploy())
    progress = worker.begin(quick_shop.service, id_)
    quick_shop.groups.delete()

    worker.finish(quick_shop.service, progress)

    info = quick_shop.info(id_)
    assert (info["status"], info["deploymentGroupName"]) == ("Succeeded", "prod")
    assert quick_shop.rows() == [id_]


def test_what_has_not_started_fails_with_its_group(quick_aws: Aws):
    shop = Shop(quick_aws, platform="Lambda", **LAMBDA)
    id_ = shop.deploy(APPSPEC)
    worker.advance(quick_aws.service, id_)
    shop.groups.delete()
    worker.advance(quick_aws.service, id_)

    info = shop.info(id_)

    assert info["errorInformation"]["code"] == "DEPLOYMENT_GROUP_MISSING"
    assert info["status"] == "Failed"
