"""A deployment that restarts what is installed: no bundle, no download, no install."""

from component.engine.system import ALL
from tidegate.domain.deployment import (
    AutoRollback,
    DeploymentMode,
    RollbackEvent,
)
from tidegate.domain.lifecycle import HOST_EVENTS, RESTART_EVENTS


def test_a_restart_needs_no_bundle_and_has_no_install(system):
    shop = system.shop("web-1", "web-2", config=ALL)
    shop.deploy("one")
    system.settle()
    system.artifacts.fetch = None  # whoever wants a bundle now fails

    id_ = shop.restart()
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert shop.events(id_, "web-2") == dict.fromkeys(RESTART_EVENTS, "Succeeded")
    [run] = [run for run in system.hosts["web-1"].runs.values() if run.deployment_id == id_]
    assert run.spec["restart"] is True
    assert run.spec["revision_id"] == shop.revisions["one"]


def test_a_restart_that_fails_is_rolled_back_by_an_install(system):
    rollback = AutoRollback(enabled=True, events=(RollbackEvent.FAILURE,))
    shop = system.shop("web-1", config=ALL, auto_rollback=rollback)
    shop.deploy("one")
    system.settle()
    system.fails.add(("web-1", "ApplicationStart"))

    id_ = shop.restart(ignore_application_stop_failures=True)
    system.deliver("deployment.advance")
    system.deliver("target.run_hooks")
    system.fails.clear()
    system.settle()

    failed = shop.deployment(id_)
    assert failed.status == "Failed"
    after = shop.deployment(failed.rollback_deployment_id)
    assert (after.status, after.options.deployment_mode) == ("Succeeded", DeploymentMode.STANDARD)
    assert shop.events(after.id, "web-1") == dict.fromkeys(HOST_EVENTS, "Succeeded")
