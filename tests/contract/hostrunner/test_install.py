"""Install plans everything before it touches anything, and leaves one revision or the other."""

import os
import stat
import time
from pathlib import Path

import pytest

from contract.hostrunner.client import GROUP, Host, Told, appspec_of, bundle_of, open_to_all

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


def deploy(host: Host, srv: Path, files: dict[str, str], number: int = 1, **values) -> Told:
    """Install the folder `app` of a bundle as *srv*."""
    more = values.pop("appspec", {})
    bundle = values.pop("bundle", None)
    return host.run(
        deployment=f"d-{number}",
        bundle=bundle or bundle_of({f"app/{name}": text for name, text in files.items()}),
        appspec=appspec_of(files={"/app": str(srv)}, **more),
        **values,
    )


def tree_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def notes_of(host: Host, suffix: str) -> str:
    folder = host.state / "deployment-root" / "deployment-instructions"
    return (folder / f"{GROUP}{suffix}").read_text()


def failure_of(told: Told) -> str:
    event = told.event("Install")
    assert event["status"] == "Failed"
    assert event["error_code"] == "UnknownError"
    return event["message"]


def test_files_are_installed_and_written_down_as_the_agent_does(host: Host, srv: Path):
    told = deploy(host, srv, {"a": "1", "sub/b": "2"})

    assert told.outcome == "succeeded"
    assert tree_of(srv) == {"a": "1", "sub/b": "2"}
    lines = notes_of(host, "-cleanup").splitlines()
    assert lines == [f"{srv}", f"{srv}/a", f"{srv}/sub", f"{srv}/sub/b"]
    folder = host.state / "deployment-root" / GROUP / "d-1"
    assert notes_of(host, "_last_successful_install") == str(folder)
    assert notes_of(host, "_most_recent_install") == str(folder)


def test_mode_and_time_are_kept_and_folders_start_plain(host: Host, srv: Path):
    deploy(host, srv, {}, bundle=bundle_of({"app/x": "1"}, modes={"app/x": 0o750}))

    assert stat.S_IMODE((srv / "x").stat().st_mode) == 0o750
    assert (srv / "x").stat().st_mtime == 1_700_000_000
    assert stat.S_IMODE(srv.stat().st_mode) == 0o755


def test_one_file_goes_into_the_destination(host: Host, srv: Path):
    told = host.run(
        bundle=bundle_of({"conf/a.ini": "1"}), appspec=appspec_of(files={"conf/a.ini": str(srv)})
    )

    assert told.outcome == "succeeded"
    assert tree_of(srv) == {"a.ini": "1"}


def test_what_the_new_revision_lacks_is_removed_and_what_is_of_others_stays(host: Host, srv: Path):
    deploy(host, srv, {"a": "1", "old/b": "2", "data/c": "3"})
    (srv / "data" / "upload").write_text("mine")

    told = deploy(host, srv, {"a": "new", "d": "4"}, number=2)

    assert told.outcome == "succeeded"
    assert tree_of(srv) == {"a": "new", "d": "4", "data/upload": "mine"}
    assert not (srv / "old").exists()
    assert [path for path in srv.rglob("*") if "tidegate" in path.name] == []


def test_a_conflict_is_found_before_the_previous_revision_is_touched(host: Host, srv: Path):
    deploy(host, srv, {"a": "1"})
    (srv / "b").write_text("mine")
    before = notes_of(host, "-cleanup")

    told = deploy(host, srv, {"a": "2", "b": "3"}, number=2)

    assert failure_of(told) == (
        f"The deployment failed because a specified file already exists at this location: {srv}/b"
    )
    assert tree_of(srv) == {"a": "1", "b": "mine"}
    assert notes_of(host, "-cleanup") == before
    assert notes_of(host, "_last_successful_install").endswith("/d-1")


@pytest.mark.parametrize(
    ("behaviour", "expected", "removed"), [("OVERWRITE", "new", True), ("RETAIN", "mine", False)]
)
def test_an_existing_file_gives_way_or_stays_as_asked(
    host: Host, srv: Path, behaviour, expected, removed
):
    srv.mkdir()
    (srv / "a").write_text("mine")

    deploy(host, srv, {"a": "new"}, file_exists_behavior=behaviour)
    installed = tree_of(srv)
    deploy(host, srv, {"b": "1"}, number=2)

    assert installed == {"a": expected}
    assert (srv / "a").exists() is not removed


