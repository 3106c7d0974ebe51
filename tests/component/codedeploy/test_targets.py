"""Operations on targets, through boto3, also under their old name of instances."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from component.api import worker
from component.api.conftest import Service
from component.codedeploy.conftest import Aws, refused, seen
from component.codedeploy.shops import Shop
from component.engine.test_listing import a_row
from tidegate.domain.lifecycle import HOST_EVENTS, HOST_SEGMENT
from tidegate.messages import COMPLETE, RUN_HOOKS
from tidegate.store.outbox import Message
from tidegate.store.tables import DeploymentRow, TargetRow
from tidegate.testing.fake_broker import FakeBroker
from tidegate.testing.fake_host import FakeHosts
from tidegate.testing.fake_worker import FakeArtifacts, FakeWorker
from tidegate_api.cursors import write_cursor

MANY = "d-000000001"
WELL = {"errorCode": "Success", "scriptName": "", "message": "Succeeded", "logTail": ""}
LOG = "LifecycleEvent - AfterInstall\nScript - scripts/a.sh\n[stderr]no such thing: \N{SNOWMAN}\n"


@pytest.fixture
def service(aws: Aws) -> Service:
    return aws.service


def with_many(aws: Aws, count: int, **deployment: Any) -> list[str]:
    """Write a deployment with so many targets; return their names in order."""
    at = datetime.now(UTC)
    names = [f"web-{number:03}" for number in range(count)]
    facts = {
        "deployment_id": MANY,
        "host_id": "gone",
        "segment": "s",
        "dispatched": True,
        "attempt": 1,
        "sends": 1,
        "segment_done": True,
        "cancel_requested": False,
        "lost": False,
        "journal_offset": 0,
        "message": "",
        "last_updated_at": at,
    }
    rows = [
        {**facts, "target_id": name, "position": at, "status": "Failed" if at % 2 else "Succeeded"}
        for at, name in enumerate(names)
    ]
    with aws.service.parts.store.write() as uow:
        row = a_row(1, at, "Failed", started_at=at, **deployment)
        uow.session.execute(insert(DeploymentRow), [row])
        if rows:
            uow.session.execute(insert(TargetRow), rows)
    return names


def arn_of(codedeploy: Any, name: str = "web-1") -> str:
    return codedeploy.get_on_premises_instance(instanceName=name)["instanceInfo"]["instanceArn"]


def target_of(codedeploy: Any, id_: str, name: str = "web-1") -> dict[str, Any]:
    target = codedeploy.get_deployment_target(deploymentId=id_, targetId=name)["deploymentTarget"]
    assert target["deploymentTargetType"] == "InstanceTarget"
    return target["instanceTarget"]


def test_a_running_target_has_all_its_events_in_order(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    worker.begin(service, id_)

    target = target_of(codedeploy, id_)

    assert target.pop("lastUpdatedAt")
    assert target == {
        "deploymentId": id_,
        "targetId": "web-1",
        "targetArn": arn_of(codedeploy),
        "status": "InProgress",
        "lifecycleEvents": [
            {"lifecycleEventName": name, "status": "Pending"} for name in HOST_EVENTS
        ],
    }


def test_a_failed_target_tells_where_and_why(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    progress = worker.begin(service, id_)
    worker.report(service, progress, worker.log(worker.FAILED_AT, 0, LOG.encode()))
    worker.finish(service, progress, failing=worker.FAILED_AT)

    target = target_of(codedeploy, id_)
    events = {one["lifecycleEventName"]: one for one in target["lifecycleEvents"]}

    assert target["status"] == "Failed"
    assert list(events) == list(HOST_EVENTS)
    assert events["Install"]["diagnostics"] == WELL
    assert events["Install"]["startTime"] <= events["Install"]["endTime"]
    assert events["AfterInstall"]["status"] == "Failed"
    assert events["AfterInstall"]["diagnostics"] == {
        "errorCode": "ScriptFailed",
        "scriptName": "scripts/a.sh",
        "message": "exit 3",
        "logTail": LOG,
    }
    assert events["ValidateService"]["status"] == "Skipped"
    assert set(events["ValidateService"]) == {"lifecycleEventName", "status", "endTime"}
    assert target["lastUpdatedAt"]


def test_of_a_long_log_the_end_is_shown_in_whole_characters(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    progress = worker.begin(service, id_)
    lines = "".join(f"{number:04} \N{SNOWMAN}\n" for number in range(3000))
    worker.report(service, progress, worker.log(worker.FAILED_AT, 0, lines.encode()))
    worker.finish(service, progress, failing=worker.FAILED_AT)

    events = target_of(codedeploy, id_)["lifecycleEvents"]
    tail = next(one["diagnostics"]["logTail"] for one in events if one["status"] == "Failed")

    assert lines.endswith(tail)
    assert 2000 < len(tail) < 2048
    assert tail.startswith("27")


def test_a_log_of_bytes_that_are_no_text_is_shown(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    progress = worker.begin(service, id_)
    worker.report(service, progress, worker.log(worker.FAILED_AT, 0, b"[stdout]a\0b\xffc\n"))
    worker.finish(service, progress, failing=worker.FAILED_AT)

    events = target_of(codedeploy, id_)["lifecycleEvents"]
    tail = next(one["diagnostics"]["logTail"] for one in events if one["status"] == "Failed")

    assert tail == "[stdout]a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\n"


@pytest.mark.parametrize(
    ("home", "command"),
    [("us-east-1", "tidegate host set"), ("eu-west-3", "tidegate --region us-east-1 host set")],
)
def test_an_instance_without_a_way_to_be_reached_says_how_it_gets_one(
    aws: Aws, tmp_path: Path, home: str, command: str
):
    shop = Shop(aws)
    shop.client.register_on_premises_instance(
        instanceName="bare", iamUserArn="arn:aws:iam::000000000000:user/bare"
    )
    shop.client.add_tags_to_on_premises_instances(
        instanceNames=["bare"], tags=[{"Key": "role", "Value": "web"}]
    )
    id_ = shop.with_bundle(shop.deploy())
    for _ in range(2):
        worker.advance(aws.service, id_)
    bundle = tmp_path / "bundle"
    bundle.write_bytes(b"bundle")
    parts, broker = aws.service.parts, FakeBroker()
    fake = FakeWorker(
        "worker-1",
        store=parts.store,
        broker=broker,
        hosts=FakeHosts(parts.store.clock),
        artifacts=FakeArtifacts(bundle),
        settings=parts.settings.model_copy(update={"region": home}),
    )
    fake.show_life()
    arguments = {"deployment_id": id_, "target": "bare", "segment": HOST_SEGMENT}
    fake.perform(Message(id="1", links=(RUN_HOOKS, COMPLETE), arguments=arguments))
    while broker.queue:
        fake.perform(broker.queue.pop(0))
    worker.advance(aws.service, id_)

    target = target_of(shop.client, id_, "bare")

    assert target["status"] == "Failed"
    assert target["targetArn"] == arn_of(shop.client, "bare")
    failed, *rest = target["lifecycleEvents"]
    assert failed["diagnostics"]["errorCode"] == "UnknownError"
    assert f"`{command} bare --ssh USER@ADDRESS`" in failed["diagnostics"]["message"]
    assert {one["status"] for one in rest} == {"Skipped"}
    assert shop.info(id_)["errorInformation"]["code"] == "HEALTH_CONSTRAINTS"


def test_a_target_outlives_its_host(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    worker.finish(service, worker.begin(service, id_))
    arn = arn_of(codedeploy)
    by_arn = codedeploy.get_deployment_instance(deploymentId=id_, instanceId="web-1")
    service.ask("DELETE", "/v1/applications/shop")
    assert service.ask("DELETE", "/v1/hosts/web-1").status_code == 204

    target = target_of(codedeploy, id_)
    summary = codedeploy.get_deployment_instance(deploymentId=id_, instanceId="web-1")

    assert (target["targetId"], target["status"]) == ("web-1", "Succeeded")
    assert "targetArn" not in target
    assert by_arn["instanceSummary"]["instanceId"] == arn
    assert summary["instanceSummary"]["instanceId"] == "web-1"


def test_instances_are_targets_by_their_arn(service: Service, codedeploy: Any):
    id_ = service.with_deployment()
    worker.finish(service, worker.begin(service, id_), failing=worker.FAILED_AT)

    listed = codedeploy.list_deployment_instances(deploymentId=id_)["instancesList"]
    summary = codedeploy.get_deployment_instance(deploymentId=id_, instanceId="web-1")
    batch = codedeploy.batch_get_deployment_instances(
        deploymentId=id_, instanceIds=["none", "web-1", "none"]
    )

    target = target_of(codedeploy, id_)
    assert listed == ["web-1"]
    assert summary["instanceSummary"] == {
        "deploymentId": id_,
        "instanceId": arn_of(codedeploy),
        "status": "Failed",
        "lastUpdatedAt": target["lastUpdatedAt"],
        "lifecycleEvents": target["lifecycleEvents"],
    }
    assert batch["instancesSummary"] == [summary["instanceSummary"]]
    assert batch["errorMessage"] == f"The deployment {id_} has no instances none."


def test_several_are_shown_in_the_order_asked_for(aws: Aws, codedeploy: Any):
    names = with_many(aws, 30)
    get, old = codedeploy.batch_get_deployment_targets, codedeploy.batch_get_deployment_instances
    asked = names[24::-1]

    shown = get(deploymentId=MANY, targetIds=asked)["deploymentTargets"]
    summaries = old(deploymentId=MANY, instanceIds=asked)

    assert [one["instanceTarget"]["targetId"] for one in shown] == asked
    assert [one["instanceId"] for one in summaries["instancesSummary"]] == asked
    assert summaries["errorMessage"] == ""
    code = "DeploymentTargetListSizeExceededException"
    refused(code, get, deploymentId=MANY, targetIds=names[:26])
    refused("BatchLimitExceededException", old, deploymentId=MANY, instanceIds=names[:26])


def test_targets_are_listed_in_pages_and_by_status(aws: Aws, codedeploy: Any):
    names = with_many(aws, 260)
    new, old = codedeploy.list_deployment_targets, codedeploy.list_deployment_instances

    assert seen(new, "targetIds", deploymentId=MANY) == names
    assert seen(old, "instancesList", deploymentId=MANY) == names
    assert len(new(deploymentId=MANY)["targetIds"]) == 100
    failed = {"targetFilters": {"TargetStatus": ["Failed", "Ready"]}}
    assert seen(new, "targetIds", deploymentId=MANY, **failed) == names[1::2]
    well = {"instanceStatusFilter": ["Succeeded"]}
    assert seen(old, "instancesList", deploymentId=MANY, **well) == names[::2]
    assert new(deploymentId=MANY, targetFilters={"TargetStatus": ["Unknown"]})["targetIds"] == []
    often = {"targetFilters": {"TargetStatus": ["Failed"] * 70_000}}
    assert new(deploymentId=MANY, **often)["targetIds"] == names[1:200:2]


def test_before_it_starts_it_has_no_targets(quick_aws: Aws):
    client, id_ = quick_aws.client(), quick_aws.service.with_deployment()
    code = "DeploymentNotStartedException"

    refused(code, client.list_deployment_targets, deploymentId=id_)
    refused(code, client.list_deployment_instances, deploymentId=id_)
    refused(code, client.get_deployment_target, deploymentId=id_, targetId="web-1")
    refused(code, client.batch_get_deployment_targets, deploymentId=id_, targetIds=["web-1"])
    code = "InstanceDoesNotExistException"
    refused(code, client.get_deployment_instance, deploymentId=id_, instanceId="web-1")
    batch = client.batch_get_deployment_instances(deploymentId=id_, instanceIds=["web-1"])
    assert (batch["instancesSummary"], "web-1" in batch["errorMessage"]) == ([], True)


@pytest.mark.parametrize(
    ("operation", "code", "said"),
    [
        (
            "list_deployment_targets",
            "InvalidTargetFilterNameException",
            {"targetFilters": {"Color": ["Blue"]}},
        ),
        (
            "list_deployment_targets",
            "InvalidInstanceStatusException",
            {"targetFilters": {"TargetStatus": ["failed"]}},
        ),
        (
            "list_deployment_targets",
            "InvalidInstanceTypeException",
            {"targetFilters": {"ServerInstanceLabel": ["Red"]}},
        ),
        (
            "list_deployment_targets",
            "InvalidDeploymentInstanceTypeException",
            {"targetFilters": {"ServerInstanceLabel": ["Blue"]}},
        ),
        ("list_deployment_targets", "InvalidNextTokenException", {"nextToken": "x"}),
        (
            "list_deployment_targets",
            "InvalidNextTokenException",
            {"nextToken": write_cursor(["ListDeploymentTargets", "9" * 12])},
        ),
        (
            "list_deployment_instances",
            "InvalidNextTokenException",
            {"nextToken": write_cursor(["ListDeploymentTargets", "1"])},
        ),
        (
            "list_deployment_instances",
            "InvalidInstanceStatusException",
            {"instanceStatusFilter": ["failed"]},
        ),
        (
            "list_deployment_instances",
            "InvalidInstanceTypeException",
            {"instanceTypeFilter": ["Red"]},
        ),
        (
            "list_deployment_instances",
            "InvalidDeploymentInstanceTypeException",
            {"instanceTypeFilter": ["Green"]},
        ),
        ("get_deployment_target", "DeploymentTargetIdRequiredException", {"targetId": ""}),
        ("get_deployment_target", "InvalidDeploymentTargetIdException", {"targetId": "a/b"}),
        ("get_deployment_target", "DeploymentTargetDoesNotExistException", {"targetId": "none"}),
        ("batch_get_deployment_targets", "DeploymentTargetIdRequiredException", {"targetIds": []}),
        (
            "batch_get_deployment_targets",
            "InvalidDeploymentTargetIdException",
            {"targetIds": ["web-000", "a/b"]},
        ),
        (
            "batch_get_deployment_targets",
            "DeploymentTargetDoesNotExistException",
            {"targetIds": ["web-000", "none"]},
        ),
        ("get_deployment_instance", "InstanceIdRequiredException", {}),
        ("get_deployment_instance", "InvalidInstanceNameException", {"instanceId": "a/b"}),
        ("get_deployment_instance", "InstanceDoesNotExistException", {"instanceId": "none"}),
        ("batch_get_deployment_instances", "InstanceIdRequiredException", {"instanceIds": []}),
        (
            "batch_get_deployment_instances",
            "InvalidInstanceNameException",
            {"instanceIds": ["web-000", "a/b"]},
        ),
    ],
)
def test_what_is_refused(quick_aws: Aws, operation: str, code: str, said: dict[str, Any]):
    with_many(quick_aws, 2)

    refused(code, getattr(quick_aws.client(), operation), deploymentId=MANY, **said)


def test_services_are_targets_and_no_instances(quick_aws: Aws):
    with_many(quick_aws, 0, compute_platform="ECS")
    client = quick_aws.client()
    code = "InvalidComputePlatformException"

    refused(code, client.list_deployment_instances, deploymentId=MANY)
    refused(code, client.get_deployment_instance, deploymentId=MANY, instanceId="x")
    refused(code, client.batch_get_deployment_instances, deploymentId=MANY, instanceIds=["x"])
    message = refused(
        "InvalidDeploymentTargetIdException",
        client.get_deployment_target,
        deploymentId=MANY,
        targetId="web",
    )
    assert message == (
        "Invalid id web for ECS deployment, valid Id should be in format "
        "<cluster-name>:<service-name>"
    )
    refused(
        "DeploymentTargetListSizeExceededException",
        client.batch_get_deployment_targets,
        deploymentId=MANY,
        targetIds=["a:b", "c:d"],
    )
