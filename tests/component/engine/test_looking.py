"""Instances that go or come while their group is deployed to, and the deployment that follows."""

from dataclasses import replace

import pytest

from component.engine.system import ALL, HALF, ONE
from component.engine.test_finding import deploy, targets
from tidegate.domain.aws_group import AwsGroup, OutdatedInstances
from tidegate.domain.deployment import Creator, DeploymentOptions, ErrorCode
from tidegate.domain.errors import UnsupportedAction
from tidegate.domain.instances import InstanceState
from tidegate.drivers.instances import NotFound
from tidegate.engine import looking
from tidegate.engine.steering import rollback_deployment
from tidegate.messages import LOOK_AT_INSTANCES, RUN_HOOKS
from tidegate.store.unit_of_work import Store
from tidegate.testing.builders import ON_FAILURE

BY_GROUP = AwsGroup(auto_scaling_groups=("asg-1",))
AWAY = NotFound(ErrorCode.INTERNAL_ERROR, "EC2 cannot be reached.", may_pass=True)


def begin(system, count, config=ALL, aws=BY_GROUP, **more):
    """Start a deployment to some instances, up to where the first of them are to run."""
    ids = [system.instances.launch("asg-1") for _ in range(count)]
    shop = system.shop(aws=aws, config=config)
    id_ = shop.deploy("one", **more)
    until(system, RUN_HOOKS)
    return shop, id_, ids


def until(system, task):
    while system.waiting() and task not in system.waiting():
        system.worker.perform(system.broker.queue.pop(0))


def look(system):
    """Let the time of a look come, and only the look happen."""
    held, system.broker.queue = system.broker.queue, []
    system.sweep(after=30)
    system.broker.queue = [m for m in system.broker.queue if m.links[0] == LOOK_AT_INSTANCES]
    assert system.waiting() == [LOOK_AT_INSTANCES]
    system.deliver(LOOK_AT_INSTANCES)
    system.broker.queue = held + system.broker.queue


def only_follow_up(system, root):
    with system.store.read() as uow:
        found = [one for one in uow.deployments.page() if one.creator is Creator.AUTO_UPDATE]
        related = uow.searches.related([root, *(one.id for one in found)])
    return found, related


def test_one_that_terminates_before_its_turn_is_skipped_and_counts_as_failed(system):
    shop, id_, ids = begin(system, 2, config=HALF)
    system.instances.terminate(ids[1])

    look(system)
    system.settle()

    found = targets(system, id_)
    assert [found[one].status for one in ids] == ["Succeeded", "Skipped"]
    assert found[ids[1]].message == f"The instance {ids[1]} was terminated during the deployment."
    assert {event.status for event in found[ids[1]].events} == {"Skipped"}
    assert shop.deployment(id_).status == "Succeeded"


def test_when_many_go_at_once_no_transaction_ends_more_than_some(system, monkeypatch):
    monkeypatch.setattr(looking, "SLICE", 2)
    shop, id_, ids = begin(system, 5, config=HALF)
    for one in ids:
        system.instances.terminate(one)
    ended, write = [], Store.write

    def counted(self, **options):
        ended.append(shop.deployment(id_).overview.get("Skipped", 0))
        return write(self, **options)

    monkeypatch.setattr(Store, "write", counted)
    system.worker.looks.look()
    monkeypatch.setattr(Store, "write", write)

    assert ended == [0, 0, 0, 2, 4]
    assert shop.deployment(id_).overview == {"Skipped": 5}


def test_with_too_many_gone_before_their_turn_the_deployment_fails(system):
    shop, id_, ids = begin(system, 4, config=HALF)
    for one in ids[1:]:
        system.instances.terminate(one)

    look(system)
    system.settle()

    assert shop.deployment(id_).error_code == "HEALTH_CONSTRAINTS"
    assert "went before their turn" in shop.deployment(id_).error_message
    assert targets(system, id_)[ids[0]].status in {"Succeeded", "Skipped"}


