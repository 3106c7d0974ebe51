"""A full disk under the data directory: 507 to whoever wants to write, and no harm to what runs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.bundles import bundle
from acceptance.conftest import fleet_in
from acceptance.fleet import APPLICATION, Fleet, whole_run

pytestmark = pytest.mark.slow

SIZE = "400m"
BLOCK = bytes(65536)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root can make."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only, and not in every container")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False)


class Ballast:
    """Files that leave nothing of a disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def fill(self) -> None:
        with self._path.open("ab", buffering=0) as file:
            for size in (len(BLOCK), 1):
                try:
                    while file.write(BLOCK[:size]):
                        pass
                except OSError:
                    continue
        assert shutil.disk_usage(self._path.parent).free == 0

    def drop(self) -> None:
        self._path.unlink()


def test_a_full_disk_answers_507_and_a_running_deployment_goes_on_when_there_is_space_again(
    small_disk: Path, tmp_path: Path
):
    # The log of `up` lies on that disk too.
    with fleet_in(tmp_path, data_dir=small_disk / "data") as fleet:
        (host,) = fleet.add_hosts(1)
        running_group, other_group = fleet.group([host]), fleet.group([host])
        fleet.push()
        fleet.ledger(host).hold("AfterInstall")
        running = fleet.deploy(running_group, bundle("running"))
        fleet.wait_for_hook(running, host, "AfterInstall")
        ballast = Ballast(small_disk)

        ballast.fill()
        refused = [upload(fleet), create(fleet, other_group)]
        listed = fleet.system.client.get("/v1/deployments")
        fleet.mend()
        upload(fleet)
        ballast.drop()
        ended = fleet.wait(running, within=120)

        for status, document in refused:
            assert status == 507, document
            assert document["code"] == "NoSpace"
            assert "no space left" in document["detail"]
        assert listed.status_code == 200
        assert ended["status"] == "Succeeded"
        assert fleet.ledger(host).told(running) == whole_run(first=True)
        assert fleet.succeeded(other_group)
        assert sorted(path.name for path in small_disk.glob("**/*.part")) == []


def upload(fleet: Fleet) -> tuple[int, dict[str, str]]:
    answer = fleet.system.client.post(
        f"/v1/applications/{APPLICATION}/revisions", content=bundle("one too many")
    )
    return answer.status_code, answer.json()


def create(fleet: Fleet, group: str) -> tuple[int, dict[str, str]]:
    body = {"application": APPLICATION, "deployment_group": group, "revision": fleet.push()}
    answer = fleet.system.client.post("/v1/deployments", json=body)
    return answer.status_code, answer.json()
