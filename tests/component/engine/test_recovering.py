"""What is lost, dead or silent is found by the sweep; who was overtaken writes nothing."""

from datetime import timedelta

import pytest

from component.engine.system import ALL, until
from tidegate.domain.errors import Stale
from tidegate.domain.ids import TargetId
from tidegate.domain.lifecycle import HOST_EVENTS
from tidegate.drivers.hosts import Fact, Failed, Finished, HostKeyLearned, LogPiece
from tidegate.engine.health import metrics
from tidegate.engine.host_runs import HostRuns
from tidegate.engine.reports import record_reports
from tidegate.engine.targets import finish_segment, give_up
from tidegate.messages import ADVANCE, COMPLETE, LOOK_BACK, PRUNE, RUN_HOOKS
from tidegate.store.health import LEASES_LOST
from tidegate.testing.fake_host import FakeHost

BEGUN = Fact(1, {"fact": "begun", "at": 0})
STOP_BEGINS = Fact(2, {"fact": "event", "name": "ApplicationStop", "status": "InProgress", "at": 0})


@pytest.fixture
def shop(system):
    return system.shop("web-1", "web-2")


@pytest.fixture
def sent(system, shop):
    """A deployment whose first target was sent and whose message is lost."""
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    system.broker.queue.clear()
    system.sweep()
    system.broker.queue.clear()
    return id_


def test_a_lost_advance_is_sent_again(system, shop):
    shop.deploy("one")
    system.broker.queue.clear()

    system.sweep()
    assert ADVANCE not in system.waiting()
    assert system.sweep(after=2).woken == 1
    assert ADVANCE in system.waiting()


def test_what_a_sweep_has_sent_is_given_time_to_be_taken(system, shop):
    shop.deploy("one")

    assert [second for second in range(1, 12) if system.sweep(after=1).woken] == [2, 5, 8, 11]


def test_two_sweeps_at_once_wake_once(system, shop):
    shop.deploy("one")
    system.broker.queue.clear()

    assert system.sweep(after=2).woken == 1
    assert system.sweep().woken == 0


def test_what_nobody_took_is_sent_again_at_doubling_intervals(system, shop, sent):
    resent_after = [second for second in range(1, 230) if system.sweep(after=1).freed]

    assert resent_after == [30, 90, 210]
    assert system.waiting().count(RUN_HOOKS) == 3


def test_several_copies_are_taken_once(system, shop, sent):
    system.sweep(after=31)
    message = next(m for m in system.broker.queue if m.links[0] == RUN_HOOKS)
    system.broker.queue.append(message)

    system.settle()

    assert shop.deployment(sent).overview == {"Succeeded": 2}
    assert set(system.hosts.ran.values()) == {1}


def test_a_broker_that_is_down_loses_nothing(system, shop):
    system.broker.is_down = True
    id_ = shop.deploy("one")
    assert system.waiting() == []

    system.broker.is_down = False
    assert system.sweep(after=2).resent == 0
    assert system.sweep(after=2).resent == 1
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    with system.store.read() as uow:
        assert uow.outbox.oldest() is None


def test_what_was_tried_in_vain_still_says_since_when_it_waits(system, shop):
    system.broker.is_down = True
    shop.deploy("one")

    tried = [system.sweep(after=2).resent for _ in range(20)]

    assert set(tried) == {0}
    with system.store.read() as uow:
        assert metrics(uow).outbox_age == 40


def test_the_target_of_a_dead_worker_is_taken_over_where_it_stood(system, shop, sent):
    progress = system.taken(sent, "web-1", owner="worker-dead")
    host: FakeHost = system.hosts["web-1"]
    with system.store.write() as uow:
        uow.heartbeats.beat("worker-dead", "worker:hosts", uow.now())
        record_reports(progress, [HostKeyLearned("ssh-ed25519 AAAA")], uow=uow)

    assert system.sweep(after=10).freed == 0
    assert system.sweep(after=6).freed == 1
    system.settle()

    assert shop.deployment(sent).status == "Succeeded"
    assert set(host.ran.values()) == {1}
    with system.store.read() as uow:
        target = uow.targets.get(sent, TargetId("web-1"))
        assert uow.catalog.host("web-1").settings["host_key"] == "ssh-ed25519 AAAA"
        assert uow.heartbeats.total(LEASES_LOST) == 1
    assert target.attempt == 2


def test_a_target_that_is_held_and_not_followed_is_given_back(system, shop, sent):
    system.taken(sent, "web-1", owner="worker-1")

    system.worker.show_life()
    system.worker.show_life()

    assert system.sweep().freed == 1
    system.settle()
    assert shop.deployment(sent).status == "Succeeded"


