"""How a group's hosts are dealt with: from its row to what its hosts are told."""

from dataclasses import asdict, replace

import pytest

from tidegate.domain.group import HostOptions, OnStop, WorkingDirectory
from tidegate.drivers.hosts import HostAddress
from tidegate.engine.hosts import change_host
from tidegate.store.groups import Groups
from tidegate.testing.fake_host import FakeHosts

ALL_OTHERWISE = HostOptions(
    working_directory=WorkingDirectory.ARCHIVE,
    sudo=True,
    allow_setid=True,
    on_stop=OnStop.END,
    max_revisions=2,
)


class ListeningHosts(FakeHosts):
    """Hosts that remember how they were reached."""

    def follow(self, address, run, *, seen, report):
        self.address = address
        return super().follow(address, run, seen=seen, report=report)


@pytest.mark.parametrize("options", [HostOptions(), ALL_OTHERWISE])
def test_what_a_group_wants_reaches_its_hosts(system, options):
    system.hosts = ListeningHosts(system.clock)
    shop = system.shop("web-1", host_options=options)

    shop.deploy("one")
    system.settle(system.new_worker("worker-2"))

    [run] = system.hosts["web-1"].runs.values()
    told = {key: run.spec[key] for key in ("working_directory", "allow_setid", "max_revisions")}
    assert told.items() <= asdict(options).items()
    sudo = {"sudo": True} if options.sudo else {}
    assert system.hosts.address == HostAddress(name="web-1", settings=sudo)


def test_an_authority_of_the_group_vouches_for_hosts_that_say_nothing(system):
    system.hosts = ListeningHosts(system.clock)
    shop = system.shop("web-1")
    ssh = {"host_key": "@cert-authority ssh-ed25519 AAAA", "user": "deploy"}
    with system.store.write() as uow:
        uow.catalog.save_group(replace(uow.catalog.group("shop", "prod"), ssh=ssh))

    shop.deploy("one")
    system.settle(system.new_worker("worker-2"))

    assert system.hosts.address == HostAddress(name="web-1", settings=ssh)


def test_a_group_is_read_as_it_was_written(system):
    system.shop("web-1", host_options=ALL_OTHERWISE)

    with system.store.read() as uow:
        assert uow.catalog.group("shop", "prod").host_options == ALL_OTHERWISE


@pytest.mark.parametrize("known", [None, {"sudo": True}, {"sudo": True, "of_later": 1}])
def test_what_a_row_is_too_old_to_have_is_as_it_was(system, known):
    system.shop("web-1")
    with system.store.read() as uow:
        settings = Groups.settings_of(uow.catalog.group("shop", "prod"))
    del settings["host_options"]
    settings |= {} if known is None else {"host_options": known}

    options = Groups.group_from_settings(settings)["host_options"]

    assert options == HostOptions(sudo=known is not None)


def test_a_host_over_ssm_is_reached_as_its_group_says_where_it_does_not(system):
    system.hosts = ListeningHosts(system.clock)
    shop = system.shop("web-1")
    of_group = {"bundles": "host", "region": "eu-west-1", "output_bucket": "logs"}
    with system.store.write() as uow:
        group = uow.catalog.group("shop", "prod", lock=True)
        uow.catalog.save_group(replace(group, ssm=of_group))
        own = {"instance_id": "i-0123456789abcdef0", "region": "eu-central-1"}
        change_host("web-1", lambda one: replace(one, driver="ssm", settings=own), uow=uow)

    shop.deploy("one")
    system.settle(system.new_worker("worker-2"))

    assert system.hosts.address == HostAddress(
        name="web-1",
        settings={"bundles": "host", "output_bucket": "logs", "role_arn": "", **own},
    )
