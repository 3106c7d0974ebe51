"""History, retention and figures: what is kept of deployments and told about them."""

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from component.engine.system import ALL
from tidegate.domain.deployment import DeploymentOptions
from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles import artifact_store
from tidegate.engine.health import metrics, unready
from tidegate.engine.retention import prune
from tidegate.messages import ADVANCE
from tidegate.store.health import BEAT
from tidegate.testing.builders import ON_FAILURE


def chains(history):
    """Return the statuses that each subject went through."""
    moves = defaultdict(list)
    for recorded in history:
        move = recorded.transition
        name = move.name if move.subject == "lifecycle_event" else ""
        moves[move.subject, move.target, name].append((move.source, move.to))
    return moves


def test_history_is_numbered_without_a_gap_and_every_subject_is_a_chain(system):
    shop = system.shop("web-1", "web-2", "web-3", auto_rollback=ON_FAILURE)
    shop.deploy("good")
    system.settle()
    system.fails.add(("web-2", "Install"))
    id_ = shop.deploy("bad")
    system.settle()

    history = system.history(id_)

    assert [recorded.number for recorded in history] == list(range(1, len(history) + 1))
    for moves in chains(history).values():
        for before, after in pairwise(moves):
            assert before[1] == after[0]
    assert chains(history)["deployment", None, ""] == [
        ("", "Created"),
        ("Created", "InProgress"),
        ("InProgress", "Failed"),
    ]
    times = [r.transition.at for r in history if r.transition.subject != "lifecycle_event"]
    assert times == sorted(times)


def test_a_reader_that_remembers_a_number_misses_nothing(system):
    shop = system.shop(*[f"web-{number}" for number in range(8)], config=ALL)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    messages = [system.broker.queue.pop() for _ in range(8)]
    threads = [
        system.in_thread(lambda message=message: system.worker.perform(message))
        for message in messages
    ]
    seen = []
    while any(thread.is_alive() for thread in threads) or not seen:
        with system.store.read() as uow:
            seen += uow.history.after(id_, seen[-1].number if seen else 0)

    system.settle()
    numbers = [recorded.number for recorded in seen]
    assert numbers == list(range(1, len(numbers) + 1))
    assert shop.deployment(id_).status == "Succeeded"


@pytest.fixture
def artifacts(system, tmp_path: Path):
    return artifact_store(str(tmp_path / "artifacts"))


def test_what_a_group_may_need_again_outlives_its_days(system, artifacts):
    shop = system.shop("web-1")
    digests = {}
    for name in ("unused", "old", "good"):
        digests[name] = artifacts.put([name.encode()], limit=100).sha256
        shop.revision(name, source=Source(type=SourceType.ARTIFACT, sha256=digests[name]))
    system.clock._now = max(artifact.stored_at for artifact in artifacts.list()) + timedelta(
        seconds=1
    )
    for name in ("old", "good"):
        shop.deploy(name)
        system.settle()
    last = shop.deploy("good", options=DeploymentOptions(update_outdated_only=True))
    system.settle()

    system.clock.advance(timedelta(days=91))
    system.worker.show_life()
    pruned = prune(store=system.store, artifacts=artifacts, keep=timedelta(days=90))

    assert pruned.artifacts == 2
    assert {artifact.sha256 for artifact in artifacts.list()} == {digests["good"]}
    assert pruned.log_pieces == 14
    assert system.log(last, "web-1", "Install") == b""
    assert system.history(last)


def test_within_its_days_everything_is_kept(system, artifacts):
    shop = system.shop("web-1")
    artifacts.put([b"unused"], limit=100)
    id_ = shop.deploy("one")
    system.settle()
    system.clock.advance(timedelta(days=89))

    prune(store=system.store, artifacts=artifacts, keep=timedelta(days=90))

    assert system.log(id_, "web-1", "Install")


def test_readiness_names_what_is_missing(system):
    def why():
        with system.store.read() as uow:
            found = unready(uow)
        return found and found.reason

    assert "beat has never ticked" in why()
    with system.store.write() as uow:
        uow.heartbeats.beat("beat", BEAT, uow.now())
    for queue in ("control", "traffic"):
        assert f"No worker serves the queue '{queue}'" in why()
        with system.store.write() as uow:
            uow.heartbeats.beat(queue, f"worker:{queue}", uow.now())
    assert why() is None
    system.clock.advance(11)
    assert "beat has not ticked for 11 s" in why()


def test_figures_are_those_of_the_rows(system):
    shop = system.shop("web-1")
    shop.deploy("one")
    system.settle()
    shop.deploy("two")
    system.broker.is_down = True
    system.deliver(ADVANCE)
    system.sweep()
    system.clock.advance(40)

    with system.store.read() as uow:
        figures = metrics(uow)

    assert figures.deployments_by_status == {"Succeeded": 1, "InProgress": 1}
    assert {(hook.event, hook.count) for hook in figures.hook_seconds} >= {("Install", 1)}
    assert (figures.outbox_age, figures.lease_age, figures.sweep_lag) == (40, 40, 40)


def test_a_target_that_nobody_takes_waits_however_often_it_is_sent(system):
    shop = system.shop("web-1")
    shop.deploy("one")
    system.deliver(ADVANCE)

    def waited() -> float:
        with system.store.read() as uow:
            return metrics(uow).lease_age

    assert waited() == 0
    for seconds in range(30, 1800, 30):
        system.sweep(after=30)
        assert waited() == seconds
    system.settle()
    assert waited() == 0