def test_a_target_whose_thread_waits_for_the_database_is_not_given_back(system, shop, monkeypatch):
    order = HostRuns._order

    def order_late(*arguments):
        system.worker.show_life()
        system.worker.show_life()
        return order(*arguments)

    monkeypatch.setattr(HostRuns, "_order", order_late)
    id_ = shop.deploy("one")
    system.settle()

    with system.store.read() as uow:
        assert uow.targets.get(id_, TargetId("web-1")).attempt == 1
    assert shop.deployment(id_).status == "Succeeded"


def test_a_completion_that_was_lost_is_sent_again(system, shop, sent):
    system.sweep(after=31)
    system.deliver(RUN_HOOKS)
    system.broker.queue.clear()
    assert shop.statuses(sent)["web-1"] == "InProgress"

    system.sweep(after=11)
    system.settle()

    assert shop.deployment(sent).status == "Succeeded"
    assert set(system.hosts.ran.values()) == {1}


def everything(system, id_):
    with system.store.read() as uow:
        target = uow.targets.get(id_, TargetId("web-1"))
        events = [(event.name, event.status, event.log_size) for event in target.events]
        sizes = uow.lifecycle.log_sizes(id_, TargetId("web-1"))
        held = uow.leases.held_by("worker-2")
    return target.status, target.message, target.attempt, events, sizes, held, system.history(id_)


@pytest.fixture
def overtaken(system, sent):
    """What a worker knows whose target went to another one."""
    progress = system.taken(sent, "web-1", owner="worker-old")
    system.sweep(after=20)
    system.taken(sent, "web-1", owner="worker-2")
    return progress


def test_one_who_was_overtaken_records_nothing(system, sent, overtaken):
    before = everything(system, sent)

    with pytest.raises(Stale), system.store.write() as uow:
        reports = [BEGUN, STOP_BEGINS, LogPiece("ApplicationStop", 0, b"late")]
        record_reports(overtaken, reports, uow=uow)

    assert everything(system, sent) == before
    assert system.log(sent, "web-1", "ApplicationStop") == b""


def test_one_who_was_overtaken_ends_nothing(system, sent, overtaken):
    before = everything(system, sent)

    with system.store.write() as uow:
        assert not finish_segment(overtaken, uow=uow)
    with system.store.write() as uow:
        assert not give_up(overtaken, Failed("unreachable", "too late"), uow=uow)

    assert everything(system, sent) == before


def test_the_old_attempt_of_the_same_worker_is_old_too(system, sent):
    progress = system.taken(sent, "web-1", owner="worker-1")
    system.clock.advance(20)
    with system.store.write() as uow:
        uow.leases.claim_lapsed(now=uow.now(), alive_since=uow.now() - timedelta(seconds=15))
    system.taken(sent, "web-1", owner="worker-1")

    with pytest.raises(Stale), system.store.write() as uow:
        record_reports(progress, [BEGUN], uow=uow)


def silent_in_a_hook(system, id_):
    """Have web-1 fall silent while a hook runs there, and be given up."""
    host = system.hosts["web-1"]
    host.hanging.add("AfterInstall")
    system.sweep(after=31)
    thread = system.in_thread(lambda: system.deliver(RUN_HOOKS))
    until(lambda: host.ran[(id_, "web-1", "AfterInstall")])
    host.is_silent = True
    thread.join(30)
    system.settle()
    return host


def test_a_host_that_falls_silent_fails_at_the_event_that_ran(system, shop, sent):
    silent_in_a_hook(system, sent)

    assert shop.statuses(sent) == {"web-1": "Failed", "web-2": "Skipped"}
    events = shop.events(sent, "web-1")
    assert (events["Install"], events["AfterInstall"]) == ("Succeeded", "Failed")
    assert events["ValidateService"] == "Skipped"


def test_a_lost_host_that_comes_back_is_heard_and_changes_no_status(system, shop, sent):
    host = silent_in_a_hook(system, sent)
    system.sweep(after=31)
    system.settle()
    before = shop.statuses(sent), shop.events(sent, "web-1")

    host.is_silent = False
    host.hanging.clear()
    system.sweep(after=31)
    assert LOOK_BACK in system.waiting()
    system.settle()

    note = system.history(sent)[-1].transition
    assert note.name == "late"
    assert "The host came back; its run had gone on" in note.reason
    assert "ValidateService Succeeded" in note.reason
    assert (shop.statuses(sent), shop.events(sent, "web-1")) == before
    assert system.sweep(after=3600).freed == 0


def unheard_at_the_second_attempt(system):
    """Have web-1 fall silent for good before a word of its run was written down."""
    host = system.hosts["web-1"]
    host.is_silent = True
    system.sweep(after=31)
    system.settle()
    return host


