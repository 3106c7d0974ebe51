"""What must hold after every step where traffic moves, read from the rows and from out there."""

from collections import Counter, defaultdict
from itertools import pairwise

from simulation.invariants import FINAL_DEPLOYMENTS, FINAL_EVENTS, FINAL_TARGETS, Witness
from simulation.shifting import insist
from simulation.traffic_promises import Promises
from simulation.traffic_world import TrafficWorld
from tidegate.domain.course import STEP_MACHINE, StepStatus

FINAL_STEPS = {status.value for status in StepStatus if STEP_MACHINE.is_final(status)}
MOVES = {(source.value, to.value) for (source, _), to in STEP_MACHINE.moves.items()}


class TrafficWitness(Witness):
    """Remembers how steps and traffic stood, and says what is wrong."""

    world: TrafficWorld

    def __init__(self, world: TrafficWorld) -> None:
        super().__init__(world)
        self.steps: dict[tuple, str] = {}
        self.promises = Promises(world)
        world.traffic.on_finish = self.old_side_may_go

    def check_out_there(self, deployments, targets) -> None:
        self.weights_are_whole_and_go_one_way()
        self.every_hook_is_called_by_one_id()
        self.steps_move_by_their_machine(deployments)
        self.what_is_done_was_done()
        self.paused_begins_nothing()
        self.promises.check()

    def weights_are_whole_and_go_one_way(self) -> None:
        for identity, place in self.world.traffic.places.items():
            assert sum(place.shares.values()) == 100, f"{identity} gives {place}"
        given = defaultdict(list)
        for deed in self.world.traffic.deeds:
            if deed.verb == "shift":
                given[deed.deployment_id, deed.identity].append(deed.share)
        for key, shares in given.items():
            assert all(a < b for a, b in pairwise(shares)), f"{key} got {shares}"
        deeds = Counter(self.world.traffic.deeds)
        twice = {deed for deed, count in deeds.items() if count > 1}
        assert not twice, f"done twice: {twice}"

    def what_is_done_was_done(self) -> None:
        done = {(d.deployment_id, d.identity, d.share) for d in self.world.traffic.deeds}
        called = {call[:2] for call in self.world.hooks.calls}
        for id_, kind, weight, hook, target in self.world.rows(
            "SELECT steps.deployment_id, kind, weight, hook, target_id FROM steps JOIN targets "
            "USING (deployment_id) WHERE steps.status = 'Succeeded'"
        ):
            if kind == "shift":
                assert (id_, target, weight) in done, f"{id_} never gave {target} {weight} %"
            if kind == "hook":
                assert (hook, id_) in called, f"{id_} never called {hook}"

    def every_hook_is_called_by_one_id(self) -> None:
        ids = Counter(call[:2] for call in self.world.hooks.calls)
        assert set(ids.values()) <= {1}, f"called as several: {ids}"

    def steps_move_by_their_machine(self, deployments) -> None:
        final = {id_ for id_, status, *_ in deployments if status in FINAL_DEPLOYMENTS}
        rows = self.world.rows(
            "SELECT deployment_id, number, status FROM steps ORDER BY deployment_id, number"
        )
        now = {(id_, number): status for id_, number, status in rows}
        for key, status in now.items():
            was = self.steps.get(key, "Pending")
            # One look may begin and end a step.
            direct = {(was, status), (was, "InProgress"), ("InProgress", status)}
            ok = was == status or (was, status) in MOVES or direct <= MOVES | {(was, status)}
            assert ok, f"step {key} went from {was} to {status}"
            assert key[0] not in final or status in FINAL_STEPS, f"{key} is left {status}"
        self.steps = now
        self._steps_go_in_order(rows)

    def _steps_go_in_order(self, rows) -> None:
        courses = defaultdict(list)
        for id_, _, status in rows:
            courses[id_].append(status)
        for id_, statuses in courses.items():
            begun = [n for n, s in enumerate(statuses) if s not in {"Pending", "Skipped"}]
            at = max(begun, default=0)
            assert statuses.count("InProgress") <= 1, f"{id_} is at several steps: {statuses}"
            bad = [s for s in statuses[:at] if s not in {"Succeeded", "Skipped"}]
            assert not bad, f"{id_} went on without {bad}: {statuses}"

    def paused_begins_nothing(self) -> None:
        begun = self.world.rows(
            "SELECT id, number, kind FROM deployments JOIN steps ON deployment_id = id "
            "WHERE paused_at IS NOT NULL AND steps.started_at > paused_at"
        )
        assert not begun, f"begun in a pause: {begun}"

    def old_side_may_go(self, deployment_id: str) -> None:
        """Check, in the moment before it is removed, that all has moved and the wait is over."""
        waits = self.world.rows(
            "SELECT status FROM steps "
            f"WHERE kind = 'termination' AND deployment_id = '{deployment_id}'"
        )
        insist(all(status == "Succeeded" for (status,) in waits), "the wait is not over")
        self.promises.old_side_may_go(deployment_id)
        ((shares,),) = self.world.rows(
            "SELECT count(*) FROM steps WHERE kind = 'shift' AND weight = 100 "
            f"AND status = 'Succeeded' AND deployment_id = '{deployment_id}'"
        )
        insist(shares == 1, "the traffic has not moved")

    def everything_is_over(self) -> bool:
        ((due,),) = self.world.rows(
            "SELECT (SELECT count(*) FROM deployments WHERE wake_at IS NOT NULL) + (SELECT count(*)"
            " FROM targets WHERE due_at IS NOT NULL OR lease_owner IS NOT NULL) + (SELECT count(*)"
            " FROM watches WHERE due_at IS NOT NULL)"
        )
        return due == 0 and super().everything_is_over()

    def check_end(self) -> None:
        self.check()
        self.promises.check_end()
        assert self.world.rows("SELECT active_deployment_id FROM deployment_groups") == [(None,)]
        for table, final in (
            ("targets", FINAL_TARGETS),
            ("lifecycle_events", FINAL_EVENTS),
            ("steps", FINAL_STEPS),
        ):
            left = {s for (s,) in self.world.rows(f"SELECT status FROM {table}")} - final
            assert not left, f"{table} are left {left}"
        rows = self.world.rows(
            "SELECT id, status, rollback_triggering_id, rollback_deployment_id FROM deployments"
        )
        statuses = {id_: status for id_, status, *_ in rows}
        for id_, status, undone, rollback in rows:
            targets = {
                one
                for (one,) in self.world.rows(
                    f"SELECT status FROM targets WHERE deployment_id = '{id_}'"
                )
            }
            assert (status == "Succeeded") == (targets == {"Succeeded"}), f"{id_}: {targets}"
            if undone is not None and status == "Succeeded":
                self._all_is_as_before(undone)
            if rollback is None and status == "Succeeded" and undone is None:
                self._has_moved(id_)
            assert undone is None or statuses[undone] in {"Failed", "Stopped"}

    def _all_is_as_before(self, undone: str) -> None:
        for (id_, identity), before in self.world.traffic.before.items():
            if id_ != undone:
                continue
            key = id_, identity
            changed = [d for d in self.world.traffic.deeds if (d.deployment_id, d.identity) == key]
            if not changed or any(deed.verb == "finish" for deed in changed):
                continue
            restored = self.world.traffic.restored.get(key)
            assert restored == before, f"{key} was {before}, and is {restored}"
        left = self.world.rows(
            f"SELECT name FROM made WHERE gone_at IS NULL AND deployment_id = '{undone}'"
        )
        assert not left, f"{undone} left {left}"

    def _has_moved(self, id_: str) -> None:
        deeds = [d for d in self.world.traffic.deeds if d.deployment_id == id_]
        full = {d.identity for d in deeds if d.verb == "shift" and d.share == 100}
        ((targets,),) = self.world.rows(
            f"SELECT count(*) FROM targets WHERE deployment_id = '{id_}'"
        )
        assert len(full) == targets, f"{id_} succeeded, and gave all to {full}"
