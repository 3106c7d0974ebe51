"""What every host driver must do: inherit the contract and give it a driver and a host."""

import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

import pytest

from tidegate.drivers.hosts import (
    Fact,
    Failed,
    Finished,
    HostAddress,
    HostDriver,
    LetGo,
    LogPiece,
    Seen,
    Wish,
)
from tidegate.testing.host_runs import SERVER_EVENTS, Follower, run_of

_QUICK: Final = 'echo ran >>"$LEDGER"; echo to stdout; echo to stderr >&2'


class HostDriverContract:
    """Give it the fixtures `driver` and `host`; the host is this machine, with a `/bin/sh`."""

    long_enough: ClassVar[float] = 2.0
    """Seconds that a hook takes which a test is to meet while it runs."""

    @property
    def slow(self) -> str:
        begun, ended = 'echo begun >>"$LEDGER"; echo working', 'echo ended >>"$LEDGER"'
        return f"{begun}; sleep {self.long_enough}; {ended}"

    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Path:
        return tmp_path / "ledger"

    @pytest.fixture
    def follow(
        self, driver: HostDriver, host: HostAddress, tmp_path: Path, ledger: Path
    ) -> "Scene":
        return Scene(driver, host, tmp_path / "bundles", ledger)

    def test_a_host_that_can_run_something_answers_a_probe(
        self, driver: HostDriver, host: HostAddress
    ) -> None:
        assert driver.probe(host) == Finished()

    def test_a_run_is_reported_from_its_first_fact_to_its_end(self, follow: "Scene") -> None:
        follower = follow.a_new_run(AfterInstall=_QUICK)

        assert follower.join() == Finished()
        assert follower.facts[0].body["fact"] == "begun"
        assert follower.statuses() == dict.fromkeys(SERVER_EVENTS, "Succeeded")
        assert b"to stdout" in follower.log("AfterInstall")
        assert b"to stderr" in follower.log("AfterInstall")
        assert follower.ended == "succeeded"

    def test_all_of_a_log_comes_before_its_event_ends(self, follow: "Scene") -> None:
        follower = follow.a_new_run(AfterInstall="seq 1 20000")
        follower.join()

        end = next(
            place
            for place, report in enumerate(follower.reports)
            if isinstance(report, Fact)
            and (report.body.get("name"), report.body.get("status"))
            == ("AfterInstall", "Succeeded")
        )
        before = [piece for piece in follower.reports[:end] if isinstance(piece, LogPiece)]

        assert sum(len(piece.data) for piece in before) == len(follower.log("AfterInstall"))
        assert follower.log("AfterInstall").count(b"\n") >= 20000

    def test_a_failed_hook_is_told_with_its_exit_code(self, follow: "Scene") -> None:
        follower = follow.a_new_run(BeforeInstall="exit 3")

        assert follower.join() == Finished()
        failed = [fact.body for fact in follower.facts if fact.body.get("status") == "Failed"]
        assert [body["exit_code"] for body in failed] == [3]
        assert follower.statuses()["ValidateService"] == "Skipped"
        assert follower.ended == "failed"

    def test_a_large_bundle_arrives_whole(self, follow: "Scene") -> None:
        noise = follow.noise(3 << 20)

        follower = follow.a_new_run(files={"noise": noise}, AfterInstall="wc -c <noise")

        assert follower.join() == Finished()
        assert str(len(noise)).encode() in follower.log("AfterInstall")

    def test_one_key_runs_once_however_often_it_is_followed(self, follow: "Scene") -> None:
        first = follow.a_new_run(AfterInstall=_QUICK)
        first.join()

        second = follow.again()

        assert second.join() == Finished()
        assert second.facts == first.facts
        assert follow.ledger.read_text() == "ran\n"

    def test_two_followers_at_once_see_one_run(self, follow: "Scene") -> None:
        first = follow.a_new_run(AfterInstall=self.slow)
        second = follow.again()

        assert (first.join(), second.join()) == (Finished(), Finished())
        assert first.facts == second.facts
        assert follow.ledger.read_text() == "begun\nended\n"

    def test_following_goes_on_where_it_left_off(self, follow: "Scene") -> None:
        whole = follow.a_new_run(AfterInstall=_QUICK)
        whole.join()
        seen_facts = whole.facts[: len(whole.facts) // 2 + 3]
        log = whole.log("AfterInstall")

        rest = follow.again(Seen(seen_facts[-1].offset, {"AfterInstall": len(log) - 4}))

        assert rest.join() == Finished()
        assert rest.facts == whole.facts[len(seen_facts) :]
        assert rest.log("AfterInstall") in {b"", log[-4:]}

    def test_who_has_seen_all_is_told_nothing_more(self, follow: "Scene") -> None:
        whole = follow.a_new_run(AfterInstall=_QUICK)
        whole.join()

        rest = follow.again(Seen(whole.facts[-1].offset))

        assert rest.join() == Finished()
        assert rest.facts == []

    def test_who_lets_go_leaves_the_run_going(self, follow: "Scene") -> None:
        first = follow.a_new_run(AfterInstall=self.slow)
        first.wait_for(lambda f: f.is_running("AfterInstall"), "the hook runs")
        first.wish(Wish.LET_GO)
        assert first.join() == LetGo()

        second = follow.again(Seen(first.facts[-1].offset))

        assert second.join() == Finished()
        assert second.ended == "succeeded"
        assert follow.ledger.read_text() == "begun\nended\n"

    def test_what_a_report_raises_reaches_the_caller_and_the_run_goes_on(
        self, follow: "Scene"
    ) -> None:
        first = follow.a_new_run(AfterInstall=self.slow)
        first.wait_for(lambda f: f.is_running("AfterInstall"), "the hook runs")
        first.fail_with(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            first.join()

        second = follow.again()

        assert second.join() == Finished()
        assert follow.ledger.read_text() == "begun\nended\n"

    def test_a_caller_is_asked_at_least_once_a_second(self, follow: "Scene") -> None:
        follower = follow.a_new_run(AfterInstall="sleep 2.5")
        follower.join()

        assert follower.batches.count(0) >= 2

    def test_cancel_ends_a_run_after_the_script_that_runs(self, follow: "Scene") -> None:
        follower = follow.a_new_run(AfterInstall=self.slow, ApplicationStart=_QUICK)
        follower.wait_for(lambda f: f.is_running("AfterInstall"), "the hook runs")
        follower.wish(Wish.CANCEL)

        assert follower.join() == Finished()
        assert follower.statuses()["AfterInstall"] == "Failed"
        assert follower.statuses()["ApplicationStart"] == "Skipped"
        assert follower.ended == "stopped"
        assert follow.ledger.read_text() == "begun\nended\n"

    def test_a_run_that_is_cancelled_before_it_began_begins_nothing(self, follow: "Scene") -> None:
        follower = follow.a_cancelled_run(AfterInstall=_QUICK)

        assert follower.join() == Finished()
        assert follower.statuses() == dict.fromkeys(SERVER_EVENTS, "Skipped")
        assert follower.ended == "stopped"
        assert not follow.ledger.exists()

    def test_kill_ends_the_script_too(self, follow: "Scene") -> None:
        follower = follow.a_new_run(AfterInstall='echo begun >>"$LEDGER"; sleep 20')
        follower.wait_for(lambda _: follow.ledger.exists(), "the hook runs")
        begun_at = time.monotonic()
        follower.wish(Wish.KILL)

        assert follower.join() == Finished()
        assert follower.statuses()["AfterInstall"] == "Failed"
        assert time.monotonic() - begun_at < 10

    def test_a_run_that_the_host_knows_nothing_of_is_not_started_again(
        self, follow: "Scene"
    ) -> None:
        follower = follow.a_new_run(Seen(100), AfterInstall=_QUICK)

        outcome = follower.join()

        assert isinstance(outcome, Failed)
        assert outcome.code == "unknown_run"
        assert not follow.ledger.exists()

    def test_who_only_attaches_starts_nothing(self, follow: "Scene") -> None:
        first = follow.a_look_back(AfterInstall=_QUICK)

        outcome = first.join()

        assert isinstance(outcome, Failed)
        assert outcome.code == "unknown_run"
        assert first.facts == []
        assert not follow.ledger.exists()

    def test_who_only_attaches_hears_a_run_that_began_to_its_end(self, follow: "Scene") -> None:
        first = follow.a_new_run(AfterInstall=self.slow)
        first.wait_for(lambda f: f.is_running("AfterInstall"), "the hook runs")
        second = follow.attached()

        assert (first.join(), second.join()) == (Finished(), Finished())
        assert first.facts == second.facts
        assert follow.attached().join() == Finished()
        assert follow.ledger.read_text() == "begun\nended\n"

    def test_a_driver_that_is_closed_lets_go(self, follow: "Scene") -> None:
        follower = follow.a_new_run(AfterInstall=self.slow)
        follower.wait_for(lambda f: f.is_running("AfterInstall"), "the hook runs")

        follow.driver.close()

        assert follower.join() == LetGo()
        assert follow.again().join() == LetGo()


class Scene:
    """A driver, a host, and the runs that a test makes there."""

    def __init__(self, driver: HostDriver, host: HostAddress, bundles: Path, ledger: Path) -> None:
        self.driver = driver
        self.host = host
        self.ledger = ledger
        self._bundles = bundles

    def a_new_run(
        self, seen: Seen | None = None, *, files: dict[str, bytes] | None = None, **hooks: str
    ) -> Follower:
        """Follow a new run of these hooks."""
        self._prepare(hooks, files)
        return self.again(seen)

    def a_cancelled_run(self, **hooks: str) -> Follower:
        """Follow a new run of these hooks, and wish from the start that it ends."""
        self._prepare(hooks, None)
        follower = Follower(self.driver, self.host, self.run)
        follower.wish(Wish.CANCEL)
        return follower.start()

    def a_look_back(self, **hooks: str) -> Follower:
        """Attach to a run that nobody has begun."""
        self._prepare(hooks, None)
        return self.attached()

    def attached(self) -> Follower:
        """Attach to the last run."""
        run = replace(self.run, attach_only=True, bundle=None)
        return Follower(self.driver, self.host, run).start()

    def _prepare(self, hooks: dict[str, str], files: dict[str, bytes] | None) -> None:
        self.run = run_of(
            hooks, folder=self._bundles, environment={"LEDGER": str(self.ledger)}, files=files
        )

    def again(self, seen: Seen | None = None) -> Follower:
        """Follow the last run once more."""
        return Follower(self.driver, self.host, self.run, seen=seen).start()

    @staticmethod
    def noise(size: int) -> bytes:
        with Path("/dev/urandom").open("rb") as source:
            return source.read(size)
