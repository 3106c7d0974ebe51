"""Operations on deployments, through boto3: shown, listed, stopped."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from component.api import worker
from component.api.conftest import Service
from component.codedeploy.conftest import Aws, refused, seen
from component.codedeploy.groups import Groups
from component.engine.test_listing import a_row
from tidegate.domain.access import Role
from tidegate.domain.ids import DeploymentId
from tidegate.store.tables import DeploymentRow
from tidegate_api.cursors import write_cursor

NOBODY = "d-NOBODY000"
ON_STOP = {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_FAILURE"]}
NO_MORE = "No more commands will be scheduled for execution in the deployment instances"


@pytest.fixture
def service(aws: Aws) -> Service:
    return aws.service


def shown(codedeploy: Any, id_: str) -> dict[str, Any]:
    return codedeploy.get_deployment(deploymentId=id_)["deploymentInfo"]


def again(service: Service, id_: str, **more: Any) -> str:
    """Deploy the revision of another deployment."""
    return service.deploy(service.get(f"/v1/deployments/{id_}").json()["revision"], **more)


def with_rows(aws: Aws, count: int, **changes: Any) -> list[str]:
    """Write so many deployments of long ago; return their ids, newest first."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        a_row(number, at + timedelta(seconds=number // 3), "Failed", **changes)
        for number in range(count)
    ]
    with aws.service.parts.store.write() as uow:
        uow.session.execute(insert(DeploymentRow), rows)
    return [row["id"] for row in reversed(rows)]


def test_a_new_one_shows_what_it_goes_by_and_nothing_that_has_not_happened(
    service: Service, codedeploy: Any
):
    id_ = service.with_deployment()

    info = shown(codedeploy, id_)

    assert (datetime.now(UTC) - info.pop("createTime")) < timedelta(minutes=5)
    assert info == {
        "applicationName": "shop",
        "deploymentGroupName": "prod",
        "deploymentConfigName": "CodeDeployDefault.OneAtATime",
        "deploymentId": id_,
        "status": "Created",
        "creator": "user",
        "ignoreApplicationStopFailures": False,
        "autoRollbackConfiguration": {"enabled": False},
        "updateOutdatedInstancesOnly": False,
        "deploymentStyle": {
            "deploymentType": "IN_PLACE",
            "deploymentOption": "WITHOUT_TRAFFIC_CONTROL",
        },
        "instanceTerminationWaitTimeStarted": False,
        "fileExistsBehavior": "DISALLOW",
        "deploymentStatusMessages": [],
        "computePlatform": "Server",
    }


