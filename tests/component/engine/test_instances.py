"""On-premises instances in deployments: registered ones take part, and want a way to be reached."""

import threading
from dataclasses import replace

import pytest

from component.engine.system import ALL
from tidegate.domain.errors import HostExists, IamArnTaken, InUse
from tidegate.domain.tag_filters import TagFilter, TagFilterType
from tidegate.engine.hosts import HostRequest, change_host, create_host
from tidegate.engine.instances import (
    Identity,
    deregister_instance,
    register_instance,
    tag_instances,
    untag_instances,
)

WEB = ((TagFilter(TagFilterType.KEY_AND_VALUE, "role", "web"),),)


WAY = {"address": "10.0.0.1", "trust_on_first_use": True}


def user(name: str) -> Identity:
    return Identity(iam_user_arn=f"arn:aws:iam::111122223333:user/{name}")


def with_instance(system, name: str, identity: Identity | None = None) -> None:
    with system.store.write() as uow:
        register_instance(name, identity or user(name), uow=uow)


def host_of(system, name: str):
    with system.store.read() as uow:
        return uow.catalog.host(name)


def tag(system, *names: str) -> None:
    with system.store.write() as uow:
        tag_instances(names, {"role": "web"}, uow=uow)


def test_one_that_cannot_be_reached_fails_and_says_what_is_wanted(system):
    shop = system.shop("web-1", config=ALL, tag_set=WEB)
    with_instance(system, "web-2")
    tag(system, "web-1", "web-2")

    id_ = shop.deploy("one")
    system.settle()

    assert shop.statuses(id_) == {"web-1": "Succeeded", "web-2": "Failed"}
    with system.store.read() as uow:
        (failed,) = [t for t in uow.targets.page(id_, limit=9) if t.id == "web-2"]
    assert "`tidegate host set web-2 --ssh USER@ADDRESS`" in failed.message


def test_one_of_systems_manager_is_reached_over_ssm_without_a_word(system):
    node = "mi-0123456789abcdef0"
    with_instance(system, node)
    with_instance(system, "mi-else")

    assert (host_of(system, node).driver, host_of(system, node).settings) == (
        "ssm",
        {"instance_id": node},
    )
    assert not host_of(system, "mi-else").is_reachable


def test_one_that_was_deregistered_takes_no_part(system):
    shop = system.shop("web-1", "web-2", config=ALL)
    with system.store.write() as uow:
        deregister_instance("web-2", uow=uow)

    id_ = shop.deploy("one")
    system.settle()

    assert shop.statuses(id_) == {"web-1": "Succeeded"}


def test_one_that_is_deregistered_meanwhile_comes_to_its_end(system):
    shop = system.shop("web-1", "web-2")
    id_ = shop.deploy("one")
    system.deliver("deployment.advance")
    with system.store.write() as uow:
        deregister_instance("web-2", uow=uow)
    system.settle()

    assert shop.statuses(id_) == {"web-1": "Succeeded", "web-2": "Succeeded"}


def test_one_that_gets_a_way_while_it_waits_is_deployed_to(system):
    shop = system.shop("web-1", tag_set=WEB)
    with_instance(system, "web-2")
    tag(system, "web-1", "web-2")
    id_ = shop.deploy("one")
    system.deliver("deployment.advance")
    with system.store.write() as uow:
        change_host("web-2", lambda now: replace(now, settings=WAY), uow=uow)

    system.settle()

    assert shop.statuses(id_) == {"web-1": "Succeeded", "web-2": "Succeeded"}


def test_one_at_which_a_run_goes_on_is_not_moved_by_adding_it_again(system):
    shop = system.shop("web-1")
    with system.store.write() as uow:
        uow.catalog.save_host(replace(uow.catalog.host("web-1"), driver="ssh", settings=WAY))
    id_ = shop.deploy("one")
    system.deliver("deployment.advance")
    system.taken(id_, "web-1")
    with system.store.write() as uow:
        deregister_instance("web-1", uow=uow)

    def added(address: str) -> None:
        with system.store.write() as uow:
            request = HostRequest(settings={**WAY, "address": address}, tags={"a": "b"})
            create_host("web-1", request, uow=uow)

    with pytest.raises(InUse, match=id_):
        added("10.0.0.9")
    assert not host_of(system, "web-1").is_registered
    added("10.0.0.1")

    assert host_of(system, "web-1").is_registered
    assert host_of(system, "web-1").tags == {"a": "b"}


def test_the_database_itself_keeps_names_and_identities_apart(system):
    """Whoever comes second at the same moment has looked before the first one was there."""
    with_instance(system, "iam_host")
    with_instance(system, "other")
    held, other = host_of(system, "iam_host"), host_of(system, "other")

    def added(**changes):
        with system.store.write() as uow:
            uow.catalog.add_host(replace(held, id=uow.ids.unique(), **changes))

    def saved_as_held():
        identity = held.registration.iam_user_arn
        with system.store.write() as uow:
            registration = replace(other.registration, iam_user_arn=identity)
            uow.catalog.save_host(replace(other, registration=registration))

    with pytest.raises(HostExists):
        added(registration=replace(held.registration, iam_user_arn=""))
    with pytest.raises(IamArnTaken):
        added(name="new")
    with pytest.raises(IamArnTaken):
        saved_as_held()
    with system.store.write() as uow:
        deregister_instance("iam_host", uow=uow)
    saved_as_held()


def test_names_and_identities_are_taken_once_even_by_many_at_once(system):
    barrier, results = threading.Barrier(4), []

    def attempt(name: str, identity: Identity):
        barrier.wait(10)
        try:
            with_instance(system, name, identity)
        except (HostExists, IamArnTaken) as refusal:
            results.append(refusal)
        else:
            results.append(name)

    threads = [
        system.in_thread(lambda name=name, of=of: attempt(name, user(of)))
        for name, of in (("web-1", "a"), ("web-1", "b"), ("web-2", "a"), ("web-2", "b"))
    ]
    for thread in threads:
        thread.join(30)

    with system.store.read() as uow:
        hosts = uow.catalog.hosts_page(limit=100)
    assert len(results) == 4
    assert sorted(r for r in results if isinstance(r, str)) == [host.name for host in hosts]
    assert len({host.registration.iam_user_arn for host in hosts}) == len(hosts)


def test_tags_added_at_the_same_time_are_all_kept(system):
    names = ["web-1", "web-2", "web-3"]
    for name in names:
        with_instance(system, name)

    def add(key: str, order: list[str]):
        with system.store.write() as uow:
            tag_instances(order, {key: "x"}, uow=uow)

    threads = [
        system.in_thread(lambda key=key, order=order: add(key, order))
        for key, order in (("a", names), ("b", names[::-1]), ("c", names), ("d", names[::-1]))
    ]
    for thread in threads:
        thread.join(30)
    with system.store.write() as uow:
        untag_instances(names, [("a", "x"), ("b", "y")], uow=uow)

    for name in names:
        assert host_of(system, name).tags == {"b": "x", "c": "x", "d": "x"}