def test_one_that_terminates_in_mid_run_is_failed_and_its_run_is_let_go(system):
    shop, id_, ids = begin(system, 2)
    lease = system.take(id_, ids[0])
    system.instances.become(ids[0], InstanceState.SHUTTING_DOWN)

    look(system)

    gone = targets(system, id_)[ids[0]]
    assert (gone.status, gone.is_lost) == ("Failed", False)
    first, *rest = gone.events
    assert (first.status, {one.status for one in rest}) == ("Failed", {"Skipped"})
    assert "was terminated during the deployment" in first.message
    with system.store.write() as uow:
        assert uow.leases.held_by("worker-1") == []
        assert uow.leases.keep(lease, at=uow.now(), segment_done=True) is None
    system.settle()
    assert shop.deployment(id_).status == "Succeeded"
    assert targets(system, id_)[ids[0]].message == gone.message


def test_one_that_ec2_does_not_know_for_a_moment_is_not_gone(system):
    _, id_, ids = begin(system, 2)
    kept = system.instances.instances.pop(ids[0])
    look(system)
    system.instances.instances[ids[0]] = kept
    look(system)
    del system.instances.instances[ids[0]]

    look(system)
    assert targets(system, id_)[ids[0]].status == "Pending"
    look(system)
    assert targets(system, id_)[ids[0]].status == "Skipped"


def test_while_ec2_does_not_answer_nobody_is_gone(system):
    _, id_, ids = begin(system, 2)
    system.instances.terminate(ids[0])
    system.instances.failure = AWAY

    look(system)

    assert targets(system, id_)[ids[0]].status == "Pending"


def test_a_look_asks_once_for_all_deployments_however_often_it_is_sent(system):
    begin(system, 3)
    before = len(system.instances.calls)
    look(system)
    system.worker.looks.look()

    assert len(system.instances.calls) == before + 1


def test_nobody_looks_where_nothing_goes_on(system):
    system.instances.launch("asg-1")
    aws = AwsGroup(auto_scaling_groups=("asg-1",), outdated_instances=OutdatedInstances.IGNORE)
    shop = system.shop(aws=aws)
    deploy(system, shop)
    calls = len(system.instances.calls)

    for _ in range(4):
        system.sweep(after=30)

    assert LOOK_AT_INSTANCES not in system.waiting()
    assert len(system.instances.calls) == calls


def test_what_is_launched_meanwhile_is_deployed_to_by_one_that_follows(system):
    shop, id_, ids = begin(system, 1, config=ONE)
    launched = [system.instances.launch("asg-1") for _ in range(2)]
    system.instances.launch("asg-2")

    system.settle()
    for _ in range(4):
        system.sweep(after=30)
        system.settle()

    (follow_up,), related = only_follow_up(system, id_)
    assert set(targets(system, id_)) == set(ids)
    assert set(targets(system, follow_up.id)) == set(launched)
    assert follow_up.status == "Succeeded"
    assert follow_up.revision_id == shop.deployment(id_).revision_id
    assert follow_up.config_name == ALL
    assert related[id_].follow_up == follow_up.id
    assert related[follow_up.id].root == id_


def test_one_that_boots_is_waited_for_before_the_one_that_follows_begins(system):
    _, id_, _ = begin(system, 1)
    running = system.instances.launch("asg-1")
    booting = system.instances.launch("asg-1", state=InstanceState.PENDING)
    system.settle()
    assert only_follow_up(system, id_)[0] == []

    system.instances.become(booting, InstanceState.RUNNING)
    system.sweep(after=30)
    system.settle()

    (follow_up,), _ = only_follow_up(system, id_)
    assert set(targets(system, follow_up.id)) == {running, booting}


def test_one_that_never_comes_up_is_not_waited_for_for_ever(system):
    _, id_, _ = begin(system, 1)
    running = system.instances.launch("asg-1")
    system.instances.launch("asg-1", state=InstanceState.PENDING)

    for _ in range(15):
        system.settle()
        system.sweep(after=30)

    (follow_up,), _ = only_follow_up(system, id_)
    assert set(targets(system, follow_up.id)) == {running}


@pytest.mark.parametrize("why", ["ignored", "restart", "failed", "nobody new", "busy"])
def test_none_follows(system, why):
    strategy = OutdatedInstances.IGNORE if why == "ignored" else OutdatedInstances.UPDATE
    aws = AwsGroup(auto_scaling_groups=("asg-1",), outdated_instances=strategy)
    shop, id_, ids = begin(system, 1, aws=aws)
    if why == "restart":
        system.settle()
        id_ = shop.deploy("one", options=DeploymentOptions(deployment_mode="RESTART"))
    if why == "failed":
        system.fails.add((ids[0], "BeforeInstall"))
    if why != "nobody new":
        system.instances.launch("asg-1")
    if why == "busy":
        until(system, LOOK_AT_INSTANCES)
        shop.deploy("two")

    system.settle()
    for _ in range(3):
        system.sweep(after=30)
        system.settle()

    assert only_follow_up(system, id_)[0] == []