def test_the_appspec_decides_about_existing_files_before_the_deployment(host: Host, srv: Path):
    srv.mkdir()
    (srv / "a").write_text("mine")

    told = deploy(host, srv, {"a": "new"}, appspec={"file_exists_behavior": "OVERWRITE"})

    assert told.outcome == "succeeded"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"none": "/x"}, "installs none, and the revision has no such file"),
        ({"../../../runs": "/x"}, "leads out of the revision"),
        ({"app": "relative/x"}, "relative/x of the AppSpec file is not an absolute path"),
        ({"app": "{srv}", "twin": "{srv}/"}, "specifies two source files named"),
        ({"app": "{srv}/file/x"}, "/file is a file on this host, and the revision needs a folder"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_before_anything_happens(
    host: Host, srv: Path, files, message
):
    srv.mkdir()
    (srv / "file").write_text("mine")
    (host.state).mkdir()

    told = host.run(
        bundle=bundle_of({"app/a": "1", "twin/a": "2"}),
        appspec=appspec_of(files={s: d.format(srv=srv) for s, d in files.items()}),
    )

    assert message in failure_of(told)
    assert tree_of(srv) == {"file": "mine"}


def test_a_folder_on_the_host_is_not_replaced_by_a_file(host: Host, srv: Path):
    (srv / "a").mkdir(parents=True)

    told = deploy(host, srv, {"a": "1"}, file_exists_behavior="OVERWRITE")

    assert "is a folder on this host" in failure_of(told)


def test_files_and_folders_may_change_places_between_revisions(host: Host, srv: Path):
    deploy(host, srv, {"x/deep/a": "1", "y": "2"})

    told = deploy(host, srv, {"x": "3", "y/b": "4"}, number=2)

    assert told.outcome == "succeeded", told.event("Install")
    assert tree_of(srv) == {"x": "3", "y/b": "4"}


def test_links_stay_links_wherever_they_lead(host: Host, srv: Path):
    hook = "#!/bin/sh\ncd $DEPLOYMENT_ARCHIVE/app; ln -s a b; ln -s sub twin; ln -s /etc etc\n"

    told = host.run(
        bundle=bundle_of({"app/a": "1", "app/sub/c": "2", "hook": hook}),
        appspec=appspec_of(files={"app": str(srv)}, hooks={"BeforeInstall": ["hook"]}),
    )

    assert told.outcome == "succeeded", told.event("Install")
    assert str((srv / "b").readlink()) == "a"
    assert str((srv / "twin").readlink()) == "sub"
    assert str((srv / "etc").readlink()) == "/etc"


def test_permissions_reach_what_the_agent_reaches(host: Host, srv: Path):
    entry = {"object": str(srv), "pattern": "**", "except": [], "type": ["file"], "mode": "0640"}
    folders = entry | {"type": ["directory"], "mode": "0700"}

    told = deploy(
        host,
        srv,
        {"a": "1", "sub/b.txt": "2"},
        appspec={"permissions": [entry | {"except": ["a"]}, folders]},
    )

    assert told.outcome == "succeeded", told.event("Install")
    assert stat.S_IMODE((srv / "a").stat().st_mode) == 0o644
    assert stat.S_IMODE((srv / "sub" / "b.txt").stat().st_mode) == 0o640
    assert stat.S_IMODE((srv / "sub").stat().st_mode) == 0o700
    assert stat.S_IMODE(srv.stat().st_mode) == 0o755


def test_a_pattern_reaches_direct_children_only(host: Host, srv: Path):
    entry = {"object": f"{srv}/", "pattern": "*.sh", "mode": "755"}

    deploy(host, srv, {"a.sh": "", "b.txt": "", "sub/c.sh": ""}, appspec={"permissions": [entry]})

    modes = {
        name: stat.S_IMODE((srv / name).stat().st_mode) for name in ("a.sh", "b.txt", "sub/c.sh")
    }
    assert modes == {"a.sh": 0o755, "b.txt": 0o644, "sub/c.sh": 0o644}


@root
def test_owner_and_group_are_given(host: Host, srv: Path):
    entry = {"object": str(srv), "owner": "nobody", "group": "daemon"}

    deploy(host, srv, {"a": ""}, appspec={"permissions": [entry]})

    assert ((srv / "a").owner(), (srv / "a").group()) == ("nobody", "daemon")
    assert srv.owner() == "root"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"owner": "no-such-user"}], "user no-such-user, whom this host lacks"),
        ([{"group": "no-such-group"}], "group no-such-group, which this host lacks"),
        ([{"mode": "644"}, {"mode": "600"}], "is specified more than once"),
        ([{"object": "{srv}/a", "pattern": "*.x"}], "with an invalid pattern (*.x)"),
    ],
)
def test_permissions_that_cannot_be_given_are_refused_before_anything_happens(
    host: Host, srv: Path, entries, message
):
    deploy(host, srv, {"a": "old"})
    entries = [{"object": "{srv}"} | entry for entry in entries]
    permissions = [entry | {"object": entry["object"].format(srv=srv)} for entry in entries]

    told = deploy(host, srv, {"a": "new"}, number=2, appspec={"permissions": permissions})

    assert message in failure_of(told)
    assert tree_of(srv) == {"a": "old"}


