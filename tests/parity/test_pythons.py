"""One deployment that touches everything, by every interpreter on this machine."""

import os
import stat

import pytest

from parity.bundles import File, Folder, HardLink, Link, appspec, sh
from parity.machine import NOBODY, Commands, Machine
from parts.pythons import open_to_all, python_for_all, pythons

pytestmark = pytest.mark.slow

ROOT = os.geteuid() == 0
OPEN = {python for python in (python_for_all(), *pythons()) if python and open_to_all(python)}
CASES = [
    *((python, "root") for python in pythons() if ROOT),
    *((python, "ordinary") for python in (sorted(OPEN) if ROOT else pythons())),
]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(part.replace("/", "_") for part in case))
def any_machine(request: pytest.FixtureRequest, place, commands: Commands) -> Machine:
    python, user = request.param
    uid = NOBODY if ROOT and user == "ordinary" else None
    machine = Machine(place, commands, python, uid)
    (place / "tmp").mkdir()
    machine.give(place)
    return machine


def revision(version: str) -> dict[str, object]:
    hooks = ("ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart")
    return {
        "appspec.yml": appspec(
            files=[{"source": "app", "destination": "@/srv/app"}],
            permissions=[{"object": "@/srv", "type": ["file"], "mode": "0640", "except": ["x"]}],
            hooks={event: ["scripts/note.sh"] for event in hooks},
        ),
        "scripts/note.sh": File(f'echo "$LIFECYCLE_EVENT" {version}\nprintf "\\377\\n"\n', 0o644),
        "app/a": version,
        f"app/only-{version}": "",
        "app/ünï cödé": "u",
        "app/sub/empty": Folder(),
        "app/link": Link("a"),
    }


@pytest.mark.parametrize("kind", ["directory", "tar", "tgz", "zip"])
def test_two_revisions_of_one_application(any_machine: Machine, kind):
    any_machine.deploy(revision("v1"), kind=kind).succeeded()

    done = any_machine.deploy(revision("v2"), kind=kind).succeeded()

    app = any_machine.path("srv/app")
    assert {path.name for path in app.iterdir()} == {"a", "only-v2", "ünï cödé", "sub", "link"}
    assert stat.S_IMODE((app / "a").stat().st_mode) == 0o640
    assert (app / "link").read_text() == "v2"
    assert done.noops() == ["ValidateService"]
    assert "[stdout]ApplicationStop v1" in done.scripts_log
    assert "[stdout]ApplicationStart v2" in done.scripts_log


def test_failures_are_told_alike(any_machine: Machine):
    hostile = {"appspec.yml": appspec(), "l": Link("/tmp"), "l/x": "evil", "h": HardLink("l")}
    slow = {"appspec.yml": appspec(hooks={"AfterInstall": [{"location": "s.sh", "timeout": 1}]})}

    any_machine.deploy(hostile, kind="tar").failed("DownloadBundle", "l/x")
    any_machine.deploy({**slow, "s.sh": sh("sleep 20")}).failed(
        "AfterInstall", code="ScriptTimedOut", script="s.sh"
    )
    any_machine.deploy(slow).failed("AfterInstall", code="ScriptMissing", script="s.sh")
