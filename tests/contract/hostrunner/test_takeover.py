"""A host that the CodeDeploy agent managed is taken over, and goes on as if it had been ours."""

from pathlib import Path

import pytest

from contract.hostrunner.client import GROUP, Host, appspec_of, bundle_of

OLD_APPSPEC = """\
version: 0.0
os: linux
files:
  - {source: /, destination: /srv/old}
hooks:
  ApplicationStop:
    - {location: scripts/stop.sh, timeout: 30}
"""


def managed_by_the_agent(root: Path, srv: Path, appspec: str = OLD_APPSPEC) -> Path:
    """Leave behind what the agent leaves after a deployment."""
    old = root / GROUP / "d-OLD000000"
    archive = old / "deployment-archive"
    (archive / "scripts").mkdir(parents=True)
    (archive / "appspec.yml").write_text(appspec)
    (archive / "scripts" / "stop.sh").write_text("#!/bin/sh\necho stopping the old one\n")
    (old / "bundle.tar").write_bytes(b"")
    (old / "logs").mkdir()
    notes = root / "deployment-instructions"
    notes.mkdir()
    (srv / "www").mkdir(parents=True)
    (srv / "www" / "index.html").write_text("old")
    (srv / "www" / "of-a-user").write_text("kept")
    cleanup = f"{srv}\n{srv}/www\n{srv}/www/index.html\n{srv}/gone\n"
    (notes / f"{GROUP}-cleanup").write_text(cleanup)
    (notes / f"{GROUP}-install.json").write_text('{"instructions":[]}')
    for name in ("last_successful_install", "most_recent_install"):
        (notes / f"{GROUP}_{name}").write_text(str(old))
    return archive


def revision(srv: Path) -> dict:
    return {
        "bundle": bundle_of({"appspec.yml": "", "new.html": "new"}),
        "appspec": appspec_of(files={"new.html": str(srv / "www")}),
        "appspec_filename": "appspec.yml",
    }


def test_the_agents_revision_is_stopped_and_removed(host_of_any_python: Host, tmp_path: Path):
    host, root, srv = host_of_any_python, tmp_path / "root", tmp_path / "srv"
    managed_by_the_agent(root, srv)

    told = host.run(root=str(root), **revision(srv))
    again = host.run(root=str(root), deployment="d-2", **revision(srv))

    assert told.outcome == again.outcome == "succeeded"
    assert told.needs() == ["runner", "bundle", "appspec"]
    assert b"[stdout]stopping the old one\n" in told.logs["ApplicationStop"]
    assert {path.name for path in (srv / "www").iterdir()} == {"new.html", "of-a-user"}
    assert "appspec" not in again.needs()
    assert again.event("ApplicationStop")["noop"] is True


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the application specification file was empty"),
        ("version: 0.0\nos: plan9\n", "unsupported operating system (plan9)"),
        ("x" * ((1 << 20) + 1), "has more than 1048576 bytes"),
    ],
)
def test_a_bad_appspec_of_the_agent_fails_the_event_that_needs_it(
    host: Host, tmp_path: Path, text: str, words: str
):
    managed_by_the_agent(tmp_path / "root", tmp_path / "srv", text)

    told = host.run(root=str(tmp_path / "root"), **revision(tmp_path / "srv"))

    failed = told.event("ApplicationStop")
    assert (failed["status"], failed["error_code"], failed["script"]) == (
        "Failed",
        "UnknownError",
        "",
    )
    assert words in failed["message"]


def test_only_what_is_the_revisions_own_is_read(host: Host, tmp_path: Path):
    archive = managed_by_the_agent(tmp_path / "root", tmp_path / "srv")
    (tmp_path / "secret").write_text("root:x:0:0")
    (archive / "appspec.yml").unlink()
    (archive / "appspec.yml").symlink_to(tmp_path / "secret")

    told = host.run(root=str(tmp_path / "root"), **revision(tmp_path / "srv"))

    assert "appspec" not in told.needs()
    assert "did not find an AppSpec file" in told.event("ApplicationStop")["message"]


def test_nobody_asks_for_what_no_event_needs(host: Host, tmp_path: Path):
    managed_by_the_agent(tmp_path / "root", tmp_path / "srv")

    told = host.run(
        root=str(tmp_path / "root"), events=["DownloadBundle"], **revision(tmp_path / "srv")
    )

    assert told.needs() == ["runner", "bundle"]


def test_a_wish_may_come_before_the_answer(host: Host, tmp_path: Path):
    managed_by_the_agent(tmp_path / "root", tmp_path / "srv")
    session = host.session(root=str(tmp_path / "root"), **revision(tmp_path / "srv"))

    def cancelled(text: bytes) -> dict:
        session.command("cancel")
        return {"appspec": appspec_of(hooks={"ApplicationStop": ["scripts/slow.sh"]})}

    session.read_appspec = cancelled
    told = session.to_the_end()

    assert told.needs()[-1] == "appspec"
    assert told.outcome == "stopped"


def test_what_the_controller_answers_counts(host: Host, tmp_path: Path):
    managed_by_the_agent(tmp_path / "root", tmp_path / "srv")
    host.read_appspec = lambda text: {"error": text.decode()[:12]}

    told = host.run(root=str(tmp_path / "root"), **revision(tmp_path / "srv"))

    assert told.event("ApplicationStop")["message"] == "version: 0.0"
