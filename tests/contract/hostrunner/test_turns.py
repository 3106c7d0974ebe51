"""One deployment of a group at a time runs under one root, and nobody waits for the dead."""

from pathlib import Path

import pytest

from contract.hostrunner.client import GROUP, Host, appspec_of, bundle_of

SLOW = {"say.sh": "#!/bin/sh\necho begun >>$LEDGER; sleep 1; echo ended >>$LEDGER\n"}


def test_one_root_runs_one_deployment_of_a_group_whoever_asks(tmp_path: Path):
    values = {
        "root": str(tmp_path / "root"),
        "bundle": bundle_of(SLOW),
        "appspec": appspec_of(hooks={"AfterInstall": ["say.sh"]}),
        "environment": {"LEDGER": str(tmp_path / "ledger")},
    }
    first = Host(tmp_path / "one").session(**values)
    first.until_running("AfterInstall")

    told = Host(tmp_path / "two").run(deployment="d-2", **values)

    assert [f["for"] for f in told.facts if f["fact"] == "waiting"] == ["d-AAAAAAAA1"]
    assert (tmp_path / "ledger").read_text().split() == ["begun", "ended"] * 2
    first.to_the_end()


@pytest.mark.parametrize("stale", ["d-old\n", "d-old\n4194303 1 no-boot\n", "", "\n"])
def test_the_lock_of_one_that_died_keeps_nobody_waiting(host: Host, stale: str):
    lock = host.state / "deployment-root" / "deployment-instructions" / f"{GROUP}.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(stale)

    told = host.run(events=["ApplicationStop"])

    assert told.outcome == "succeeded"
    assert not [f for f in told.facts if f["fact"] == "waiting"]
