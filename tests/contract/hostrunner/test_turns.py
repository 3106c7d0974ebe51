"""One deployment of a group at a time runs under one root, and nobody waits for the dead."""

from pathlib import Path

import pytest

from contract.hostrunner.client import GROUP, Host, appspec_of, bundle_of

PATIENT = {"hook.sh": "echo $DEPLOYMENT_ID >>$LEDGER; until test -e $GO; do sleep 0.1; done\n"}


def test_one_root_runs_one_deployment_of_a_group_whoever_asks(tmp_path: Path):
    values = {
        "root": str(tmp_path / "root"),
        "bundle": bundle_of(PATIENT),
        "appspec": appspec_of(hooks={"AfterInstall": ["hook.sh"]}),
        "environment": {"LEDGER": str(tmp_path / "ledger"), "GO": str(tmp_path / "go")},
    }
    first = Host(tmp_path / "one").session(**values)
    first.until_running("AfterInstall")

    second = Host(tmp_path / "two").session(deployment="d-2", **values)
    waiting = second.until(lambda m: m["t"] == "fact" and m["f"]["fact"] == "waiting")
    (tmp_path / "go").touch()

    assert waiting["f"]["for"] == "d-AAAAAAAA1"
    assert first.to_the_end().outcome == second.to_the_end().outcome == "succeeded"
    assert (tmp_path / "ledger").read_text().split() == ["d-AAAAAAAA1", "d-2"]


@pytest.mark.parametrize("stale", ["d-old\n", "d-old\n4194303 1 no-boot\n", "", "\n"])
def test_the_lock_of_one_that_died_keeps_nobody_waiting(host: Host, stale: str):
    lock = host.state / "deployment-root" / "deployment-instructions" / f"{GROUP}.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(stale)

    told = host.run(events=["ApplicationStop"])

    assert told.outcome == "succeeded"
    assert not [f for f in told.facts if f["fact"] == "waiting"]
