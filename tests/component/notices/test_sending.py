"""Notices on their way: in order, again after a while, once, and given up at last."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from component.engine.system import ALL, System
from component.notices.ears import OTHER, PATIENCE, TOPIC, Ears, group, rows, telling, waiting
from tidegate.domain.aws_group import TriggerEvent
from tidegate.domain.notices import Channel
from tidegate.engine.health import metrics
from tidegate.engine.notices import LEASE, MOST_SENDERS, NoticeSending
from tidegate.engine.retention import prune
from tidegate.engine.sweep import GRACE
from tidegate.messages import SEND_NOTICES
from tidegate.store.notice_tables import NoticeRow
from tidegate.store.notices import NoticeOutcome

START = telling(TriggerEvent.DEPLOYMENT_START)
BOTH = telling(TriggerEvent.DEPLOYMENT_START, TriggerEvent.DEPLOYMENT_SUCCESS)


class Crash(BaseException):
    """The process is gone."""


def sending(system: System, ears: Ears) -> NoticeSending:
    """One more process that sends."""
    return NoticeSending(store=system.store, sender=ears.sender)


def figures(system: System):
    with system.store.read() as uow:
        return metrics(uow)


def totals(system: System) -> dict[tuple[str, str], int]:
    return {key: count for key, count in figures(system).notices.items() if count}


def due_at(system: System) -> datetime:
    with system.store.read() as uow:
        (moment,) = uow.session.scalars(select(NoticeRow.due_at)).all()
    return moment


def wait_and_sweep(system: System, after: timedelta) -> None:
    system.sweep((after + GRACE).total_seconds())
    system.settle()


def test_what_cannot_be_reached_is_tried_again_at_doubling_intervals(system, ears):
    ears.fails = {TOPIC}
    system.shop("web-1", aws=group(START)).deploy("one")
    system.settle()

    waits = []
    for tries in range(1, 13):
        assert len(ears.attempts) == tries
        waits.append(due_at(system) - system.clock.now())
        system.sweep(waits[-1].total_seconds() - 1)
        system.settle()
        assert len(ears.attempts) == tries, "it was tried too early"
        system.sweep(1 + GRACE.total_seconds())
        system.settle()

    assert [wait.total_seconds() for wait in waits[:4]] == [5, 10, 20, 40]
    assert waits[-3:] == [timedelta(minutes=15)] * 3
    ears.fails = set()
    wait_and_sweep(system, timedelta(minutes=15))
    assert ears.statuses() == ["CREATED"]
    assert waiting(system) == 0


def test_after_a_day_it_is_given_up(system, ears):
    ears.fails = {TOPIC}
    system.shop("web-1", aws=group(START)).deploy("one")
    system.settle()

    for _ in range(110):
        wait_and_sweep(system, timedelta(minutes=15))

    assert waiting(system) == 0
    ((target, dropped_at),) = rows(system)
    assert target == TOPIC
    assert dropped_at is not None
    assert totals(system) == {("sns", "dropped"): 1}
    assert figures(system).notice_age == 0
    attempts = len(ears.attempts)
    wait_and_sweep(system, timedelta(hours=1))
    assert len(ears.attempts) == attempts


def test_what_is_refused_is_dropped_at_once_and_the_next_is_tried(system, ears):
    ears.refuses = {TOPIC}
    shop = system.shop("web-1", aws=group(BOTH))

    id_ = shop.deploy("one")
    system.settle()

    assert shop.deployment(id_).status == "Succeeded"
    assert ears.attempts == [TOPIC, TOPIC]
    with system.engine.connect() as connection:
        why = connection.exec_driver_sql("SELECT why FROM notices").scalars().all()
    assert why == ["There is no such topic."] * 2
    assert totals(system) == {("sns", "dropped"): 2}


def test_what_was_dropped_is_kept_for_the_days_of_the_logs(system, ears):
    ears.refuses = {TOPIC}
    system.shop("web-1", aws=group(START)).deploy("one")
    system.settle()

    system.clock.advance(timedelta(days=89))
    prune(store=system.store, artifacts=system.artifacts, keep=timedelta(days=90))
    assert len(rows(system)) == 1
    system.clock.advance(timedelta(days=2))
    prune(store=system.store, artifacts=system.artifacts, keep=timedelta(days=90))

    assert rows(system) == []
    assert totals(system) == {("sns", "dropped"): 1}


def test_those_behind_wait_for_the_first_and_come_in_their_order(system, ears):
    ears.fails = {TOPIC}
    shop = system.shop("web-1", "web-2", aws=group(telling(), telling(topic=OTHER)))

    shop.deploy("one")
    system.settle()

    assert ears.attempts.count(TOPIC) == 1
    in_order = ears.statuses(OTHER)
    assert len(in_order) == 6
    ears.fails = set()
    wait_and_sweep(system, timedelta(minutes=15))
    assert ears.statuses(TOPIC) == in_order
    assert totals(system) == {("sns", "sent"): 12}


def test_a_topic_that_is_away_is_not_asked_for_each_that_waits(system, ears):
    ears.fails = {TOPIC}
    shop = system.shop(*(f"web-{n}" for n in range(9)), config=ALL, aws=group(telling()))
    shop.deploy("one")
    system.settle()

    wait_and_sweep(system, timedelta(minutes=15))

    assert waiting(system) == 20
    assert len(ears.attempts) == 2


def test_two_senders_send_each_notice_once_and_in_order(system, ears):
    shop = system.shop(*(f"web-{n}" for n in range(9)), config=ALL, aws=group(telling()))
    shop.deploy("one")
    while others := [one for one in system.broker.queue if one.links[0] != SEND_NOTICES]:
        system.broker.queue.remove(others[0])
        system.worker.perform(others[0])
    both = threading.Barrier(2, timeout=PATIENCE)

    def send() -> None:
        both.wait()
        sending(system, ears).send_due()

    threads = [system.in_thread(send) for _ in range(2)]
    for thread in threads:
        thread.join(PATIENCE)
    sending(system, ears).send_due()

    assert len(ears.heard) == 20
    assert ears.statuses()[0] == "CREATED"
    assert ears.messages()[-1]["status"] == "SUCCEEDED"
    assert waiting(system) == 0


def test_what_a_killed_sender_held_is_sent_by_another(system, ears):
    system.shop("web-1", aws=group(BOTH)).deploy("one")

    def die(_: object) -> None:
        raise Crash

    ears.before = die
    with pytest.raises(Crash):
        system.deliver(SEND_NOTICES)
    ears.before = lambda _: None

    other = system.new_worker("worker-2")
    system.settle(other)
    assert ears.heard == []
    wait_and_sweep(system, LEASE)

    assert ears.statuses() == ["CREATED", "SUCCEEDED"]
    assert waiting(system) == 0


def test_what_takes_its_sender_along_each_time_is_given_up_as_well(system, ears):
    system.shop("web-1", aws=group(START)).deploy("one")

    def die(_: object) -> None:
        raise Crash

    ears.before = die
    for _ in range(3):
        with pytest.raises(Crash):
            sending(system, ears).send_due()
        system.clock.advance(LEASE)
    system.clock.advance(timedelta(hours=24))
    sending(system, ears).send_due()

    assert len(ears.attempts) == 3
    assert totals(system) == {("sns", "dropped"): 1}


def test_one_that_comes_back_too_late_writes_nothing(system, ears):
    system.shop("web-1", aws=group(START)).deploy("one")
    with system.store.write() as uow:
        taken = uow.notices.take(now=uow.now(), lease=LEASE)
    assert taken is not None
    system.clock.advance(LEASE)
    with system.store.write() as uow:
        again = uow.notices.take(now=uow.now(), lease=LEASE)
        uow.notices.passed(taken)
        uow.notices.drop(taken, at=uow.now(), why="late")
        uow.notices.put_off(taken, until=uow.now(), why="late")
    assert again is not None

    assert waiting(system) == 1
    with system.store.write() as uow:
        uow.notices.passed(again)
    assert totals(system) == {("sns", "sent"): 1}


def test_a_silent_topic_holds_up_neither_the_sweep_nor_a_deployment(system, ears):
    ears.silent = {TOPIC}
    shop = system.shop("web-1", "web-2", aws=group(telling(), telling(topic=OTHER)))
    id_ = shop.deploy("one")
    silenced = system.in_thread(lambda: system.deliver(SEND_NOTICES))
    assert ears.asked.wait(PATIENCE)

    system.settle(system.new_worker("worker-2"))
    swept = system.sweep(2)

    assert shop.deployment(id_).status == "Succeeded"
    assert len(ears.statuses(OTHER)) == 6
    assert swept.woken == 0
    ears.silent = set()
    ears.woken.set()
    silenced.join(PATIENCE)
    wait_and_sweep(system, timedelta(minutes=15))
    assert ears.statuses(TOPIC) == ears.statuses(OTHER)


def test_silence_takes_few_threads_of_a_worker(system, ears):
    topics = [f"{TOPIC}-{n}" for n in range(MOST_SENDERS + 2)]
    ears.silent = set(topics)
    triggers = [telling(TriggerEvent.DEPLOYMENT_START, topic=topic) for topic in topics]
    system.shop("web-1", aws=group(*triggers)).deploy("one")
    sender = sending(system, ears)
    threads = [system.in_thread(sender.send_due) for _ in topics]
    deadline = threading.Event()
    while len(ears.attempts) < MOST_SENDERS:
        assert not deadline.wait(0.01)

    assert sender.send_due() == 0
    assert len(ears.attempts) == MOST_SENDERS
    ears.woken.set()
    for thread in threads:
        thread.join(PATIENCE)


def test_one_that_is_about_to_end_takes_nothing_more(system, ears):
    system.shop("web-1", aws=group(START)).deploy("one")
    leaving = NoticeSending(store=system.store, sender=ears.sender, is_leaving=lambda: True)

    assert leaving.send_due() == 0
    assert ears.attempts == []


def test_without_a_broker_the_sweep_has_it_sent(system, ears):
    system.broker.is_down = True
    system.shop("web-1", aws=group(START)).deploy("one")
    system.broker.is_down = False

    assert figures(system).notice_age == 0
    system.clock.advance(timedelta(seconds=7))
    assert figures(system).notice_age == 7
    system.sweep(1)
    system.deliver(SEND_NOTICES)

    assert ears.statuses() == ["CREATED"]


def test_the_sweep_is_quiet_where_nothing_is_due(system, ears):
    ears.fails = {TOPIC}
    system.shop("web-1", aws=group(START)).deploy("one")
    system.settle()
    sent = system.broker.sent[SEND_NOTICES]

    system.sweep(1)

    assert system.broker.sent[SEND_NOTICES] == sent


def test_what_never_happened_is_counted_from_the_beginning(system):
    keys = {(channel, outcome) for channel in Channel for outcome in NoticeOutcome}

    assert figures(system).notices == dict.fromkeys(keys, 0)
