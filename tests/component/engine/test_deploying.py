"""A deployment from its first advance to its end."""

import pytest

from component.engine.system import ALL, HALF, ONE
from tidegate.domain.deployment import DeploymentOptions
from tidegate.domain.lifecycle import HOST_EVENTS
from tidegate.drivers.hosts import Failed
from tidegate.messages import ADVANCE, COMPLETE, RUN_HOOKS

WEBS = ("web-1", "web-2", "web-3", "web-4")


@pytest.mark.parametrize("config", [ONE, HALF, ALL])
def test_every_predefined_config_deploys_everywhere(system, config):
    shop = system.shop(*WEBS, config=config)

    id_ = shop.deploy("one")
    system.settle()

    deployment = shop.deployment(id_)
    assert deployment.status == "Succeeded"
    assert deployment.overview == {"Succeeded": 4}
    assert deployment.started_at is not None
    assert deployment.completed_at is not None
    assert shop.events(id_, "web-1") == dict.fromkeys(HOST_EVENTS, "Succeeded")
    assert set(system.hosts.ran.values()) == {1}
    with system.store.read() as uow:
        group = uow.catalog.group("shop", "prod")
    assert group.target_revision_id == shop.revisions["one"]
    assert group.last_successful.deployment_id == id_
    assert group.active_deployment_id is None


def test_a_group_of_one_succeeds_one_at_a_time(system):
    shop = system.shop("web-1")

    id_ = shop.deploy("one")
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"


@pytest.mark.parametrize(("config", "at_once"), [(ONE, 1), (HALF, 2), (ALL, 4)])
def test_no_more_are_sent_than_may_go_at_once(system, config, at_once):
    shop = system.shop(*WEBS, config=config)
    shop.deploy("one")

    system.deliver(ADVANCE)
    assert system.waiting() == [RUN_HOOKS] * at_once

    system.deliver(RUN_HOOKS)
    assert system.waiting() == [RUN_HOOKS] * (at_once - 1) + [COMPLETE]


def test_an_advance_too_many_changes_nothing(system):
    shop = system.shop(*WEBS)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    before = (system.history(id_), system.waiting())

    system.advance(id_)

    assert (system.history(id_), system.waiting()) == before


def test_messages_that_come_twice_change_nothing(system):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    while system.broker.queue:
        message = system.broker.queue.pop(0)
        system.worker.perform(message)
        system.worker.perform(message)

    assert shop.deployment(id_).overview == {"Succeeded": 4}
    assert set(system.hosts.ran.values()) == {1}


def test_a_failed_hook_is_told_with_all_its_facts(system):
    shop = system.shop("web-1")
    system.fails.add(("web-1", "AfterInstall"))

    id_ = shop.deploy("one")
    system.settle()

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Failed", "HEALTH_CONSTRAINTS")
    assert deployment.overview == {"Failed": 1}
    with system.store.read() as uow:
        (target,) = uow.targets.page(id_)
    failed = target.events[HOST_EVENTS.index("AfterInstall")]
    assert (failed.status, failed.exit_code, failed.error_code) == ("Failed", 3, "ScriptFailed")
    assert failed.script == "scripts/hook.sh"
    assert target.message == "AfterInstall: exit 3"
    assert [event.status for event in target.events[5:]] == ["Skipped", "Skipped"]
    assert system.log(id_, "web-1", "AfterInstall") == b"LifecycleEvent - AfterInstall\n"


def test_one_failure_one_at_a_time_skips_the_rest(system):
    shop = system.shop(*WEBS)
    system.fails.add(("web-1", "ValidateService"))

    id_ = shop.deploy("one")
    system.settle()

    assert shop.statuses(id_) == {
        "web-1": "Failed", "web-2": "Skipped", "web-3": "Skipped", "web-4": "Skipped"
    }  # fmt: skip
    assert shop.events(id_, "web-2") == dict.fromkeys(HOST_EVENTS, "Skipped")


def test_the_last_may_fail_one_at_a_time(system):
    shop = system.shop(*WEBS)
    system.fails.add(("web-4", "ValidateService"))

    id_ = shop.deploy("one")
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert shop.deployment(id_).overview == {"Succeeded": 3, "Failed": 1}


def test_those_that_failed_come_first_the_next_time(system):
    shop = system.shop(*WEBS)
    system.fails.add(("web-4", "Install"))
    shop.deploy("one")
    system.settle()
    system.fails.clear()

    id_ = shop.deploy("two")
    system.settle()

    assert next(iter(shop.statuses(id_))) == "web-4"


def test_a_failed_application_stop_may_be_ignored(system):
    shop = system.shop("web-1")
    system.fails.add(("web-1", "ApplicationStop"))

    refused = shop.deploy("one")
    system.settle()
    ignored = shop.deploy("one", options=DeploymentOptions(ignore_application_stop_failures=True))
    system.settle()

    assert shop.deployment(refused).status == "Failed"
    assert shop.deployment(ignored).status == "Succeeded"
    assert shop.events(ignored, "web-1")["ApplicationStop"] == "Failed"
    assert shop.events(ignored, "web-1")["ValidateService"] == "Succeeded"


ONLY_OUTDATED = DeploymentOptions(update_outdated_only=True)


def test_only_outdated_hosts_are_targets_when_asked_for(system):
    shop = system.shop(*WEBS)
    shop.deploy("one")
    system.settle()
    system.fails.add(("web-4", "Install"))
    shop.deploy("two")
    system.settle()
    system.fails.clear()

    id_ = shop.deploy("two", options=ONLY_OUTDATED)
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert shop.statuses(id_) == {"web-4": "Succeeded"}


def test_with_nothing_outdated_all_are_skipped_and_it_succeeds(system):
    shop = system.shop(*WEBS)
    shop.deploy("one")
    system.settle()
    ran = system.hosts.ran

    id_ = shop.deploy("one", options=ONLY_OUTDATED)
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert shop.deployment(id_).overview == {"Skipped": 4}
    assert set(shop.events(id_, "web-1").values()) == {"Skipped"}
    assert system.hosts.ran == ran


def test_a_host_that_refuses_us_fails_at_its_first_event_with_the_reason(system):
    shop = system.shop("web-1", "web-2", config=ALL)
    system.hosts["web-1"].refusal = Failed("permission_denied", "web-1 refused the login.")

    id_ = shop.deploy("one")
    system.settle()

    assert shop.statuses(id_) == {"web-1": "Failed", "web-2": "Succeeded"}
    assert shop.events(id_, "web-1")["ApplicationStop"] == "Failed"
    with system.store.read() as uow:
        target = uow.targets.page(id_)[0]
    assert target.message == "ApplicationStop: web-1 refused the login."
    assert not target.is_lost


def test_a_deployment_times_out_after_twelve_hours(system):
    shop = system.shop(*WEBS)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)

    system.clock.advance(12 * 3600 + 3)
    system.sweep()
    system.deliver(ADVANCE)

    assert shop.deployment(id_).error_code == "TIMEOUT"
    assert shop.deployment(id_).overview == {"Skipped": 4}