def test_what_another_deployment_brought_since_is_not_taken_back(system):
    shop, id_, _ = begin(system, 1)
    until(system, LOOK_AT_INSTANCES)
    launched = system.instances.launch("asg-1")
    system.instances.failure = AWAY
    system.deliver(LOOK_AT_INSTANCES)
    system.instances.failure = None
    newer = deploy(system, shop, "two")

    for _ in range(3):
        system.sweep(after=30)
        system.settle()

    assert targets(system, newer)[launched].status == "Succeeded"
    assert only_follow_up(system, id_)[0] == []


def test_none_follows_for_an_auto_scaling_group_that_was_taken_out_since(system):
    system.instances.groups.add("asg-2")
    _, id_, _ = begin(system, 1, aws=AwsGroup(auto_scaling_groups=("asg-1", "asg-2")))
    until(system, LOOK_AT_INSTANCES)
    system.instances.launch("asg-1")
    left = system.instances.launch("asg-2")
    with system.store.write() as uow:
        group = uow.catalog.group("shop", "prod", lock=True)
        uow.catalog.save_group(replace(group, aws=AwsGroup(auto_scaling_groups=("asg-2", "new"))))

    system.settle()

    (follow_up,), _ = only_follow_up(system, id_)
    assert set(targets(system, follow_up.id)) == {left}


def test_none_follows_one_that_follows(system):
    _, id_, _ = begin(system, 1)
    system.instances.launch("asg-1")
    until(system, LOOK_AT_INSTANCES)
    system.deliver(LOOK_AT_INSTANCES)
    until(system, RUN_HOOKS)
    system.instances.launch("asg-1")

    system.settle()
    for _ in range(3):
        system.sweep(after=30)
        system.settle()

    assert len(only_follow_up(system, id_)[0]) == 1


def test_one_that_follows_is_stopped_and_not_rolled_back(system):
    _, id_, ids = begin(system, 1)
    system.instances.launch("asg-1")
    until(system, LOOK_AT_INSTANCES)
    system.deliver(LOOK_AT_INSTANCES)
    ((follow_up,), _) = only_follow_up(system, id_)

    with (
        system.store.write() as uow,
        pytest.raises(UnsupportedAction, match="so would its rollback; `tidegate stop d-"),
    ):
        rollback_deployment(follow_up.id, uow=uow, actor="tester")
    system.stop(follow_up.id, rollback=True)
    system.settle()

    with system.store.read() as uow:
        shown = {one.id: one for one in uow.deployments.page()}
    assert set(shown) == {id_, follow_up.id}
    assert "nothing to roll it back to" in shown[follow_up.id].rollback_message
    assert set(targets(system, id_)) == set(ids)


def test_that_nobody_could_be_looked_for_is_said_of_the_deployment(system):
    shop, id_, _ = begin(system, 1)
    until(system, LOOK_AT_INSTANCES)
    system.instances.launch("asg-1")
    system.instances.failure = AWAY

    for _ in range(35):
        system.settle()
        system.sweep(after=30)

    assert only_follow_up(system, id_)[0] == []
    (said,) = shop.deployment(id_).status_messages
    assert said == "Instances that were launched meanwhile could not be looked for: " + AWAY.message


def test_a_rollback_finds_the_instances_anew(system):
    ids = [system.instances.launch("asg-1") for _ in range(2)]
    shop = system.shop(aws=BY_GROUP, config=ALL, auto_rollback=ON_FAILURE)
    deploy(system, shop)
    system.fails |= {(one, "BeforeInstall") for one in ids}
    id_ = shop.deploy("two")
    until(system, RUN_HOOKS)
    launched = system.instances.launch("asg-1")

    until(system, "none")
    system.fails.clear()

    rollback = shop.deployment(id_).rollback_deployment_id
    assert set(targets(system, rollback)) == {*ids, launched}
