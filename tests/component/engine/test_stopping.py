"""Stops and rollbacks: what happens to each target, and how both deployments are linked."""

from datetime import timedelta

import pytest

from component.engine.system import ALL, until
from tidegate.domain.deployment import AutoRollback, Creator, DeploymentOptions, FileExistsBehavior
from tidegate.domain.errors import DeploymentAlreadyCompleted, DeploymentNotFound
from tidegate.domain.group import HostOptions, OnStop
from tidegate.domain.lifecycle import HOST_EVENTS
from tidegate.messages import ADVANCE, RUN_HOOKS
from tidegate.testing.builders import ON_FAILURE, ON_STOP

WEBS = ("web-1", "web-2", "web-3")


def test_a_stop_before_anything_began_stops_at_once(system):
    shop = system.shop(*WEBS)
    id_ = shop.deploy("one")

    system.stop(id_, reason="wrong revision")
    system.settle()

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Stopped", "MANUAL_STOP")
    assert "Stopped by tester: wrong revision" in deployment.error_message
    assert shop.statuses(id_) == {}
    assert shop.deploy("two")


def test_targets_that_were_sent_and_not_taken_are_skipped_for_good(system):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)

    system.stop(id_)
    system.settle()

    assert shop.deployment(id_).overview == {"Skipped": 3}
    assert not system.hosts.ran


def test_a_script_that_runs_ends_and_its_target_has_failed_then(system):
    shop = system.shop("web-1", "web-2")
    system.hosts["web-1"].hanging.add("AfterInstall")
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    thread = system.in_thread(lambda: system.deliver(RUN_HOOKS))
    until(lambda: system.hosts.ran[(id_, "web-1", "AfterInstall")])

    system.stop(id_)
    system.worker.show_life()
    assert shop.deployment(id_).status == "Stopped"
    assert shop.statuses(id_) == {"web-1": "InProgress", "web-2": "Skipped"}
    until(lambda: all(run.is_cancelled for run in system.hosts["web-1"].runs.values()))
    system.hosts["web-1"].hanging.clear()
    thread.join(30)
    system.settle()

    assert shop.statuses(id_) == {"web-1": "Failed", "web-2": "Skipped"}
    assert shop.events(id_, "web-1")["AfterInstall"] == "Failed"
    assert shop.events(id_, "web-1")["ApplicationStart"] == "Skipped"
    assert shop.deployment(id_).status == "Stopped"


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "out of time"])
def test_a_script_that_runs_is_ended_where_the_group_wants_it(system, stopped):
    options = HostOptions(on_stop=OnStop.END)
    shop = system.shop("web-1", "web-2", config=ALL, host_options=options)
    system.hosts["web-1"].hanging.add("AfterInstall")
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    thread = system.in_thread(lambda: system.deliver(RUN_HOOKS))
    until(lambda: system.hosts.ran[(id_, "web-1", "AfterInstall")])

    if stopped:
        system.stop(id_)
    else:
        system.clock.advance(timedelta(hours=13))
        system.advance(id_)
    system.worker.show_life()
    thread.join(30)
    system.settle()

    assert shop.deployment(id_).status == ("Stopped" if stopped else "Failed")
    assert shop.statuses(id_)["web-1"] == "Failed"
    assert shop.events(id_, "web-1")["AfterInstall"] == "Failed"
    assert shop.events(id_, "web-1")["ApplicationStart"] == "Skipped"


def test_a_target_whose_worker_died_starts_nothing_after_a_stop(system):
    shop = system.shop("web-1")
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    system.taken(id_, "web-1", owner="worker-that-dies")

    system.stop(id_)
    system.sweep(after=20)
    system.settle()

    assert not system.hosts.ran
    assert shop.statuses(id_) == {"web-1": "Skipped"}
    assert shop.events(id_, "web-1") == dict.fromkeys(HOST_EVENTS, "Skipped")


def test_what_is_final_cannot_be_stopped(system):
    shop = system.shop("web-1")
    id_ = shop.deploy("one")
    system.settle()

    with pytest.raises(DeploymentAlreadyCompleted, match="Succeeded"):
        system.stop(id_)
    with pytest.raises(DeploymentNotFound):
        system.stop("d-NOBODY000")


@pytest.mark.parametrize(
    ("auto_rollback", "asked", "follows"),
    [
        (ON_STOP, None, True),
        (ON_STOP, False, False),
        (ON_FAILURE, None, False),
        (AutoRollback(), True, True),
    ],
)
def test_a_stop_is_rolled_back_when_asked_for(system, auto_rollback, asked, follows):
    shop = system.shop(*WEBS, auto_rollback=auto_rollback)
    shop.deploy("good")
    system.settle()
    id_ = shop.deploy("bad")
    system.deliver(ADVANCE)

    system.stop(id_, rollback=asked)
    system.settle()

    stopped = shop.deployment(id_)
    assert stopped.status == "Stopped"
    assert (stopped.rollback_deployment_id is not None) is follows
    if follows:
        assert shop.deployment(stopped.rollback_deployment_id).status == "Succeeded"