def test_a_failure_in_the_middle_puts_everything_back(host: Host, srv: Path, tmp_path):
    deploy(host, srv, {"a": "old", "gone/b": "old"})
    tool = tmp_path / "bin" / "setfacl"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho no ACL here; case $(readlink "$3") in */late) exit 1; esac\n')
    tool.chmod(0o755)
    host.env = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    before = notes_of(host, "-cleanup")
    entry = {"object": f"{srv}/", "type": ["directory"], "acls": ["u:root:rwx"]}

    told = deploy(
        host, srv, {"a": "new", "late/c": "new"}, number=2, appspec={"permissions": [entry]}
    )

    assert "no ACL here" in failure_of(told)
    assert tree_of(srv) == {"a": "old", "gone/b": "old"}
    assert sorted(path.name for path in srv.iterdir()) == ["a", "gone"]
    assert notes_of(host, "-cleanup") == before


def test_what_a_killed_install_left_is_found_by_the_next_one(host: Host, srv: Path):
    deploy(host, srv, {"a": "1"})
    leftover = srv / ".tidegate-0123456789-1"
    leftover.write_text("half")
    notes = host.state / "deployment-root" / "deployment-instructions" / f"{GROUP}-cleanup"
    notes.write_text(notes.read_text() + f"{leftover}\n{srv}/unfinished-lin")
    (srv / "unfinished-lin").write_text("mine")

    told = deploy(host, srv, {"a": "2"}, number=2)

    assert told.outcome == "succeeded"
    assert tree_of(srv) == {"a": "2", "unfinished-lin": "mine"}


def test_the_agents_own_list_is_cleaned_up(host: Host, srv: Path):
    notes = host.state / "deployment-root" / "deployment-instructions"
    notes.mkdir(parents=True)
    (srv / "old").mkdir(parents=True)
    (srv / "old" / "file").write_text("of the agent")
    (notes / f"{GROUP}-cleanup").write_text(f"{srv}\n{srv}/old\n{srv}/old/file\n{srv}/missing\n")

    told = deploy(host, srv, {"a": "1"})

    assert told.outcome == "succeeded"
    assert tree_of(srv) == {"a": "1"}
    assert not (srv / "old").exists()


def test_old_archives_and_bundles_are_pruned_but_never_the_installed_one(host: Host, srv: Path):
    for number in range(1, 5):
        deploy(host, srv, {"a": str(number)}, number=number, max_revisions=2)
    blocked = appspec_of(files={"none": "/x"})
    for number in range(5, 8):
        bundle = bundle_of({"a": str(number)})
        host.run(deployment=f"d-{number}", bundle=bundle, appspec=blocked, max_revisions=2)

    archives = {path.name for path in (host.state / "deployment-root" / GROUP).iterdir()}
    assert archives == {"d-4", "d-7"}
    assert len(list((host.state / "bundles").iterdir())) == 2


def test_runs_that_ended_long_ago_are_removed(host: Host):
    host.run(deployment="d-1")
    host.run(deployment="d-2")
    long_ago = host.journal("d-2").stat().st_mtime - 8 * 86400
    for number in (1, 2):
        os.utime(host.journal(f"d-{number}"), (long_ago, long_ago))
    text = host.journal("d-2").read_text().splitlines()
    host.journal("d-2").write_text("\n".join(text[:-1]) + "\n")
    os.utime(host.journal("d-2"), (long_ago, long_ago))

    host.run(deployment="d-3")

    # The run is told to its end first, and tidies up then.
    until = time.monotonic() + 20
    while host.journal("d-1").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    assert host.journal("d-2").exists()


@root
def test_a_user_without_the_right_to_write_is_told_before_anything_happens(host: Host, srv: Path):
    open_to_all(host.state)
    host.state.parent.chmod(0o777)
    srv.mkdir(mode=0o755)
    host.wrapper = ("setpriv", "--reuid=nobody", "--clear-groups")

    told = deploy(host, srv, {"a": "1"})

    assert "may not write to" in failure_of(told)
    assert "connect as root" in failure_of(told)


def test_every_python_replaces_fails_and_recovers(host_of_any_python: Host, srv: Path):
    host = host_of_any_python
    entry = {"object": str(srv), "type": ["directory"], "mode": "2750"}
    files = {"a": "1", "sub/b": "1", "file": "1", "folder/c": "1", "ü\n": "1"}
    deploy(host, srv, files, appspec={"permissions": [entry]})
    (srv / "foreign").symlink_to("/etc")
    tool = srv.parent / "bin" / "setfacl"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nexit 1\n")
    tool.chmod(0o755)
    host.env = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    more = {"a": "2", "file/d": "2", "folder": "2", "foreign": "2"}
    acl = {"object": str(srv), "type": ["directory"], "acls": ["user:root:rwx"]}
    overwrite = {"file_exists_behavior": "OVERWRITE"}

    failed = deploy(host, srv, more, number=2, appspec={"permissions": [acl], **overwrite})
    between = tree_of(srv), stat.S_IMODE((srv / "sub").stat().st_mode)
    told = deploy(host, srv, more, number=3, appspec=overwrite)

    assert "Everything was put back" in failure_of(failed)
    assert between == (files, 0o2750)
    assert told.outcome == "succeeded", told.event("Install")
    assert tree_of(srv) == more