def test_one_that_succeeds_counts_its_targets_and_ends(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    progress = worker.begin(service, id_)

    running = shown(codedeploy, id_)
    worker.finish(service, progress)
    ended = shown(codedeploy, id_)

    nobody = dict.fromkeys(["Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"], 0)
    assert running["status"] == "InProgress"
    assert running["deploymentOverview"] == {**nobody, "InProgress": 1}
    assert "completeTime" not in running
    assert ended["status"] == "Succeeded"
    assert ended["deploymentOverview"] == {**nobody, "Succeeded": 1}
    assert ended["createTime"] <= ended["startTime"] <= ended["completeTime"]
    assert not {"errorInformation", "rollbackInfo"} & set(ended)


def test_a_failure_says_why_and_that_nothing_was_rolled_back(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    worker.finish(service, worker.begin(service, id_), failing=worker.FAILED_AT)

    info = shown(codedeploy, id_)

    assert info["status"] == "Failed"
    assert info["errorInformation"]["code"] == "HEALTH_CONSTRAINTS"
    assert info["errorInformation"]["message"].startswith("The overall deployment failed because")
    assert info["rollbackInfo"] == {}
    assert info["deploymentOverview"]["Failed"] == 1


def test_a_rollback_and_what_it_rolls_back_name_each_other(service: Service, codedeploy: Any):
    first = service.with_deployment()
    worker.finish(service, worker.begin(service, first))
    second = again(service, first, auto_rollback=ON_STOP)
    worker.finish(service, worker.begin(service, second), failing=worker.FAILED_AT)

    failed = shown(codedeploy, second)["rollbackInfo"]
    rollback = shown(codedeploy, failed["rollbackDeploymentId"])

    third = rollback["deploymentId"]
    assert failed == {
        "rollbackDeploymentId": third,
        "rollbackMessage": f"Deployment {second} terminated. Automatic rollback is triggered with "
        f"a DeploymentId {third}.",
    }
    assert rollback["creator"] == "codeDeployRollback"
    assert rollback["rollbackInfo"] == {
        "rollbackTriggeringDeploymentId": second,
        "rollbackMessage": f"Deployment {third} is triggered to roll back deployment {second}.",
    }


def test_a_batch_leaves_out_whom_nobody_knows(service: Service, codedeploy: Any):
    first = service.with_deployment()
    worker.finish(service, worker.begin(service, first))
    second = again(service, first)
    get = codedeploy.batch_get_deployments

    found = get(deploymentIds=[second, NOBODY, first, second])["deploymentsInfo"]

    assert found == [shown(codedeploy, second), shown(codedeploy, first)]
    assert get(deploymentIds=[NOBODY])["deploymentsInfo"] == []
    refused("DeploymentIdRequiredException", get, deploymentIds=[])
    refused("InvalidDeploymentIdException", get, deploymentIds=[first, "d-1"])
    refused("BatchLimitExceededException", get, deploymentIds=[first] * 101)
    assert len(get(deploymentIds=[first] * 100)["deploymentsInfo"]) == 1


@pytest.mark.parametrize(
    "operation",
    [
        "get_deployment",
        "stop_deployment",
        "continue_deployment",
        "skip_wait_time_for_instance_termination",
        "put_lifecycle_event_hook_execution_status",
        "list_deployment_targets",
        "list_deployment_instances",
        "get_deployment_target",
        "get_deployment_instance",
        "batch_get_deployment_targets",
        "batch_get_deployment_instances",
    ],
)
def test_what_is_no_deployment_of_this_region_is_told(quick_aws: Aws, operation: str):
    id_ = quick_aws.service.with_deployment()
    client, abroad = quick_aws.client(), quick_aws.client(region="eu-west-1")
    more: dict[str, Any] = {
        "put_lifecycle_event_hook_execution_status": {
            "lifecycleEventHookExecutionId": "x",
            "status": "Failed",
        },
        "get_deployment_target": {"targetId": "web-1"},
        "get_deployment_instance": {"instanceId": "web-1"},
        "batch_get_deployment_targets": {"targetIds": ["web-1"]},
        "batch_get_deployment_instances": {"instanceIds": ["web-1"]},
    }.get(operation, {})
    call, there = getattr(client, operation), getattr(abroad, operation)

    refused("DeploymentIdRequiredException", call, deploymentId="", **more)
    refused("DeploymentIdRequiredException", call, **more)
    refused("InvalidDeploymentIdException", call, deploymentId="d-lower0000", **more)
    for where, whom in ((call, NOBODY), (there, id_)):
        message = refused("DeploymentDoesNotExistException", where, deploymentId=whom, **more)
        assert message == f"The deployment {whom} could not be found"


def test_lists_are_filtered_by_group_status_and_time(aws: Aws, codedeploy: Any):
    service, list_ = aws.service, codedeploy.list_deployments
    first = service.with_deployment()
    worker.finish(service, worker.begin(service, first))
    second = again(service, first)
    service.with_group("other", hosts=["web-1"])
    third = again(service, first, deployment_group="other")
    ours = {"applicationName": "shop", "deploymentGroupName": "prod"}
    created = shown(codedeploy, second)["createTime"]

    assert list_()["deployments"] == [third, second, first]
    assert list_(**ours)["deployments"] == [second, first]
    assert list_(**ours, includeOnlyStatuses=["Succeeded"])["deployments"] == [first]
    assert list_(includeOnlyStatuses=["Created", "Succeeded"])["deployments"] == [
        third,
        second,
        first,
    ]
    assert list_(includeOnlyStatuses=["Baking"])["deployments"] == []
    same = {"start": created, "end": created}
    assert second in list_(createTimeRange=same)["deployments"]
    assert first in list_(createTimeRange={"end": created})["deployments"]
    assert list_(createTimeRange={"end": created - timedelta(days=1)})["deployments"] == []
    assert third in list_(createTimeRange={"start": created})["deployments"]
    assert list_(externalId="stack")["deployments"] == []
    assert aws.client(region="eu-west-1").list_deployments()["deployments"] == []


def test_history_follows_new_names_and_not_the_old_ones(aws: Aws, codedeploy: Any):
    id_ = aws.service.with_deployment()
    Groups(aws, client=codedeploy).update(newDeploymentGroupName="live")
    codedeploy.update_application(applicationName="shop", newApplicationName="store")
    aws.service.with_application()
    aws.service.with_group()

    def listed(application: str, group: str) -> list[str]:
        names = {"applicationName": application, "deploymentGroupName": group}
        by_rest = {"application": application, "deployment_group": group}
        items = aws.service.get("/v1/deployments", params=by_rest).json()["items"]
        found = codedeploy.list_deployments(**names)["deployments"]
        assert [one["id"] for one in items] == found
        return found

    assert listed("store", "live") == [id_]
    assert listed("shop", "prod") == []
    info = shown(codedeploy, id_)
    assert (info["applicationName"], info["deploymentGroupName"]) == ("store", "live")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("DeploymentGroupNameRequiredException", {"applicationName": "shop"}),
        ("ApplicationNameRequiredException", {"deploymentGroupName": "prod"}),
        (
            "InvalidApplicationNameException",
            {"applicationName": "a/b", "deploymentGroupName": "prod"},
        ),
        (
            "InvalidDeploymentGroupNameException",
            {"applicationName": "shop", "deploymentGroupName": "a/b"},
        ),
        (
            "ApplicationDoesNotExistException",
            {"applicationName": "none", "deploymentGroupName": "prod"},
        ),
        (
            "DeploymentGroupDoesNotExistException",
            {"applicationName": "shop", "deploymentGroupName": "none"},
        ),
        ("InvalidDeploymentStatusException", {"includeOnlyStatuses": ["Failed", "failed"]}),
        ("InvalidTimeRangeException", {"createTimeRange": {"start": 2.0, "end": 1.0}}),
        ("InvalidNextTokenException", {"nextToken": "x"}),
        (
            "InvalidNextTokenException",
            {"nextToken": write_cursor(["ListDeployments", "2026", "x"])},
        ),
        (
            "InvalidNextTokenException",
            {"nextToken": write_cursor(["ListDeployments", "0001-01-01T00:00:00+14:00", "x"])},
        ),
        (
            "InvalidNextTokenException",
            {"nextToken": write_cursor(["ListApplications", "2026-01-01T00:00:00+00:00", "x"])},
        ),
        ("InvalidExternalIdException", {"externalId": ""}),
        ("InvalidExternalIdException", {"externalId": "x" * 1025}),
        ("InvalidInputException", {"externalId": "x", "includeOnlyStatuses": ["Failed"]}),
    ],
)
def test_what_cannot_be_listed(quick_aws: Aws, code: str, said: dict[str, Any]):
    quick_aws.service.with_deployment()

    refused(code, quick_aws.client().list_deployments, **said)