def test_a_run_whose_beginning_was_never_written_down_is_looked_back_at(
    system, shop, sent, monkeypatch
):
    def lose(progress, *_, **__):
        raise Stale(progress.lease.target_id)

    with monkeypatch.context() as patch:
        patch.setattr("tidegate.engine.host_runs.record_reports", lose)
        system.sweep(after=31)
        system.deliver(RUN_HOOKS)
    host = unheard_at_the_second_attempt(system)
    assert shop.statuses(sent)["web-1"] == "Failed"

    host.is_silent = False
    system.sweep(after=31)
    system.settle()

    note = system.history(sent)[-1].transition
    assert note.name == "late"
    assert "ValidateService Succeeded" in note.reason
    assert system.sweep(after=3600).freed == 0


def test_looking_back_at_a_run_that_never_began_begins_it_not(system, shop, sent):
    system.taken(sent, "web-1", owner="worker-dead")
    host = unheard_at_the_second_attempt(system)
    with system.store.read() as uow:
        assert uow.targets.get(sent, TargetId("web-1")).is_lost
    before = system.history(sent)

    host.is_silent = False
    system.sweep(after=31)
    assert LOOK_BACK in system.waiting()
    system.settle()

    assert not host.ran
    assert system.history(sent) == before
    assert system.sweep(after=3600).freed == 0


def test_after_a_day_a_lost_host_is_not_asked_any_more(system, shop, sent):
    silent_in_a_hook(system, sent)
    for _ in range(24 * 6 + 125):
        system.sweep(after=600)
        system.settle()

    assert "not heard of again for a day" in system.history(sent)[-1].transition.reason
    with system.store.read() as uow:
        assert not uow.targets.get(sent, TargetId("web-1")).is_lost


def test_a_host_that_was_restarted_has_said_all_there_is(system, shop, sent):
    host = system.hosts["web-1"]
    host.hanging.add("AfterInstall")
    system.sweep(after=31)
    thread = system.in_thread(lambda: system.deliver(RUN_HOOKS))
    until(lambda: host.ran[(sent, "web-1", "AfterInstall")])
    host.restart()
    thread.join(30)
    system.settle()

    assert shop.statuses(sent)["web-1"] == "Failed"
    with system.store.read() as uow:
        assert not uow.targets.get(sent, TargetId("web-1")).is_lost


def test_a_run_that_ends_without_saying_how_is_not_waited_for(system, shop, sent):
    progress = system.taken(sent, "web-1", owner="worker-1")
    run_finished = [BEGUN, Fact(2, {"fact": "end", "outcome": "succeeded", "at": 0})]
    with system.store.write() as uow:
        record_reports(progress, run_finished, uow=uow)

    assert system.worker.runs._finish(progress, Finished())
    system.sweep(after=11)
    system.settle()

    assert shop.statuses(sent)["web-1"] == "Failed"
    assert shop.events(sent, "web-1")["ApplicationStop"] == "Failed"


def test_an_event_that_fails_without_having_begun_comes_from_pending(system, sent):
    progress = system.taken(sent, "web-1", owner="worker-1")
    body = {"fact": "event", "name": HOST_EVENTS[0], "status": "Failed", "message": "no", "at": 0}

    with system.store.write() as uow:
        record_reports(progress, [BEGUN, Fact(2, body)], uow=uow)

    last = system.history(sent)[-1].transition
    assert (last.source, last.to) == ("Pending", "Failed")


def test_a_worker_that_leaves_hands_its_targets_on_at_once(system, shop):
    system.hosts["web-1"].hanging.add("AfterInstall")
    id_ = shop.deploy("one", config_name=ALL)
    system.deliver(ADVANCE)
    leaving = system.new_worker("worker-2")
    thread = system.in_thread(lambda: system.deliver(RUN_HOOKS, leaving))
    until(lambda: system.hosts["web-1"].ran[(id_, "web-1", "AfterInstall")])

    leaving.runs.let_go()
    thread.join(30)
    system.hosts["web-1"].hanging.clear()
    assert system.sweep().freed == 1
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert set(system.hosts.ran.values()) == {1}
    with system.store.read() as uow:
        assert uow.heartbeats.total(LEASES_LOST) == 0


def test_retention_is_asked_for_once_a_day(system):
    asked = 0
    for _ in range(49):
        system.sweep(after=3600)
        asked += system.waiting().count(PRUNE)
        system.broker.queue.clear()

    assert asked == 3


def test_links_that_are_done_end_by_themselves(system, shop, sent):
    system.sweep(after=31)
    message = next(m for m in system.broker.queue if m.links[0] == RUN_HOOKS)
    system.settle()
    history = system.history(sent)

    assert not system.worker.perform(message)
    assert COMPLETE not in system.waiting()
    assert system.history(sent) == history
