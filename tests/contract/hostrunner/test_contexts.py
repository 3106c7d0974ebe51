"""SELinux contexts, with tools that write down what they are told."""

import os
from pathlib import Path

import pytest

from contract.hostrunner.test_permissions import entry
from tidegate.hostrunner.parts.base import Failure


class Tools:
    """`semanage` and `restorecon`, which fail for what matches *fails*."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = folder / "told"
        folder.mkdir()
        self.fail_at("\n")

    def fail_at(self, pattern: str) -> None:
        for name in ("semanage", "restorecon"):
            path = self.folder / name
            path.write_text(
                f'#!/bin/sh\necho {name} "$@" >>{self.told}\n'
                f'case "{name} $*" in *"{pattern}"*) echo no such thing; exit 1; esac\n'
            )
            path.chmod(0o755)

    def calls(self) -> list[str]:
        """Return what was called since the last time."""
        said = self.told.read_text().splitlines() if self.told.exists() else []
        self.told.unlink(missing_ok=True)
        return said


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    monkeypatch.setenv("PATH", f"{tmp_path}/tools:{os.environ['PATH']}")
    return Tools(tmp_path / "tools")


WHOLE = {"type": "httpd_t", "user": "system_u", "range": "s0-s1:c0.c3"}


@pytest.mark.parametrize(
    ("context", "words"),
    [
        (WHOLE, "-s system_u -t httpd_t -r s0-s1:c0.c3"),
        ({"type": "httpd_t", "user": None, "range": None}, "-t httpd_t"),
        ({"type": "httpd_t", "range": "s0"}, "-t httpd_t -r s0"),
    ],
)
def test_a_context_is_set_with_the_agents_words(site, srv, tools, context, words):
    site.deploy({"a": ""}, srv, permissions=[entry(srv, context=context)])

    assert tools.calls() == [f"semanage fcontext -a {words} {srv}/a", f"restorecon -v {srv}/a"]
    assert site.list.read_bytes().endswith(b"semanage\0%s/a\n" % os.fsencode(srv))


def test_a_context_is_of_the_real_path_and_never_of_what_a_link_leads_to(site, srv, tools):
    srv.mkdir()
    link = srv.with_name("link")
    link.symlink_to(srv)

    site.deploy({"a": "", "b": Path("a")}, link, permissions=[entry(link, context=WHOLE)])

    assert [call.split()[-1] for call in tools.calls()] == [f"{srv}/a"] * 2


def test_the_next_deployment_forgets_a_context_and_sets_it_anew_where_it_is_asked_for(
    site, srv, tools
):
    files, context = {"a": "", "b": ""}, {"type": "t"}
    site.deploy(files, srv, permissions=[entry(srv, context=context)])
    tools.calls()

    site.deploy(files, srv, permissions=[entry(srv, pattern="a", context=WHOLE)])
    changed = tools.calls()
    site.deploy(files, srv)
    forgotten = tools.calls()
    site.deploy(files, srv)

    assert changed == [
        f"semanage fcontext -d {srv}/a",
        f"semanage fcontext -a -s system_u -t httpd_t -r s0-s1:c0.c3 {srv}/a",
        f"restorecon -v {srv}/a",
        f"semanage fcontext -d {srv}/b",
    ]
    assert forgotten == [f"semanage fcontext -d {srv}/a"]
    assert tools.calls() == []
    assert not site.note("-contexts.json").exists()


def test_a_context_that_the_agent_set_is_forgotten(site, srv, tools):
    site.unpack({})
    site.list.write_bytes(b"semanage\0/srv/x y\n/srv/none\n")

    site.install({"files": [], "permissions": []})

    assert tools.calls() == ["semanage fcontext -d /srv/x y"]


@pytest.mark.parametrize("failing", ["restorecon -v {srv}/b", "fcontext -a -t new {srv}/b"])
def test_a_failure_puts_contexts_back(site, srv, tools, failing):
    files = {"a": "1", "b": "1"}
    site.deploy(files, srv, permissions=[entry(srv, pattern="a", context={"type": "old"})])
    tools.calls()
    before = site.list.read_bytes(), site.note("-contexts.json").read_bytes()
    tools.fail_at(failing.format(srv=srv))

    with pytest.raises(Failure, match=r"failed: no such thing\. Everything was put back as it was"):
        site.deploy({"a": "2", "b": "2"}, srv, permissions=[entry(srv, context={"type": "new"})])

    calls = tools.calls()
    undone = calls[calls.index(f"semanage fcontext -d {srv}/b") :]
    assert undone == [
        f"semanage fcontext -d {srv}/b",
        f"semanage fcontext -d {srv}/a",
        f"semanage fcontext -a -t old {srv}/a",
    ]
    assert (srv / "a").read_text() == "1"
    assert (site.list.read_bytes(), site.note("-contexts.json").read_bytes()) == before


def test_a_context_that_cannot_be_forgotten_is_a_warning(site, srv, tools):
    site.deploy({"a": ""}, srv, permissions=[entry(srv, context=WHOLE)])
    tools.fail_at("fcontext -d")

    warnings = site.deploy({"a": ""}, srv)

    assert len(warnings) == 1
    assert f"semanage fcontext -d {srv}/a failed: no such thing" in warnings[0]


def test_a_folder_that_had_a_context_is_made_anew(site, srv, tools):
    """Only so it loses its label: the agent calls no tool for that."""
    site.deploy({"sub/a": ""}, srv, permissions=[entry(srv, type=["directory"], context=WHOLE)])
    before = (srv / "sub").stat().st_ino
    tools.calls()

    site.deploy({"sub/a": ""}, srv)

    assert (srv / "sub").stat().st_ino != before
    assert tools.calls() == [f"semanage fcontext -d {srv}/sub"]
    assert sorted(path.name for path in srv.rglob("*")) == ["a", "sub"]
