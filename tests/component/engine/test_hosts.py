"""Hosts that are changed while workers learn about them."""

import time
from dataclasses import replace

from tidegate.engine.hosts import HostRequest, change_host, create_host

HOST_KEY = "ssh-ed25519 AAAA"


def test_a_host_key_that_is_learned_during_a_change_is_kept(system):
    settings = {"address": "10.0.0.1", "trust_on_first_use": True}
    with system.store.write() as uow:
        host = create_host("web-1", HostRequest(settings=settings), uow=uow)
    learners = []

    def learn():
        with system.store.write() as uow:
            uow.catalog.learn_host_key(host.id, HOST_KEY)

    def change(request):
        learners.append(system.in_thread(learn))
        time.sleep(0.2)  # long enough to learn it, if nothing keeps the other from it
        return replace(request, settings={**request.settings, "address": "10.0.0.9"})

    with system.store.write() as uow:
        change_host("web-1", change, uow=uow)
    learners[0].join(30)

    with system.store.read() as uow:
        kept = uow.catalog.host("web-1").settings
    assert (kept["address"], kept.get("host_key")) == ("10.0.0.9", HOST_KEY)
