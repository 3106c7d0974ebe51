"""On-premises instances in deployments: registered ones take part, and want a way to be reached."""

from component.engine.system import ALL
from tidegate.domain.group import TagFilter, TagFilterType
from tidegate.engine.instances import (
    Identity,
    deregister_instance,
    register_instance,
    tag_instances,
)

WEB = ((TagFilter(TagFilterType.KEY_AND_VALUE, "role", "web"),),)


def with_instance(system, name: str) -> None:
    with system.store.write() as uow:
        identity = Identity(iam_user_arn=f"arn:aws:iam::111122223333:user/{name}")
        register_instance(name, identity, uow=uow)


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