def test_pages_go_on_beyond_what_is_made_between_them(aws: Aws, codedeploy: Any):
    ids = with_rows(aws, 260)
    list_ = codedeploy.list_deployments

    first = list_(includeOnlyStatuses=["Failed", "Created"])
    new = aws.service.with_deployment()
    token = first["nextToken"]
    rest = seen(
        lambda **more: list_(
            includeOnlyStatuses=["Failed", "Created"], **{"nextToken": token, **more}
        ),
        "deployments",
    )

    assert first["deployments"] == ids[:100]
    assert rest == ids[100:]
    assert seen(list_, "deployments") == [new, *ids]
    pages = codedeploy.get_paginator("list_deployments").paginate()
    assert len([id_ for page in pages for id_ in page["deployments"]]) == 261


def test_stopping_ends_it_at_once_and_a_second_time_is_refused(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    worker.begin(service, id_)

    answer = codedeploy.stop_deployment(deploymentId=id_)

    assert (answer["status"], answer["statusMessage"]) == ("Succeeded", NO_MORE)
    info = shown(codedeploy, id_)
    assert (info["status"], info["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert info["rollbackInfo"] == {}
    assert info["completeTime"]
    refused("DeploymentAlreadyCompletedException", codedeploy.stop_deployment, deploymentId=id_)


@pytest.mark.parametrize(
    ("configured", "said", "is_rolled_back"),
    [
        (False, {}, False),
        (True, {}, True),
        (False, {"autoRollbackEnabled": True}, True),
        (True, {"autoRollbackEnabled": False}, False),
    ],
)
def test_a_stop_is_followed_by_a_rollback_where_it_should(
    quick_aws: Aws, configured: bool, said: dict[str, bool], is_rolled_back: bool
):
    service, client = quick_aws.service, quick_aws.client()
    first = service.with_deployment()
    worker.finish(service, worker.begin(service, first))
    second = again(service, first, **({"auto_rollback": ON_STOP} if configured else {}))

    client.stop_deployment(deploymentId=second, **said)

    info = shown(client, second)["rollbackInfo"]
    assert ("rollbackDeploymentId" in info) is is_rolled_back
    if is_rolled_back:
        assert shown(client, info["rollbackDeploymentId"])["status"] == "Created"


def test_stopping_the_first_with_a_rollback_says_why_there_is_none(
    service: Service, codedeploy: Any
):
    id_ = service.with_deployment()

    codedeploy.stop_deployment(deploymentId=id_, autoRollbackEnabled=True)

    info = shown(codedeploy, id_)
    assert list(info["rollbackInfo"]) == ["rollbackMessage"]
    assert "no successful deployment" in info["rollbackInfo"]["rollbackMessage"]
    assert "deploymentOverview" not in info


def test_what_was_deployed_to_what_is_gone_stays_readable(aws: Aws, codedeploy: Any):
    id_ = aws.service.with_deployment()
    worker.finish(aws.service, worker.begin(aws.service, id_))

    codedeploy.delete_application(applicationName="shop")

    assert shown(codedeploy, id_)["applicationName"] == "shop"
    assert codedeploy.list_deployments()["deployments"] == [id_]


def test_nothing_in_place_waits(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    hook = {"lifecycleEventHookExecutionId": "x", "status": "Succeeded"}
    code = "UnsupportedActionForDeploymentTypeException"
    skip = codedeploy.skip_wait_time_for_instance_termination
    hook_status = codedeploy.put_lifecycle_event_hook_execution_status

    refused(code, codedeploy.continue_deployment, deploymentId=id_)
    refused(code, skip, deploymentId=id_)
    refused(code, hook_status, deploymentId=id_, **hook)
    codedeploy.stop_deployment(deploymentId=id_)
    code = "DeploymentAlreadyCompletedException"
    refused(code, codedeploy.continue_deployment, deploymentId=id_)
    refused(code, skip, deploymentId=id_)


def test_a_viewer_reads_and_a_deployer_stops(quick_aws: Aws):
    id_ = quick_aws.service.with_deployment()
    viewer, deployer = quick_aws.client(Role.VIEWER), quick_aws.client(Role.DEPLOYER)

    assert shown(viewer, id_)["status"] == "Created"
    refused("AccessDeniedException", viewer.stop_deployment, deploymentId=id_)
    deployer.stop_deployment(deploymentId=id_)

    with quick_aws.service.parts.store.read() as uow:
        stopped = uow.history.after(DeploymentId(id_), 0, limit=10)[-1].transition
    assert (stopped.actor, stopped.reason) == ("deployer", "Stopped by deployer.")
