"""What was promised where traffic moves: times, words, alarms, ways back, and who is woken."""

import json
from collections import defaultdict
from datetime import datetime, timedelta

from simulation.invariants import FINAL_DEPLOYMENTS
from simulation.shifting import insist
from simulation.traffic_world import TrafficWorld
from tidegate.planning.alarms import STALE

QUIET = {"OK", "INSUFFICIENT_DATA"}
SOON = timedelta(seconds=45)
CALLED = ("look", "prepare", "test", "shift", "finish", "restore")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


class Promises:
    """Looks at the rows again and again, and says which promise was not kept."""

    def __init__(self, world: TrafficWorld) -> None:
        self.world = world
        self._begun: set[tuple] = set()
        """Steps that had begun when the rows were looked at last."""

    def check(self) -> None:
        self.shifts_keep_their_distance()
        self.who_comes_late_makes_one_shift()
        self.hooks_are_believed()
        self.alarms_are_heeded()
        self.whoever_has_to_be_woken_is()

    def shifts_keep_their_distance(self) -> None:
        """Each shift comes so many intervals after the first, unless somebody promotes it."""
        shifts = defaultdict(list)
        for id_, began, ended in self.world.rows(
            "SELECT deployment_id, started_at, finished_at FROM steps WHERE kind = 'shift' "
            "AND deployment_id NOT IN (SELECT deployment_id FROM transitions "
            "WHERE name LIKE 'promote%') ORDER BY deployment_id, number"
        ):
            shifts[id_].append((began, ended))
        for id_, times in shifts.items():
            for number, (began, _) in enumerate(times):
                if number and began:
                    wait = at(began) - at(times[0][1])
                    wanted = number * self.world.scene.interval
                    assert wait >= wanted, f"shift {number} of {id_} comes after {wait}"

    def who_comes_late_makes_one_shift(self) -> None:
        late = self.world.rows(
            "SELECT one.deployment_id, one.number, next.number FROM steps AS one JOIN steps AS next"
            " ON one.deployment_id = next.deployment_id AND one.number < next.number"
            " WHERE one.kind = 'shift' AND next.kind = 'shift' AND one.number > (SELECT min(number)"
            " FROM steps WHERE kind = 'shift' AND deployment_id = one.deployment_id)"
            " AND next.due_at < one.started_at"
        )
        assert not late, f"shifts were made although later ones were due: {late}"

    def hooks_are_believed(self) -> None:
        wrong = self.world.rows(
            "SELECT deployment_id, number, word FROM steps WHERE kind = 'hook' "
            "AND status = 'Succeeded' AND coalesce(word, '') != 'Succeeded'"
        )
        assert not wrong, f"hooks succeeded without saying so: {wrong}"

    def alarms_are_heeded(self) -> None:
        """No step begins unless every alarm was read, just now, and is quiet."""
        rows = self.world.rows(
            "SELECT steps.deployment_id, number, steps.started_at, seen, read_at, status "
            "FROM steps JOIN watches USING (deployment_id) WHERE steps.started_at IS NOT NULL"
        )
        for id_, number, began, seen, read, status in rows:
            is_new = (id_, number) not in self._begun
            self._begun.add((id_, number))
            assert read is not None, f"step {number} of {id_} began before its alarms were read"
            if is_new:
                age = at(began) - at(read)
                assert age < STALE, f"step {number} of {id_} began on what was read {age} ago"
            for one in json.loads(seen):
                if one["state"] in QUIET or status == "Skipped":
                    continue
                since = at(one["since"])
                assert at(began) <= since, f"step {number} of {id_} began in spite of {one}"

    def whoever_has_to_be_woken_is(self) -> None:
        """What is to be decided on is due in the rows, whatever messages were lost."""
        for id_, kind, word, wake_at, left in self.world.rows(
            "SELECT id, kind, word, wake_at, (SELECT count(*) FROM targets WHERE NOT segment_done "
            "AND deployment_id = id) FROM deployments JOIN steps ON deployment_id = id "
            "WHERE steps.status = 'InProgress' AND deployments.status IN ('InProgress', 'Ready')"
        ):
            if word is None and (left or kind not in CALLED):
                continue
            assert self._is_soon(wake_at), f"{id_} sleeps at {kind}: {wake_at}"
        lit = self.world.rows(
            "SELECT id, wake_at FROM deployments JOIN watches ON deployment_id = id "
            "WHERE seen LIKE '%\"ALARM\"%' AND completed_at IS NULL"
        )
        for id_, wake_at in lit:
            assert self._is_soon(wake_at), f"{id_} sleeps through its alarm: {wake_at}"

    def _is_soon(self, wake_at: str | None) -> bool:
        """Tell whether something is due now, or again as soon as the sweep takes it for lost."""
        now = self.world.clock.now().replace(tzinfo=None)
        return wake_at is not None and at(wake_at) <= now + SOON

    def old_side_may_go(self, deployment_id: str) -> None:
        """Check, in the moment before it is removed, that it was kept for as long as was wanted."""
        wanted = self.world.scene.kept_for
        waits = self.world.rows(
            "SELECT word, started_at, finished_at FROM steps "
            f"WHERE kind = 'termination' AND deployment_id = '{deployment_id}'"
        )
        insist(waits or not wanted, "there was no wait")
        for word, began, ended in waits:
            insist(word == "Succeeded" or at(ended) - at(began) >= wanted, "the wait was cut short")

    def check_end(self) -> None:
        for id_, status, code, creator, rollback, settings, asked in self.world.rows(
            "SELECT id, status, error_code, creator, rollback_deployment_id, auto_rollback, "
            "(SELECT count(*) FROM transitions WHERE deployment_id = id AND actor = 'tester' "
            "AND name = 'stop') FROM deployments"
        ):
            assert status in FINAL_DEPLOYMENTS
            if creator != "user":
                assert code != "ALARM_ACTIVE", f"the rollback {id_} was stopped by an alarm"
                continue
            events = json.loads(settings)["events"] if json.loads(settings)["enabled"] else []
            because = "DEPLOYMENT_FAILURE" if status == "Failed" else "DEPLOYMENT_STOP_ON_REQUEST"
            if code == "ALARM_ACTIVE":
                assert status == "Stopped", f"an alarm left {id_} {status}"
                because = "DEPLOYMENT_STOP_ON_ALARM"
            if status != "Succeeded" and not asked:
                wanted = because in events and self._can_go_back(id_)
                assert (rollback is not None) == wanted, f"{id_} {status}, {code}: {rollback}"
        through = self.world.rows(
            "SELECT id FROM deployments JOIN watches ON deployment_id = id "
            "WHERE status = 'Succeeded' AND seen LIKE '%\"ALARM\"%'"
        )
        assert not through, f"succeeded in spite of an alarm: {through}"

    def _can_go_back(self, id_: str) -> bool:
        begun = {
            kind
            for (kind,) in self.world.rows(
                f"SELECT kind FROM steps WHERE deployment_id = '{id_}' AND started_at IS NOT NULL"
            )
        }
        return bool(begun & {"prepare", "test", "shift"}) and "finish" not in begun
