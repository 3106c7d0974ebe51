"""Celery tasks: thin, told apart by queue, and never a danger to the thread that runs them."""

from itertools import count
from types import SimpleNamespace

import pytest
from celery import chain

from component.engine.system import System
from component.notices.ears import Ears, group, telling
from tidegate.domain.errors import NoSpace, Stale
from tidegate.domain.lifecycle import HOST_SEGMENT
from tidegate.domain.notices import Channel
from tidegate.engine.notices import NoticeSending
from tidegate.messages import (
    ADVANCE,
    COMPLETE,
    HOSTS,
    RUN_HOOKS,
    SEND_NOTICES,
    SWEEP,
    queue_of,
)
from tidegate.settings import Settings
from tidegate.store.deployments import AGAIN
from tidegate_workers import tasks
from tidegate_workers.app import app
from tidegate_workers.base import SafeTask, TaskCrashed
from tidegate_workers.runtime import Runtime, runtime
from tidegate_workers.signals import _beat, _beat_once


def perform_all(system: System) -> None:
    """Do what Celery does with the messages, in this thread."""
    by_name = {
        ADVANCE: tasks.advance_deployment,
        RUN_HOOKS: tasks.run_hooks,
        COMPLETE: tasks.complete_target,
        SEND_NOTICES: tasks.send_notices,
        SWEEP: tasks.sweep,
    }
    while system.broker.queue:
        message = system.broker.queue.pop(0)
        links = [by_name[name].si(**message.arguments) for name in message.links]
        chain(*links).apply()


def test_the_tasks_bring_a_deployment_to_its_end(system):
    shop = system.shop("web-1", "web-2")

    id_ = shop.deploy("one")
    perform_all(system)

    assert shop.deployment(id_).status == "Succeeded"


def test_a_worker_sends_what_a_trigger_asks_for(system, monkeypatch):
    ears = Ears()
    monkeypatch.setitem(runtime.__dict__, "notices", NoticeSending(system.store, ears.sender))
    shop = system.shop("web-1", aws=group(telling()))

    shop.deploy("one")
    perform_all(system)

    assert ears.statuses() == ["CREATED", "IN_PROGRESS", "SUCCEEDED", "SUCCEEDED"]


def test_notices_are_sent_where_no_decision_waits():
    assert queue_of(SEND_NOTICES) == HOSTS


def test_a_worker_has_one_sender_for_each_channel(tmp_path):
    settings = Settings(data_dir=tmp_path, event_source="mine", assume_service_role=True)
    runtime = Runtime(settings=settings, owner="worker-1")
    made = {channel: runtime.notice_sender(channel) for channel in Channel}

    assert all(runtime.notice_sender(channel) is one for channel, one in made.items())
    assert runtime.notices.store is runtime.store
    assert not runtime.notices.is_leaving()
    runtime.runs.let_go()
    assert runtime.notices.is_leaving()


def test_a_chain_ends_quietly_at_a_link_that_has_nothing_to_go_on_with(system):
    shop = system.shop("web-1")
    id_ = shop.deploy("one")
    tasks.advance_deployment.apply(kwargs={"deployment_id": id_})
    system.taken(id_, "web-1", owner="another-worker")
    arguments = {"deployment_id": id_, "target": "web-1", "segment": HOST_SEGMENT}

    result = chain(tasks.run_hooks.si(**arguments), tasks.complete_target.si(**arguments)).apply()

    assert result.parent is None or result.parent.state == "IGNORED"
    assert shop.statuses(id_) == {"web-1": "InProgress"}


@pytest.mark.parametrize("task", [tasks.advance_deployment, tasks.fetch_bundle])
def test_a_message_about_what_is_not_there_is_dropped(system, task):
    result = task.apply(kwargs={"deployment_id": "d-NOBODY000"})

    assert result.state == "IGNORED"


numbers = count()


def failing(app, error, tries):
    """Return a task that counts its tries in *tries* and fails each time."""

    @app.task(base=SafeTask, bind=True, name=f"test.fails.{next(numbers)}")
    def fails(_self):
        tries.append(1)
        raise error

    return fails


@pytest.mark.parametrize("error", [Stale("d-1"), NoSpace("the database")])
def test_what_may_pass_is_tried_again_a_few_times(system, error):
    from tidegate_workers.app import app

    tries: list[int] = []
    failing(app, error, tries).apply()

    assert len(tries) == 6


def test_what_is_wrong_with_us_is_a_failure_and_not_tried_again(system):
    from tidegate_workers.app import app

    tries: list[int] = []
    result = failing(app, ZeroDivisionError(), tries).apply()

    assert (result.state, len(tries)) == ("FAILURE", 1)


def test_a_task_cannot_take_its_thread_along(system):
    from tidegate_workers.app import app

    with pytest.raises(TaskCrashed, match="SystemExit"):
        failing(app, SystemExit(1), []).apply(throw=True)


def test_a_heartbeat_names_the_worker_and_learns_of_stops(system):
    _beat(["hosts", "control"])

    with system.store.read() as uow:
        now = uow.now()
        assert uow.heartbeats.alive("worker:hosts", since=now) == ["worker-1"]
        assert uow.heartbeats.alive("worker:control", since=now) == ["worker-1/control"]


def test_a_heartbeat_says_that_the_store_is_away_where_it_is_needed(system, monkeypatch):
    lacking = SimpleNamespace(trouble=lambda: "It is away.")
    monkeypatch.setitem(runtime.__dict__, "watch", lacking)

    _beat(["hosts", "traffic"])

    with system.store.read() as uow:
        assert uow.heartbeats.troubles(since=uow.now()) == [
            ("worker-1", "worker:hosts", "It is away.")
        ]
    monkeypatch.setattr(lacking, "trouble", lambda: None)
    _beat(["hosts", "traffic"])
    with system.store.read() as uow:
        assert uow.heartbeats.troubles(since=uow.now()) == []


def test_a_worker_that_leaves_takes_all_its_signs_of_life_along(system):
    _beat(["hosts", "traffic"])

    with system.store.write() as uow:
        uow.heartbeats.leave("worker-1")
        assert not uow.heartbeats.alive("worker:hosts", since=uow.now())
        assert not uow.heartbeats.alive("worker:traffic", since=uow.now())


def test_the_heart_outlives_any_error(system, monkeypatch):
    def breaks():
        raise RuntimeError

    monkeypatch.setattr(type(system.worker.runs), "keep_alive", lambda *_: breaks())

    _beat_once(["hosts"])


def test_no_sweep_is_done_that_waited_for_as_long_as_what_it_would_send_again():
    assert app.conf.beat_schedule[SWEEP]["options"]["expires"] <= AGAIN.total_seconds()


def test_sessions_and_decisions_have_queues_of_their_own():
    from tidegate_workers.__main__ import worker_arguments

    hosts = worker_arguments(["hosts", "traffic"], 7)
    control, traffic = (worker_arguments([name], None) for name in ("control", "traffic"))

    assert hosts[hosts.index("-Q") + 1] == "hosts,traffic"
    assert [one[one.index("-c") + 1] for one in (control, traffic)] == ["8", "32"]
    assert hosts[hosts.index("-c") + 1] == "7"
    assert control[control.index("-Q") + 1] == "control"
    assert "--disable-prefetch" in hosts
