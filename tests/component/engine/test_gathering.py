"""Targets that are written before a deployment begins, and large fleets that start bit by bit."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from component.engine.system import ALL
from tidegate.domain.deployment import DeploymentOptions
from tidegate.domain.errors import Stale
from tidegate.engine import advance as engine
from tidegate.engine import gathering
from tidegate.messages import ADVANCE, RUN_HOOKS
from tidegate.planning import in_place
from tidegate.store.unit_of_work import Store

WEBS = ("web-1", "web-2", "web-3", "web-4", "web-5")
KNOWN_TARGETS = text("SELECT reltuples FROM pg_class WHERE relname = 'targets'")


class Cut(Exception):
    """The worker was killed."""


@pytest.fixture
def slices_of_two(monkeypatch):
    monkeypatch.setattr(gathering, "SLICE", 2)


@pytest.fixture
def cut_after(monkeypatch):
    """Break off whoever writes targets, before slice number *count* + 1."""

    def cut(count):
        write, written = gathering._write, []

        def and_break(*arguments):
            if len(written) == count:
                monkeypatch.setattr(gathering, "_write", write)
                raise Cut
            written.append(arguments)
            return write(*arguments)

        monkeypatch.setattr(gathering, "_write", and_break)

    return cut


def order(system, id_):
    with system.store.read() as uow:
        targets = uow.targets.written(id_).values()
    in_order = sorted(targets, key=lambda target: target.position)
    assert [target.position for target in in_order] == list(range(len(in_order)))
    return [target.id for target in in_order]


def test_targets_are_written_in_slices_and_no_transaction_writes_more(
    system, slices_of_two, monkeypatch
):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    sizes = []
    write = Store.write

    def counted(self, **options):
        sizes.append(len(order(system, id_)))
        return write(self, **options)

    monkeypatch.setattr(Store, "write", counted)
    system.deliver(ADVANCE)
    monkeypatch.setattr(Store, "write", write)
    system.settle()

    assert sizes == [0, 0, 2, 4, 5]
    assert order(system, id_) == list(WEBS)
    assert shop.deployment(id_).overview == {"Succeeded": 5}


def test_what_was_broken_off_is_taken_up_again(system, slices_of_two, cut_after):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    cut_after(1)
    with pytest.raises(Cut):
        system.deliver(ADVANCE)
    begun = order(system, id_)
    before = shop.deployment(id_).status

    swept = system.sweep(after=31)
    system.settle()

    assert begun == ["web-1", "web-2"]
    assert before == "Created"
    assert swept.woken == 1
    assert order(system, id_) == list(WEBS)
    assert shop.deployment(id_).overview == {"Succeeded": 5}


def test_hosts_that_went_meanwhile_are_no_targets(system, slices_of_two, cut_after):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    cut_after(2)
    with pytest.raises(Cut):
        system.deliver(ADVANCE)
    with system.store.write() as uow:
        uow.catalog.delete_host(uow.catalog.host("web-1").id)

    system.advance(id_)
    system.settle()

    assert order(system, id_) == ["web-2", "web-3", "web-4", "web-5"]
    assert shop.deployment(id_).overview == {"Succeeded": 4}


def test_a_host_that_was_replaced_by_one_of_its_name_meanwhile_is_deployed_to(
    system, slices_of_two, cut_after
):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    cut_after(2)
    with pytest.raises(Cut):
        system.deliver(ADVANCE)
    with system.store.write() as uow:
        before = uow.catalog.host("web-1")
        uow.catalog.delete_host(before.id)
        uow.catalog.add_host(replace(before, id="another"))

    system.advance(id_)
    system.settle()

    assert shop.deployment(id_).overview == {"Succeeded": 5}


def test_what_is_outdated_only_now_is_not_skipped(system, slices_of_two, cut_after):
    shop = system.shop(*WEBS, config=ALL)
    shop.deploy("one")
    system.settle()
    id_ = shop.deploy("one", options=DeploymentOptions(update_outdated_only=True))
    cut_after(1)
    with pytest.raises(Cut):
        system.deliver(ADVANCE)
    with system.store.write() as uow:
        # A script of a deployment that was stopped before has ended only now.
        broken = replace(uow.installations.of(shop.group_id)["web-1"], healthy=False)
        uow.installations.record(shop.group_id, "web-1", broken, deployment_id=id_)

    system.advance(id_)
    system.settle()

    assert order(system, id_) == ["web-1"]
    assert shop.deployment(id_).overview == {"Succeeded": 1}


def test_two_that_gather_at_once_write_each_target_once(system, slices_of_two, monkeypatch):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    find = gathering._find

    def while_another_writes(deployment, uow):
        found = find(deployment, uow)
        with system.store.write() as other:
            gathering._write(id_, found.targets[1:4], other)
        return found

    monkeypatch.setattr(gathering, "_find", while_another_writes)
    system.settle()

    assert order(system, id_) == list(WEBS)
    assert set(system.hosts.ran.values()) == {1}


def test_who_gathers_late_takes_no_target_from_a_deployment_that_has_begun(
    system, slices_of_two, cut_after, monkeypatch
):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    cut_after(1)
    with pytest.raises(Cut):
        system.deliver(ADVANCE)
    find = gathering._find

    def while_another_begins(deployment, uow):
        monkeypatch.setattr(gathering, "_find", find)
        found = find(deployment, uow)
        system.advance(id_)
        others = [replace(one, position=4 - one.position) for one in found.targets]
        return replace(found, targets=others)

    monkeypatch.setattr(gathering, "_find", while_another_begins)
    system.advance(id_)
    system.settle()

    assert order(system, id_) == list(WEBS)
    assert shop.deployment(id_).overview == {"Succeeded": 5}


def test_a_deployment_begins_only_with_the_targets_that_were_gathered(system, monkeypatch):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    gather = engine.gather_targets

    def and_lose_one(deployment_id, *, store):
        gathered = gather(deployment_id, store=store)
        with store.write() as uow:
            uow.targets.remove(deployment_id, ["web-3"])
        return gathered

    monkeypatch.setattr(engine, "gather_targets", and_lose_one)
    with pytest.raises(Stale):
        system.advance(id_)
    begun = shop.deployment(id_).status
    monkeypatch.setattr(engine, "gather_targets", gather)
    system.settle()

    assert begun == "Created"
    assert shop.deployment(id_).overview == {"Succeeded": 5}


def test_a_deployment_that_is_stopped_meanwhile_never_begins(system, slices_of_two, monkeypatch):
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    find = gathering._find

    def and_stop(deployment, uow):
        found = find(deployment, uow)
        system.stop(id_)
        return found

    monkeypatch.setattr(gathering, "_find", and_stop)
    system.settle()

    assert shop.deployment(id_).status == "Stopped"
    assert order(system, id_) == []


def test_of_a_large_fleet_only_some_wait_for_a_worker_and_all_have_their_turn(system, monkeypatch):
    monkeypatch.setattr(in_place, "MOST_QUEUED", 2)
    shop = system.shop(*WEBS, config=ALL)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    first = system.waiting()

    system.deliver(RUN_HOOKS)
    taken = system.sweep(after=1.1)
    system.deliver(ADVANCE)
    then = system.waiting().count(RUN_HOOKS)
    system.settle()
    while shop.deployment(id_).status == "InProgress":
        system.sweep(after=1.1)
        system.settle()

    assert first == [RUN_HOOKS] * 2
    assert taken.woken == 1
    assert then == 2
    assert shop.deployment(id_).overview == {"Succeeded": 5}
    assert set(system.hosts.ran.values()) == {1}


def test_what_one_decision_leaves_the_next_one_starts_at_once(system, monkeypatch):
    monkeypatch.setattr(in_place, "MOST_AT_ONCE", 2)
    shop = system.shop(*WEBS, config=ALL)
    shop.deploy("one")
    started = []

    for _ in range(3):
        system.deliver(ADVANCE)
        started.append(system.waiting().count(RUN_HOOKS))

    assert started == [2, 4, 5]
    assert ADVANCE not in system.waiting()


def test_a_table_that_has_grown_at_once_is_looked_at_by_the_database(
    system, slices_of_two, monkeypatch
):
    monkeypatch.setattr(gathering, "MANY", 4)
    shop = system.shop(*WEBS, config=ALL)
    shop.deploy("one")

    system.deliver(ADVANCE)

    with system.engine.connect() as connection:
        if system.engine.dialect.name == "postgresql":
            assert connection.scalar(KNOWN_TARGETS) == 4
    system.settle()


def test_where_it_grows_by_few_the_database_is_left_alone(system, slices_of_two):
    shop = system.shop(*WEBS, config=ALL)
    shop.deploy("one")

    system.deliver(ADVANCE)

    with system.engine.connect() as connection:
        if system.engine.dialect.name == "postgresql":
            assert connection.scalar(KNOWN_TARGETS) <= 0
