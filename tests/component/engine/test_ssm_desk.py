"""What workers want over SSM meets in rows: each want is carried out once, and answered."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tidegate.drivers.hosts.ssm_wants import Answer, Common, Trouble, Want
from tidegate.engine.ssm_desk import RowDesk, RowTurns

NOW = 1_800_000_000.0
COMMON = Common(bundles="presigned", output_bucket="logs")


def want(number: int, *, asked_at: float = NOW) -> Want:
    return Want(
        id=f"{number:032}",
        instance=f"i-{number:017x}",
        common=COMMON,
        header={"op": "run", "spec": {"environment": {"A": "b"}}},
        state_dir=None,
        asked_at=asked_at,
    )


def desk(system, region: str = "us-east-1") -> RowDesk:
    return RowDesk(system.store, "", region)


def test_what_one_worker_wants_another_carries_out(system):
    asker, carrier = desk(system), desk(system)
    wants = [want(2, asked_at=NOW + 1), want(1)]
    asker.put(wants)

    seen = carrier.look([], now=NOW)
    claimed = carrier.claim([one.id for one in seen.waiting], ends_at=NOW + 20, now=NOW)
    under_way = asker.look([wants[0].id], now=NOW)
    answer = Answer(output="said", waited=1.5)
    trouble = Trouble(code="unreachable", message="is away")
    carrier.answer({wants[0].id: answer, wants[1].id: Answer(trouble=trouble)})

    assert list(seen.waiting) == [want(1), want(2, asked_at=NOW + 1)]
    assert claimed == {one.id for one in wants}
    assert (under_way.waiting, under_way.ends) == ([], [NOW + 20])
    assert under_way.under_way == {wants[0].id: NOW}
    assert asker.look([one.id for one in wants], now=NOW).answers == {
        wants[0].id: answer,
        wants[1].id: Answer(trouble=trouble),
    }
    assert asker.look([one.id for one in wants], now=NOW).answers == {}
    assert carrier.look([], now=NOW).ends == []


def test_a_want_is_claimed_once_whoever_comes(system):
    wants = [want(number) for number in range(40)]
    desk(system).put(wants)
    start = threading.Barrier(4)

    def claim(_: int) -> set[str]:
        start.wait()
        return desk(system).claim([one.id for one in wants], ends_at=NOW + 20, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(claim, range(4)))

    assert sum(map(len, claims)) == 40
    assert set().union(*claims) == {one.id for one in wants}


def test_what_a_worker_leaves_behind_others_take(system):
    desk(system).put([want(1), want(2)])
    ids = [want(1).id, want(2).id]
    desk(system).claim(ids, ends_at=NOW + 20, now=NOW)
    desk(system).answer({ids[0]: Answer(output="said")})

    desk(system).release(ids)

    assert [one.id for one in desk(system).look([], now=NOW).waiting] == [ids[1]]


def test_each_region_has_its_own(system):
    desk(system).put([want(1)])

    assert desk(system, "eu-central-1").look([], now=NOW).waiting == []


def test_wants_that_nobody_waits_for_are_forgotten(system):
    desk(system).put([want(1), want(2), want(3, asked_at=NOW + 3590), want(4)])
    desk(system).forget([want(1).id])
    desk(system).answer({want(1).id: Answer(output="late")})
    desk(system).claim([want(4).id], ends_at=NOW + 20, now=NOW)
    desk(system).show([want(4).id], now=NOW + 3500)

    desk(system).look([], now=NOW + 3600)

    assert [one.id for one in desk(system).look([], now=NOW).waiting] == [want(3).id]
    assert desk(system).look([want(4).id], now=NOW).under_way == {want(4).id: NOW + 3500}


def test_what_a_worker_wanted_that_ended_long_ago_is_never_carried_out(system):
    desk(system).put([want(1), want(2, asked_at=NOW + 290)])

    late = desk(system).look([want(1).id], now=NOW + 300)

    assert [one.id for one in late.waiting] == [want(2).id]
    assert late.gone == {want(1).id}


def test_who_carries_wants_out_shows_it_and_learns_what_nobody_wants_any_more(system):
    asker, carrier = desk(system), desk(system)
    asker.put([want(1), want(2), want(3)])
    ids = [want(number).id for number in (1, 2)]
    carrier.claim(ids, ends_at=NOW + 20, now=NOW)
    asker.forget(ids[:1])

    still = carrier.show([*ids, want(3).id], now=NOW + 5)
    seen = asker.look(ids, now=NOW + 5)

    assert still == {ids[1]}
    assert (seen.under_way, seen.gone) == ({ids[1]: NOW + 5}, {ids[0]})


def test_a_role_with_a_long_path_has_a_desk_and_turns(system):
    role = "arn:aws:iam::123456789012:role/" + "long/" * 100 + "tidegate"
    one, other = (RowDesk(system.store, name, "us-east-1") for name in (role, role + "2"))
    one.put([want(1)])

    assert [len(one.look([], now=NOW).waiting), len(other.look([], now=NOW).waiting)] == [1, 0]
    assert RowTurns(system.store).take(role, "us-east-1", "send", per_second=1, now=NOW) == 0.0


def test_a_clock_that_was_wrong_once_keeps_nobody_waiting(system):
    turns = RowTurns(system.store)
    turns.take("", "us-east-1", "send", per_second=1.0, now=NOW + 86400)

    assert turns.take("", "us-east-1", "send", per_second=1.0, now=NOW) == 0.0
    assert turns.take("", "us-east-1", "send", per_second=1.0, now=NOW) == 1.0


def test_turns_are_taken_by_all_workers_together(system):
    turns = [RowTurns(system.store) for _ in range(3)]
    start = threading.Barrier(3)

    def take(one: RowTurns) -> list[float]:
        start.wait()
        return [one.take("", "us-east-1", "send", per_second=2.0, now=NOW) for _ in range(4)]

    with ThreadPoolExecutor(3) as pool:
        taken = sorted(wait for waits in pool.map(take, turns) for wait in waits)

    assert [round(wait, 3) for wait in taken] == [number / 2 for number in range(12)]
    assert turns[0].take("", "us-east-1", "read", per_second=2.0, now=NOW) == 0.0
    assert turns[0].take("", "eu-west-1", "send", per_second=2.0, now=NOW) == 0.0
