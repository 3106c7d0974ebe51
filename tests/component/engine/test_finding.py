"""EC2 instances of a deployment: found once when it starts, and what is said when they are not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from component.engine.system import ALL, ONE
from tidegate.domain.aws_group import (
    BLUE_GREEN,
    AwsGroup,
    BlueGreen,
    LoadBalancers,
    TerminateBlue,
    WhenReady,
)
from tidegate.domain.deployment import DeploymentOptions, ErrorCode
from tidegate.domain.errors import HostExists, InUse
from tidegate.domain.host import Origin
from tidegate.domain.instances import InstanceState
from tidegate.domain.tag_filters import TagFilter, TagFilterType, Tags
from tidegate.drivers.instances import NotFound
from tidegate.engine.hosts import HostRequest, create_host
from tidegate.engine.retention import prune
from tidegate.messages import ADVANCE, FIND_INSTANCES, RUN_HOOKS

WEB = TagFilter(TagFilterType.KEY_AND_VALUE, "role", "web")
DB = TagFilter(TagFilterType.KEY_AND_VALUE, "role", "db")
PROD = TagFilter(TagFilterType.KEY_AND_VALUE, "env", "prod")
BY_TAG = AwsGroup(ec2_tags=Tags(flat=(WEB,)))
BY_GROUP = AwsGroup(auto_scaling_groups=("asg-1",))
BUSY = NotFound(ErrorCode.THROTTLED, "EC2 answered Throttling.", may_pass=True)
DENIED = NotFound(ErrorCode.IAM_ROLE_PERMISSIONS, "EC2 answered UnauthorizedOperation; allow it.")


def targets(system, id_):
    with system.store.read() as uow:
        return {one.id: one for one in uow.targets.page(id_, limit=1000)}


def deploy(system, shop, revision="one", **more):
    id_ = shop.deploy(revision, **more)
    system.settle()
    return id_


@pytest.mark.parametrize(
    ("aws", "wanted"),
    [
        (AwsGroup(ec2_tags=Tags(flat=(WEB, DB))), {"web", "web of prod", "db"}),
        (AwsGroup(ec2_tags=Tags(sets=((WEB, DB), (PROD,)))), {"web of prod"}),
        (BY_GROUP, {"scaled"}),
        (AwsGroup(ec2_tags=Tags(flat=(DB,)), auto_scaling_groups=("asg-1",)), {"db", "scaled"}),
    ],
)
def test_a_group_is_resolved_to_what_its_tags_or_auto_scaling_groups_mean(system, aws, wanted):
    there = {
        "web": system.instances.launch(role="web"),
        "web of prod": system.instances.launch(role="web", env="prod"),
        "db": system.instances.launch(role="db"),
        "scaled": system.instances.launch("asg-1"),
        "other": system.instances.launch("asg-2", role="Web"),
    }
    shop = system.shop(aws=aws, config=ALL)

    id_ = deploy(system, shop)

    assert shop.deployment(id_).status == "Succeeded"
    assert set(targets(system, id_)) == {there[name] for name in wanted}


def test_hosts_and_instances_are_deployed_to_by_one_deployment(system):
    instance = system.instances.launch(role="web")
    shop = system.shop("web-1", aws=BY_TAG)

    id_ = deploy(system, shop)

    assert shop.deployment(id_).status == "Succeeded"
    assert set(targets(system, id_)) == {"web-1", instance}


@pytest.mark.parametrize("state", [InstanceState.RUNNING, InstanceState.STOPPED])
def test_an_instance_that_is_a_host_under_another_name_is_deployed_to_once(system, state):
    known = system.instances.launch(role="web", state=state)
    other = system.instances.launch(role="web")
    shop = system.shop("web-1", aws=BY_TAG, config=ALL)
    with system.store.write() as uow:
        host = replace(uow.catalog.host("web-1"), settings={"instance_id": known})
        uow.catalog.save_host(host)

    id_ = deploy(system, shop)

    ended = "Succeeded" if state is InstanceState.RUNNING else "Failed"
    found = targets(system, id_)
    assert {name: one.status for name, one in found.items()} == {
        "web-1": ended,
        other: "Succeeded",
    }
    assert (known in found["web-1"].message) == (ended == "Failed")


def test_aws_is_asked_once_however_often_a_message_comes(system):
    for _ in range(3):
        system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG, config=ALL)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    copies = list(system.broker.queue)
    system.broker.queue += copies * 2

    system.settle()
    system.broker.queue += copies
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert len(system.instances.calls) == 1


def test_a_worker_that_dies_while_it_asks_is_followed_by_another(system):
    instance = system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    system.instances.before = lambda: (_ for _ in ()).throw(SystemExit)
    with pytest.raises(SystemExit):
        system.deliver(FIND_INSTANCES)
    system.instances.before = lambda: None

    for _ in range(8):
        system.sweep(after=10)
        system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert set(targets(system, id_)) == {instance}


def test_while_aws_is_busy_it_is_asked_again_ever_later(system):
    system.instances.launch(role="web")
    system.instances.failure = BUSY
    shop = system.shop(aws=BY_TAG)
    id_ = deploy(system, shop)

    for _ in range(60):
        system.sweep(after=1)
        system.settle()

    assert shop.deployment(id_).status == "Created"
    assert 4 <= len(system.instances.calls) <= 7

    system.instances.failure = None
    for _ in range(65):
        system.sweep(after=1)
        system.settle()
    assert shop.deployment(id_).status == "Succeeded"


@pytest.mark.parametrize("failure", [BUSY, DENIED])
def test_what_does_not_pass_fails_the_deployment_by_its_sentence(system, failure):
    system.instances.failure = failure
    shop = system.shop(aws=BY_TAG)
    id_ = deploy(system, shop)

    for _ in range(25):
        system.sweep(after=15)
        system.settle()

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Failed", failure.code)
    assert deployment.error_message == failure.message
    shop.deploy("two")


@pytest.mark.parametrize("aws", [BY_TAG, BY_GROUP])
def test_without_any_instance_it_says_what_was_asked_for(system, aws):
    system.instances.groups.add("asg-1")
    shop = system.shop(aws=aws)

    id_ = deploy(system, shop)

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Failed", "NO_INSTANCES")
    wanted = "EC2 instances in us-east-1 with tags (role=web)"
    wanted = wanted if aws is BY_TAG else "the Auto Scaling groups asg-1 in us-east-1"
    assert f" The group asks for {wanted}." in deployment.error_message
    assert deployment.started_at is None


def test_an_instance_that_was_found_may_be_registered_once_nothing_goes_on_there(system):
    instance = system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG)
    way = HostRequest(settings={"address": "10.0.0.1", "trust_on_first_use": True})

    def register():
        with system.store.write() as uow:
            return create_host(instance, way, uow=uow)

    id_ = shop.deploy("one")
    while RUN_HOOKS not in system.waiting():
        system.worker.perform(system.broker.queue.pop(0))
    with pytest.raises(InUse, match=id_):
        register()
    system.settle()
    register()
    with pytest.raises(HostExists):
        register()
    again = deploy(system, shop, "two")

    with system.store.read() as uow:
        host = uow.catalog.host(instance)
        assert [one.name for one in uow.catalog.hosts_page(limit=100)] == [instance]
    assert (host.origin, host.driver) == (Origin.REGISTERED, "ssh")
    assert host.settings["address"] == "10.0.0.1"
    assert targets(system, again)[instance].status == "Succeeded"


def test_a_stopped_instance_fails_with_a_sentence_and_counts_as_failed(system):
    stopped = system.instances.launch(state=InstanceState.STOPPED, role="web")
    running = system.instances.launch(role="web")
    system.instances.launch(state=InstanceState.TERMINATED, role="web")
    system.instances.launch(state=InstanceState.PENDING, role="web")
    shop = system.shop(aws=BY_TAG, config=ALL)

    id_ = deploy(system, shop)

    found = targets(system, id_)
    assert {name: one.status for name, one in found.items()} == {
        stopped: "Failed",
        running: "Succeeded",
    }
    first, *rest = found[stopped].events
    assert first.status == "Failed"
    assert first.message.startswith(f"The instance {stopped} was stopped when")
    assert {event.status for event in rest} == {"Skipped"}
    assert shop.deployment(id_).status == "Succeeded"
    assert shop.deployment(id_).overview == {"Failed": 1, "Succeeded": 1}


@pytest.mark.parametrize("how", [InstanceState.STOPPED, InstanceState.RUNNING])
def test_however_many_are_found_no_statement_more_is_made_until_they_run(system, how):
    shop = system.shop(aws=BY_TAG, config=ALL)
    statements = []
    event.listen(system.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def begin(count):
        for _ in range(count):
            system.instances.launch(state=how, role="web")
        shop.revision("one")
        statements.clear()
        id_ = shop.deploy("one")
        while system.broker.queue and RUN_HOOKS not in system.waiting():
            system.worker.perform(system.broker.queue.pop(0))
        made = len(statements)
        assert len(targets(system, id_)) == len(system.instances.instances)
        system.broker.queue.clear()
        if shop.deployment(id_).status == "InProgress":
            system.stop(id_)
        return made

    begin(1)
    few, many = begin(3), begin(30)

    assert many <= few


def test_with_all_but_the_floor_stopped_nothing_begins(system):
    system.instances.launch(state=InstanceState.STOPPED, role="web")
    running = system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG, config=ONE)

    id_ = deploy(system, shop)

    assert targets(system, id_)[running].status == "Skipped"
    assert shop.deployment(id_).error_code == "HEALTH_CONSTRAINTS"


def test_an_instance_is_a_host_that_was_found_and_not_one_that_is_registered(system):
    instance = system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG)

    deploy(system, shop)

    with system.store.read() as uow:
        assert uow.catalog.hosts_page(limit=100) == []
        assert uow.catalog.instances_page(limit=10) == []
        assert uow.catalog.hosts_page(limit=10) == []
        assert uow.catalog.unknown_hosts([instance]) == [instance]
        (host,) = uow.catalog.hosts_page(limit=10, origin=Origin.EC2)
    assert (host.name, host.tags, host.instance.id) == (instance, {"role": "web"}, instance)
    assert host.instance.arn == f"arn:aws:ec2:us-east-1:123456789012:instance/{instance}"


def test_what_is_known_of_an_instance_is_renewed_when_it_is_found_again(system):
    instance = system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG)
    deploy(system, shop)
    other = system.instances.instances[instance]
    system.instances.instances[instance] = type(other)(
        id=instance, arn=other.arn, state=other.state, tags={"role": "web", "env": "prod"}
    )

    deploy(system, shop, "two")

    with system.store.read() as uow:
        (host,) = uow.catalog.hosts_page(limit=10, origin=Origin.EC2)
    assert host.tags == {"role": "web", "env": "prod"}
    assert host.instance.private_address == ""


def test_only_instances_that_lack_the_revision_are_deployed_to_where_that_is_asked(system):
    old = system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG)
    deploy(system, shop)
    new = system.instances.launch(role="web")

    id_ = deploy(system, shop, options=DeploymentOptions(update_outdated_only=True))

    assert set(targets(system, id_)) == {new}
    assert old != new


def test_a_deployment_that_was_stopped_meanwhile_stays_stopped(system):
    system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    system.instances.before = lambda: system.stop(id_)

    system.settle()

    assert shop.deployment(id_).status == "Stopped"
    assert targets(system, id_) == {}


def test_a_blue_green_deployment_says_that_it_is_not_carried_out(system):
    system.instances.launch(role="web")
    aws = AwsGroup(
        style=BLUE_GREEN,
        blue_green=BlueGreen(terminate=TerminateBlue(), ready=WhenReady()),
        load_balancers=LoadBalancers(target_groups=("web",)),
        ec2_tags=Tags(flat=(WEB,)),
    )
    shop = system.shop(aws=aws)

    id_ = deploy(system, shop)

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Failed", "NO_INSTANCES")
    assert "Blue/green deployments to EC2 instances" in deployment.error_message
    assert system.instances.calls == []


def test_instances_that_nobody_finds_any_more_are_forgotten_and_their_history_stays(system):
    old, kept, learned = (system.instances.launch(role="web") for _ in range(3))
    shop = system.shop(aws=BY_TAG, config=ALL)
    id_ = deploy(system, shop)
    with system.store.write() as uow:
        uow.catalog.learn_host_key(uow.catalog.host(learned).id, "ssh-ed25519 AAAA")
    system.instances.terminate(old)
    system.instances.terminate(learned)
    system.clock.advance(timedelta(days=100))
    deploy(system, shop)

    prune(store=system.store, artifacts=system.artifacts, keep=timedelta(days=90))

    with system.store.read() as uow:
        left = uow.catalog.hosts_page(limit=10, origin=Origin.EC2)
        known = uow.installations.of(shop.group_id)
    assert {one.name for one in left} == {kept, learned}
    assert set(known) == {kept, learned}
    assert set(targets(system, id_)) == {old, kept, learned}


def test_an_instance_at_which_something_goes_on_is_not_forgotten(system):
    instance = system.instances.launch(role="web")
    shop = system.shop(aws=BY_TAG)
    shop.deploy("one")
    while RUN_HOOKS not in system.waiting():
        system.worker.perform(system.broker.queue.pop(0))
    system.clock.advance(timedelta(days=100))

    prune(store=system.store, artifacts=system.artifacts, keep=timedelta(days=90))

    with system.store.read() as uow:
        assert uow.catalog.host(instance).name == instance
