"""Large fleets that end early: of those that wait, some are skipped in each transaction."""

import pytest

from component.engine.system import ALL, ONE
from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles import artifact_store
from tidegate.engine import advance, stopping
from tidegate.messages import ADVANCE, RUN_HOOKS

WEBS = ("web-1", "web-2", "web-3", "web-4", "web-5", "web-6")


@pytest.fixture(autouse=True)
def slices_of_two(monkeypatch):
    monkeypatch.setattr(stopping, "SLICE", 2)
    monkeypatch.setattr(advance, "SLICE", 2)


def begun(system, config=ONE):
    shop = system.shop(*WEBS, config=config)
    id_ = shop.deploy("one")
    system.deliver(ADVANCE)
    return shop, id_


def counts(shop, id_):
    statuses = list(shop.statuses(id_).values())
    return {status: statuses.count(status) for status in set(statuses)}


def skips(system, id_):
    moves = [recorded.transition for recorded in system.history(id_)]
    return [(move.actor, move.reason) for move in moves if move.name == "skip"]


def test_a_stop_skips_some_and_the_advances_after_it_skip_the_others(system):
    shop, id_ = begun(system)

    system.stop(id_, reason="wrong revision")
    at_once = counts(shop, id_)
    system.broker.queue = [one for one in system.broker.queue if one.links[0] == ADVANCE]
    system.deliver(ADVANCE)
    later = counts(shop, id_)
    system.settle()

    assert at_once == {"Skipped": 2, "Pending": 4}
    assert later == {"Skipped": 4, "Pending": 2}
    assert counts(shop, id_) == {"Skipped": 6}
    assert skips(system, id_) == [("tester", "Stopped by tester: wrong revision")] * 6


def test_who_may_be_taken_is_skipped_first(system):
    shop, id_ = begun(system)
    sent = [one.arguments["target"] for one in system.broker.queue if one.links[0] == RUN_HOOKS]

    system.stop(id_)

    assert sent == ["web-1"]
    assert shop.statuses(id_)["web-1"] == "Skipped"


def test_a_failure_skips_all_for_its_own_reason(system):
    system.fails.add(("web-1", "BeforeInstall"))
    shop, id_ = begun(system)

    system.settle()

    assert shop.deployment(id_).status == "Failed"
    assert counts(shop, id_) == {"Failed": 1, "Skipped": 5}
    assert skips(system, id_) == [("tidegate", "The deployment failed before.")] * 5


def test_what_waits_counts_as_skipped_from_the_end_on(system):
    shop, id_ = begun(system)

    system.stop(id_)

    assert shop.deployment(id_).overview == {"Skipped": 6}


def test_a_message_that_was_lost_is_sent_again(system):
    shop, id_ = begun(system)
    system.stop(id_)
    system.broker.queue.clear()

    for _ in range(4):
        system.sweep(after=2)
        system.broker.queue = system.broker.queue[:1]
        system.settle()

    assert counts(shop, id_) == {"Skipped": 6}
    assert system.sweep(after=31).woken == 0


def test_where_all_were_sent_at_once_nobody_runs_after_the_stop(system, monkeypatch):
    monkeypatch.setattr(stopping, "SLICE", 6)
    shop, id_ = begun(system, config=ALL)

    system.stop(id_)
    system.settle()

    assert counts(shop, id_) == {"Skipped": 6}
    assert not system.hosts.ran


@pytest.mark.parametrize("config", [ONE, ALL])
def test_a_bundle_that_cannot_be_fetched_fails_some_of_them_at_a_time(system, tmp_path, config):
    system.artifacts = system.worker.artifacts = artifact_store(str(tmp_path / "artifacts"))
    shop = system.shop(*WEBS, config=config)
    gone = Source(type=SourceType.ARTIFACT, sha256="0" * 64)
    shop.revision("gone", source=gone, is_known=False)
    id_ = shop.deploy("gone")
    seen = []

    while system.broker.queue:
        system.worker.perform(system.broker.queue.pop(0))
        seen.append(counts(shop, id_).get("Failed", 0))

    assert [failed for failed in dict.fromkeys(seen) if failed] == [2, 4, 6]
    assert shop.deployment(id_).overview == {"Failed": 6}
    assert shop.deployment(id_).status == "Failed"
    assert {shop.events(id_, name)["DownloadBundle"] for name in WEBS} == {"Failed"}
    assert not system.hosts.ran
