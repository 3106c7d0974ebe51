"""Who is told what of a deployment, written in the transaction of the move itself."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import event

from component.engine.system import ALL, System
from component.engine.traffic import (
    ALIAS,
    SERVICE,
    ecs_appspec,
    functions,
    lambda_appspec,
    service,
)
from component.notices.ears import BUS, OTHER, ROLE, TOPIC, group, rows, telling
from tidegate.domain.aws_group import TriggerEvent
from tidegate.domain.notices import Channel
from tidegate.engine.deployments import DeploymentRequest, create_deployment
from tidegate.testing.builders import ON_FAILURE


def test_a_trigger_hears_of_a_deployment_and_of_each_instance(system, ears):
    shop = system.shop("web-1", aws=group(telling()))

    id_ = shop.deploy("one")
    system.settle()

    assert ears.statuses() == ["CREATED", "IN_PROGRESS", "SUCCEEDED", "SUCCEEDED"]
    created, begun, instance, deployment = ears.messages()
    arn = "arn:aws:codedeploy:us-east-1:000000000000:instance/web-1_AAAAAAAAAA"
    assert created["deploymentId"] == id_
    assert (begun["instanceId"], begun["instanceStatus"]) == (arn, "IN_PROGRESS")
    events = json.loads(instance["lifecycleEvents"])
    assert {one["LifecycleEventStatus"] for one in events} == {"SUCCEEDED"}
    assert all(one["StartTime"] and one["EndTime"] for one in events)
    assert json.loads(deployment["deploymentOverview"])["Succeeded"] == 1
    assert {one.role_arn for one in ears.heard} == {ROLE}
    assert rows(system) == []


def test_an_ec2_instance_is_told_of_by_its_own_arn(system, ears):
    instance = system.instances.launch("asg-1")
    shop = system.shop(aws=replace(group(telling()), auto_scaling_groups=("asg-1",)))

    shop.deploy("one")
    system.settle()

    told = {one["instanceId"] for one in ears.messages() if "instanceId" in one}
    assert told == {f"arn:aws:ec2:us-east-1:123456789012:instance/{instance}"}


def test_each_trigger_hears_what_it_asks_for(system, ears):
    failures = telling(TriggerEvent.DEPLOYMENT_FAILURE, TriggerEvent.INSTANCE_FAILURE)
    starts = telling(TriggerEvent.DEPLOYMENT_START, topic=OTHER)
    shop = system.shop("web-1", "web-2", config=ALL, aws=group(failures, starts))
    system.fails = {("web-1", "ApplicationStop")}

    shop.deploy("one")
    system.settle()

    assert ears.statuses(TOPIC) == ["FAILED"]
    assert ears.statuses(OTHER) == ["CREATED"]


def test_a_failure_says_why_and_its_rollback_is_told_from_its_beginning(system, ears):
    shop = system.shop("web-1", auto_rollback=ON_FAILURE, aws=group(telling()))
    shop.deploy("one")
    system.settle()
    system.fails = {("web-1", "ApplicationStop")}
    ears.heard.clear()

    id_ = shop.deploy("two")
    system.settle()

    back = shop.deployment(id_).rollback_deployment_id
    of_deployments = [one for one in ears.messages() if "status" in one]
    failed = [one for one in of_deployments if one["deploymentId"] == id_]
    rollback = [one for one in of_deployments if one["deploymentId"] == back]
    assert [one["status"] for one in failed] == ["CREATED", "FAILED"]
    assert json.loads(failed[1]["errorInformation"])["ErrorCode"] == "HEALTH_CONSTRAINTS"
    assert [one["status"] for one in rollback] == ["CREATED", "IN_PROGRESS", "FAILED"]
    assert json.loads(rollback[0]["rollbackInformation"]) == {
        "RollbackMessage": f"Deployment {back} is triggered to roll back deployment {id_}.",
        "RollbackTriggeringDeploymentId": id_,
    }


def test_a_stop_is_told_and_whom_it_skips_is_not(system, ears):
    shop = system.shop("web-1", "web-2", aws=group(telling()))
    id_ = shop.deploy("one")

    system.advance(id_)
    system.stop(id_)
    system.settle()

    assert ears.statuses() == ["CREATED", "STOPPED"]
    overview = json.loads(ears.messages()[1]["deploymentOverview"])
    assert (overview["Skipped"], overview["Pending"]) == (2, 0)


def test_all_whom_a_bad_bundle_fails_at_once_are_told_of(system, ears):
    shop = system.shop(*(f"web-{n:02}" for n in range(30)), config=ALL, aws=group(telling()))
    id_ = shop.deploy("one")
    with system.store.write() as uow:
        uow.deployments.fail_bundle(id_, event="DownloadBundle", message="It is gone.")

    system.settle()

    instances = [one for one in ears.messages() if "instanceStatus" in one]
    assert len({one["instanceId"] for one in instances}) == 30
    assert {one["instanceStatus"] for one in instances} == {"FAILED"}
    events = json.loads(instances[0]["lifecycleEvents"])
    failed = [e["LifecycleEvent"] for e in events if e["LifecycleEventStatus"] == "FAILED"]
    assert failed == ["DownloadBundle"]


def test_a_bus_is_told_of_every_group(with_bus, ears):
    shop = with_bus.shop("web-1")

    id_ = shop.deploy("one")
    with_bus.settle()

    assert {one.target for one in ears.heard} == {BUS}
    assert [json.loads(one.body)["state"] for one in ears.heard] == [
        "START",
        "START",
        "SUCCESS",
        "SUCCESS",
    ]
    last = ears.heard[-1]
    assert last.channel is Channel.EVENTBRIDGE
    assert json.loads(last.body)["deploymentId"] == id_
    assert last.resources == (
        "arn:aws:codedeploy:us-east-1:123456789012:application:shop",
        "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:shop/prod",
    )
    assert last.role_arn == ""


def test_a_bus_and_a_trigger_are_told_side_by_side(with_bus, ears):
    shop = with_bus.shop("web-1", aws=group(telling()))

    shop.deploy("one")
    with_bus.settle()

    assert len(ears.messages(BUS)) == len(ears.messages(TOPIC)) == 4


def test_what_was_asked_for_at_the_creation_counts(system, ears):
    shop = system.shop("web-1", aws=group(telling()))
    id_ = shop.deploy("one")
    with system.store.write() as uow:
        found = uow.catalog.group("shop", "prod")
        uow.catalog.orphan_group(found.id)

    system.settle()

    assert shop.deployment(id_).status == "Failed"
    assert ears.statuses() == ["CREATED", "FAILED"]


def test_a_move_that_is_undone_is_told_to_nobody(system, ears):
    shop = system.shop("web-1", aws=group(telling()))
    shop.revision("one")
    request = DeploymentRequest(application="shop", group="prod", revision_id=shop.revisions["one"])
    power = RuntimeError("the power went")

    with pytest.raises(RuntimeError), system.store.write() as uow:
        create_deployment(request, uow=uow, actor="tester")
        uow.flush()
        raise power

    system.sweep(60)
    system.settle()
    assert ears.heard == []
    assert rows(system) == []


def test_of_a_function_no_instances_are_told(system, ears):
    shop = functions(system, aws=group(telling()))

    id_ = shop.go(lambda_appspec())
    system.settle()

    assert shop.statuses(id_) == {ALIAS: "Succeeded"}
    assert_no_instances(ears)


def test_of_a_service_no_instances_are_told(system, ears):
    shop = service(system, triggers=(telling(),), service_role_arn=ROLE)

    id_ = shop.go(ecs_appspec())
    system.settle()

    assert shop.statuses(id_) == {SERVICE: "Succeeded"}
    assert_no_instances(ears)


def assert_no_instances(ears):
    assert ears.statuses() == ["CREATED", "SUCCEEDED"]
    assert all("instanceStatus" not in one for one in ears.messages())


class Statements:
    def __init__(self, system: System) -> None:
        self.seen: list[str] = []
        event.listen(
            system.engine, "before_cursor_execute", lambda *args: self.seen.append(args[2])
        )


def test_who_asks_for_nothing_costs_nothing(system):
    shop = system.shop("web-1", "web-2", config=ALL)
    shop.revision("one")
    statements = Statements(system)

    shop.deploy("one")
    system.settle()

    assert statements.seen
    assert [one for one in statements.seen if "notice" in one] == []
    assert "notices.send" not in system.broker.sent


def test_many_moves_are_written_in_one_statement(system):
    shop = system.shop(*(f"web-{n:02}" for n in range(50)), config=ALL, aws=group(telling()))
    id_ = shop.deploy("one")
    with system.store.write() as uow:
        uow.deployments.fail_bundle(id_, event="DownloadBundle", message="It is gone.")
    statements = Statements(system)

    system.advance(id_)

    written = [one for one in statements.seen if "INSERT INTO notices" in one]
    assert len(written) == 1
    assert len(rows(system)) == 1 + 50 + 1
