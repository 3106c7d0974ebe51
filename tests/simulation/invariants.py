"""What must hold after every step, read from the rows and from the hosts."""

from itertools import groupby, pairwise

from simulation.world import World
from tidegate.domain.deployment import DEPLOYMENT_MACHINE, DeploymentStatus
from tidegate.domain.target import FINAL_TARGET_STATUSES

FINAL_DEPLOYMENTS = {s.value for s in DeploymentStatus if DEPLOYMENT_MACHINE.is_final(s)}
FINAL_TARGETS = {status.value for status in FINAL_TARGET_STATUSES}
FINAL_EVENTS = {"Succeeded", "Failed", "Skipped"}


class Witness:
    """Remembers what was final, and says what is wrong."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.final: dict[tuple, str] = {}
        self.reached: dict[tuple, tuple] = {}

    def check(self) -> None:
        deployments = self.world.rows(
            "SELECT id, status, minimum_healthy, last_transition FROM deployments"
        )
        targets = self.world.rows(
            "SELECT deployment_id, target_id, status, dispatched FROM targets"
        )
        self.finished_stays_finished(deployments, targets)
        self.at_most_one_active_deployment(deployments)
        self.history_is_one_unbroken_chain(deployments, targets)
        self.no_attempt_falls_behind()
        self.check_out_there(deployments, targets)

    def check_out_there(self, deployments, targets) -> None:
        """Look at what the deployments do to the world."""
        self.never_fewer_healthy_than_required(deployments, targets)
        self.every_hook_ran_at_most_once()

    def finished_stays_finished(self, deployments, targets) -> None:
        events = self.world.rows(
            "SELECT deployment_id, target_id, name, status FROM lifecycle_events"
        )
        now = {("d", id_): status for id_, status, *_ in deployments if status in FINAL_DEPLOYMENTS}
        now |= {("t", d, t): status for d, t, status, _ in targets if status in FINAL_TARGETS}
        now |= {("e", d, t, e): status for d, t, e, status in events if status in FINAL_EVENTS}
        changed = {
            key: (was, now.get(key)) for key, was in self.final.items() if was != now.get(key)
        }
        assert not changed, f"what was finished changed: {changed}"
        self.final = now

    def never_fewer_healthy_than_required(self, deployments, targets) -> None:
        for id_, status, minimum, _ in deployments:
            mine = [(s, d) for deployment, _, s, d in targets if deployment == id_]
            if status != "InProgress":
                continue
            down = sum(s == "InProgress" or (s == "Pending" and d) for s, d in mine)
            lost = sum(s in {"Failed", "Skipped"} for s, _ in mine)
            assert not down or len(mine) - down - lost >= minimum, f"too few healthy in {id_}"
            at_work = sum(
                run.deployment_id == id_ and run.running is not None
                for host in self.world.hosts.hosts.values()
                for run in host.runs.values()
            )
            assert at_work <= len(mine) - minimum, f"too many hosts at work for {id_}"

    def at_most_one_active_deployment(self, deployments) -> None:
        active = [id_ for id_, status, *_ in deployments if status not in FINAL_DEPLOYMENTS]
        slots = self.world.rows("SELECT active_deployment_id FROM deployment_groups")
        assert active == [slot for (slot,) in slots if slot is not None]

    def history_is_one_unbroken_chain(self, deployments, targets) -> None:
        rows = self.world.rows(
            "SELECT deployment_id, number, subject, target_id, name, source, to_status "
            "FROM transitions ORDER BY deployment_id, number"
        )
        chains = {id_: list(chain) for id_, chain in groupby(rows, key=lambda row: row[0])}
        for id_, status, _, last in deployments:
            chain = chains[id_]
            assert [row[1] for row in chain] == list(range(1, last + 1))
            self._subject_is_a_chain(chain, "deployment", None, status)
            ended = [
                row[1] for row in chain if row[2] == "deployment" and row[6] in FINAL_DEPLOYMENTS
            ]
            begun = [row[1] for row in chain if row[2] == "target" and row[4] == "begin"]
            assert not ended or all(number < ended[0] for number in begun), "begun after the end"
        for id_, target, status, _ in targets:
            self._subject_is_a_chain(chains[id_], "target", target, status)
        self._events_are_chains(chains)
        self._alarms_are_chains(chains)

    def _alarms_are_chains(self, chains) -> None:
        for id_, chain in chains.items():
            turns = sorted((row[4], row[1], row[5], row[6]) for row in chain if row[2] == "alarm")
            for name, group in groupby(turns, key=lambda row: row[0]):
                states = [""]
                for _, _, before, after in group:
                    assert before == states[-1], f"{id_} {name} jumps: {states} {before}"
                    assert after != before, f"{id_} tells twice that {name} is {after}"
                    states.append(after)

    def _subject_is_a_chain(self, chain, subject, target, status) -> None:
        moves = [row for row in chain if row[2] == subject and row[3] == target]
        for before, after in pairwise(moves):
            assert before[6] == after[5], f"{subject} {target} jumps: {before} {after}"
        if moves:
            assert moves[-1][6] == status, f"{subject} {target} is {status}, history says {moves}"
        else:
            assert status in {"Pending", "Skipped"}

    def _events_are_chains(self, chains) -> None:
        for id_, chain in chains.items():
            moves = [row for row in chain if row[2] == "lifecycle_event"]
            moves.sort(key=lambda row: (row[3], row[4], row[1]))
            for (target, name), group in groupby(moves, key=lambda row: (row[3], row[4])):
                steps = list(group)
                assert steps[0][5] == "Pending", f"{id_} {target} {name} begins with {steps[0]}"
                for before, after in pairwise(steps):
                    assert before[6] == after[5], f"{id_} {target} {name} jumps: {steps}"

    def every_hook_ran_at_most_once(self) -> None:
        twice = {key: count for key, count in self.world.hosts.ran.items() if count > 1}
        assert not twice, f"ran more than once: {twice}"

    def no_attempt_falls_behind(self) -> None:
        now = {
            (id_, target): reached
            for id_, target, *reached in self.world.rows(
                "SELECT deployment_id, target_id, attempt, journal_offset FROM targets"
            )
        }
        for key, (attempt, offset) in now.items():
            old_attempt, old_offset = self.reached.get(key, (0, 0))
            assert attempt >= old_attempt, f"{key} fell behind"
            assert offset >= old_offset, f"who was overtaken wrote to {key}"
        self.reached = now

    def everything_is_over(self) -> bool:
        """Tell whether nothing is left to be done."""
        ((open_deployments,),) = self.world.rows(
            f"SELECT count(*) FROM deployments WHERE status NOT IN {tuple(FINAL_DEPLOYMENTS)}"
        )
        ((open_targets,),) = self.world.rows(
            f"SELECT count(*) FROM targets WHERE status NOT IN {tuple(FINAL_TARGETS)} OR lost"
        )
        ((unsent,),) = self.world.rows("SELECT count(*) FROM outbox")
        return not (open_deployments or open_targets or unsent or self.world.broker.queue)

    def check_end(self) -> None:
        """Every deployment, target and event is final and right."""
        self.check()
        events = self.world.rows("SELECT status, message FROM lifecycle_events")
        assert {status for status, _ in events} <= FINAL_EVENTS
        assert not [words for _, words in events if "does not know the run" in words]
        for (id_,) in self.world.rows("SELECT id FROM deployments"):
            self._deployment_is_right(id_)
        self._target_revision_is_of_the_last_success()

    def _deployment_is_right(self, id_: str) -> None:
        ((status, minimum, creator, rollback, code),) = self.world.rows(
            "SELECT status, minimum_healthy, creator, rollback_deployment_id, error_code "
            f"FROM deployments WHERE id = '{id_}'"
        )
        targets = dict(
            self.world.rows(f"SELECT target_id, status FROM targets WHERE deployment_id = '{id_}'")
        )
        for target, outcome in targets.items():
            self._target_is_right(id_, target, outcome, is_cut_short=status != "Succeeded")
        ok = sum(outcome == "Succeeded" for outcome in targets.values())
        bad = sum(outcome == "Failed" for outcome in targets.values())
        if status == "Succeeded":
            assert ok + bad == len(targets), f"{id_} left somebody out: {targets}"
            assert ok
            assert len(targets) - bad >= minimum
        elif status == "Failed":
            assert code == "HEALTH_CONSTRAINTS"
            assert bad or minimum >= len(targets), f"{id_} failed without a failure: {targets}"
        if rollback is not None:
            assert creator == "user"
            ((back, trigger),) = self.world.rows(
                f"SELECT creator, rollback_triggering_id FROM deployments WHERE id = '{rollback}'"
            )
            assert (back, trigger) == ("codeDeployRollback", id_)

    def _target_is_right(self, id_: str, target: str, outcome: str, *, is_cut_short: bool) -> None:
        host = self.world.hosts[target]
        runs = [run for run in host.runs.values() if run.deployment_id == id_]
        assert len(runs) <= 1, f"{id_} has two runs on {target}"
        if not runs:
            assert outcome in {"Skipped", "Failed"}
            return
        lost = self.world.rows(
            "SELECT count(*) FROM lifecycle_events WHERE status = 'Failed' AND script = '' "
            f"AND deployment_id = '{id_}' AND target_id = '{target}'"
        )
        if lost != [(0,)]:
            assert outcome == "Failed"
            return
        # A run that died behind its last event has no end, and nothing was left of it to fail.
        truth = {
            "succeeded": {"Succeeded"},
            "failed": {"Failed"},
            "stopped": {"Failed", "Skipped"},
            None: {"Succeeded", "Failed"},
        }
        allowed = truth[runs[0].outcome] | ({"Failed"} if is_cut_short else set())
        assert outcome in allowed, f"{target} of {id_} is {outcome}, its run {runs[0].outcome}"

    def _target_revision_is_of_the_last_success(self) -> None:
        successes = self.world.rows(
            "SELECT revision_id FROM deployments WHERE status = 'Succeeded' "
            "ORDER BY completed_at DESC, created_at DESC LIMIT 1"
        )
        held = self.world.rows("SELECT target_revision_id FROM deployment_groups")
        assert held == (successes or [(None,)])