def test_a_failure_is_rolled_back_and_both_say_so(system):
    shop = system.shop(*WEBS, auto_rollback=ON_FAILURE)
    overwrite = DeploymentOptions(file_exists_behavior=FileExistsBehavior.OVERWRITE)
    good = shop.deploy("good", options=overwrite)
    system.settle()
    system.fails.add(("web-2", "ValidateService"))

    id_ = shop.deploy("bad", config_name=ALL)
    system.deliver(ADVANCE)
    system.settle()
    assert shop.deployment(id_).status == "Succeeded", "all at once bears two failures of three"

    system.fails.add(("web-1", "ValidateService"))
    id_ = shop.deploy("worse")
    while shop.deployment(id_).status != "Failed":
        system.worker.perform(system.broker.queue.pop(0))
    system.fails.clear()
    failed = shop.deployment(id_)
    system.settle()

    rollback = shop.deployment(failed.rollback_deployment_id)
    assert rollback.creator is Creator.ROLLBACK
    assert rollback.status == "Succeeded"
    assert rollback.revision_id == shop.revisions["bad"]
    assert rollback.rollback_triggering_deployment_id == id_
    assert rollback.id in failed.rollback_message
    assert id_ in rollback.rollback_message
    assert rollback.options.file_exists_behavior is FileExistsBehavior.DISALLOW
    assert shop.deployment(good).options.file_exists_behavior is FileExistsBehavior.OVERWRITE
    with system.store.read() as uow:
        group = uow.catalog.group("shop", "prod")
    assert group.last_successful.deployment_id == rollback.id
    assert group.target_revision_id == shop.revisions["bad"]


def test_a_rollback_has_the_file_exists_behavior_of_the_last_success(system):
    shop = system.shop("web-1", auto_rollback=ON_FAILURE)
    overwrite = DeploymentOptions(file_exists_behavior=FileExistsBehavior.OVERWRITE)
    shop.deploy("good", options=overwrite)
    system.settle()
    system.fails.add(("web-1", "Install"))

    id_ = shop.deploy("bad")
    system.settle()

    rollback = shop.deployment(shop.deployment(id_).rollback_deployment_id)
    assert rollback.options.file_exists_behavior is FileExistsBehavior.OVERWRITE


def test_a_rollback_that_fails_is_not_rolled_back(system):
    shop = system.shop("web-1", auto_rollback=ON_FAILURE)
    shop.deploy("good")
    system.settle()
    system.fails.add(("web-1", "Install"))

    id_ = shop.deploy("bad")
    system.settle()

    rollback = shop.deployment(shop.deployment(id_).rollback_deployment_id)
    assert rollback.status == "Failed"
    assert rollback.rollback_deployment_id is None
    with system.store.read() as uow:
        assert uow.catalog.group("shop", "prod").active_deployment_id is None


def test_with_no_success_before_there_is_no_rollback_and_it_says_why(system):
    shop = system.shop("web-1", auto_rollback=ON_FAILURE)
    system.fails.add(("web-1", "Install"))

    id_ = shop.deploy("bad")
    system.settle()

    failed = shop.deployment(id_)
    assert failed.rollback_deployment_id is None
    assert "no successful deployment" in failed.rollback_message


def test_a_rollback_waits_on_the_host_for_the_script_of_the_stopped_one(system):
    shop = system.shop("web-1", auto_rollback=ON_STOP)
    shop.deploy("good")
    system.settle()
    system.hosts["web-1"].hanging.add("AfterInstall")
    id_ = shop.deploy("bad")
    system.deliver(ADVANCE)
    first = system.in_thread(lambda: system.deliver(RUN_HOOKS))
    until(lambda: system.hosts.ran[(id_, "web-1", "AfterInstall")])

    system.stop(id_)
    rollback = shop.deployment(id_).rollback_deployment_id
    system.deliver(ADVANCE)
    second = system.in_thread(lambda: system.deliver(RUN_HOOKS))
    until(lambda: message_of(system, rollback, "web-1"))
    waits = message_of(system, rollback, "web-1")
    system.hosts["web-1"].hanging.clear()
    for thread in (first, second):
        thread.join(30)
    system.settle()

    assert waits == f"Waits for deployment {id_}, whose script still runs on this host."
    assert shop.deployment(rollback).status == "Succeeded"
    assert message_of(system, rollback, "web-1") == ""


def message_of(system, deployment_id, target):
    with system.store.read() as uow:
        return uow.targets.get(deployment_id, target).message


def test_a_deleted_group_does_not_keep_a_last_script_from_ending(system):
    shop = system.shop("web-1")
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    system.taken(id_, "web-1", owner="worker-that-dies")
    system.stop(id_)
    with system.store.write() as uow:
        assert uow.catalog.delete_idle_group(shop.group_id)

    system.sweep(after=20)
    system.settle()

    assert shop.statuses(id_) == {"web-1": "Skipped"}
