"""What travels over SSM, and by what way: no secret in a command, and all of a long log."""

import base64
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from contract.hosts.ssm_scene import HASTY, address_of, ssm_driver
from parts.pythons import pythons
from tidegate.drivers.hosts import Failed, Finished
from tidegate.drivers.hosts.ssm import SsmHosts
from tidegate.engine.appspecs import read_appspec
from tidegate.testing.aws.ssm.handle import RunCommand, StandInHost
from tidegate.testing.host_runs import Follower, run_of

SECRET = "tell-nobody-4711"


@pytest.fixture
def make(exchange: str) -> Iterator[Callable[..., SsmHosts]]:
    made: list[SsmHosts] = []

    def make_one(**more: Any) -> SsmHosts:
        made.append(ssm_driver(more.pop("exchange", exchange), **more))
        return made[-1]

    yield make_one
    for driver in made:
        driver.close()


@pytest.fixture
def host(run_command: RunCommand) -> StandInHost:
    return run_command.make_hosts(1)[0]


def texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts_in(each)


def everything(run_command: RunCommand) -> str:
    """All that who may list commands can read, unpacked where it is packed."""
    found: list[str] = []
    for text in texts_in(run_command.calls()):
        found.append(text)
        for packed in re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", text):
            try:
                data = base64.b64decode(packed[: len(packed) // 4 * 4])
                found.append(zlib.decompressobj().decompress(data).decode("utf-8", "replace"))
            except zlib.error:
                continue
    return "\n".join(found)


@pytest.mark.parametrize("bundles", ["presigned", "host"])
def test_no_secret_is_in_a_command_or_in_what_it_prints(
    make, run_command: RunCommand, tmp_path: Path, bundles: str
):
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": f"key-{SECRET}"}
    where = {"AWS_DEFAULT_REGION": "us-east-1"}
    (host,) = run_command.make_hosts(1, environment={**keys, **where})
    run = run_of(
        {"AfterInstall": 'test "$PASSWORD" = tell-nobody-4711 && echo right'},
        folder=tmp_path / "bundles",
        environment={"PASSWORD": SECRET},
    )

    follower = Follower(make(), address_of(host, bundles=bundles), run).start()

    assert follower.join() == Finished()
    assert b"right" in follower.log("AfterInstall")
    seen = everything(run_command)
    assert "AfterInstall" in seen
    assert SECRET not in seen
    parcels = re.findall(r"parcels/[0-9a-f]{32}[^\"']*", seen)
    assert {"X-Amz-Signature" in one for one in parcels} == {bundles == "presigned"}


def test_parcels_are_gone_when_their_commands_have_ended(
    make, run_command: RunCommand, host: StandInHost, exchange: str, tmp_path: Path
):
    driver = make()
    run = run_of({"AfterInstall": "true"}, folder=tmp_path / "bundles")
    assert Follower(driver, address_of(host), run).start().join() == Finished()
    driver.close()

    bucket = exchange.split("/")[2]
    found = boto3.client("s3", region_name="us-east-1").list_objects_v2(Bucket=bucket)

    kinds = {one["Key"].split("/")[1] for one in found["Contents"]}
    assert kinds == {"runner", "bundles"}


def test_a_bundle_that_the_artifact_store_has_is_not_uploaded_again(
    make, run_command: RunCommand, host: StandInHost, exchange: str, tmp_path: Path
):
    run = run_of({"AfterInstall": "true"}, folder=tmp_path / "bundles")
    bundle = run.bundle
    assert bundle is not None
    bucket = exchange.split("/")[2]
    s3 = boto3.client("s3", region_name="us-east-1")
    key = f"artifacts/{bundle.sha256[:2]}/{bundle.sha256[2:]}"
    s3.upload_file(str(bundle.path), bucket, key)
    driver = make(exchange="", artifacts=f"s3://{bucket}/artifacts")

    assert Follower(driver, address_of(host), run).start().join() == Finished()

    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert not [key for key in keys if "/bundles/" in key]


def test_a_long_log_comes_whole_slice_by_slice(
    make, run_command: RunCommand, host: StandInHost, tmp_path: Path
):
    text = "od -An -tx1 -N 60000 /dev/urandom; echo the end"
    run = run_of({"AfterInstall": text}, folder=tmp_path / "bundles")

    follower = Follower(make(), address_of(host), run).start()

    assert follower.join() == Finished()
    log = follower.log("AfterInstall")
    assert len(re.findall(rb" [0-9a-f]{2}", log)) >= 60000
    assert log.rstrip().endswith(b"the end")
    assert run_command.counts()["GetCommandInvocation"] >= 3


def test_a_long_log_comes_at_once_where_there_is_a_bucket_for_it(
    make, run_command: RunCommand, host: StandInHost, exchange: str, tmp_path: Path
):
    text = "od -An -tx1 -N 60000 /dev/urandom; echo the end"
    run = run_of({"AfterInstall": text}, folder=tmp_path / "bundles")
    bucket = exchange.split("/")[2]
    address = address_of(host, output_bucket=bucket, output_prefix="logs")

    follower = Follower(make(pace=replace(HASTY, slice=10.0)), address, run).start()

    assert follower.join() == Finished()
    assert len(re.findall(rb" [0-9a-f]{2}", follower.log("AfterInstall"))) >= 60000
    assert "GetCommandInvocation" not in run_command.counts()
    assert run_command.counts()["SendCommand"] == 1


def test_bytes_that_are_no_text_come_as_they_are(
    make, run_command: RunCommand, host: StandInHost, tmp_path: Path
):
    text = r"printf 'caf\303\251 \377 \000 end\n'"
    run = run_of({"AfterInstall": text}, folder=tmp_path / "bundles")

    follower = Follower(make(), address_of(host), run).start()

    assert follower.join() == Finished()
    assert b"caf\xc3\xa9 \xff \x00 end\n" in follower.log("AfterInstall")


def test_an_appspec_that_only_the_host_has_is_read(
    make, run_command: RunCommand, host: StandInHost, tmp_path: Path
):
    run = run_of({"AfterInstall": "true"}, folder=tmp_path / "bundles")
    root = tmp_path / "root"
    left_by_the_agent(root, str(run.spec["group_id"]))
    spec = {**run.spec, "root": str(root), "appspec_filename": "appspec.yml"}

    follower = Follower(
        make(), address_of(host), replace(run, spec=spec, read_appspec=read_appspec)
    ).start()

    assert follower.join() == Finished()
    assert follower.ended == "succeeded"
    assert b"stopping the old one" in follower.log("ApplicationStop")


def left_by_the_agent(root: Path, group: str) -> None:
    """Leave what the CodeDeploy agent leaves of a deployment."""
    old = root / group / "d-OLD000000"
    archive = old / "deployment-archive"
    archive.mkdir(parents=True)
    (archive / "appspec.yml").write_text(
        "version: 0.0\nos: linux\nhooks:\n  ApplicationStop:\n    - location: stop.sh\n"
    )
    (archive / "stop.sh").write_text("#!/bin/sh\necho stopping the old one\n")
    notes = root / "deployment-instructions"
    notes.mkdir()
    for name in ("last_successful_install", "most_recent_install"):
        (notes / f"{group}_{name}").write_text(str(old))


@pytest.mark.parametrize("python", pythons()[1:])
def test_any_python_of_a_host_will_do(make, run_command: RunCommand, tmp_path: Path, python: str):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(python)
    (host,) = run_command.make_hosts(1, environment={"PATH": f"{programs}:/usr/bin:/bin"})
    run = run_of({"AfterInstall": "echo caf\u00e9"}, folder=tmp_path / "bundles")

    follower = Follower(make(), address_of(host), run).start()

    assert follower.join() == Finished()
    assert "caf\u00e9".encode() in follower.log("AfterInstall")


def test_a_bundle_that_s3_does_not_give_is_a_sentence(
    make, run_command: RunCommand, tmp_path: Path
):
    (host,) = run_command.make_hosts(1)
    run = run_of({"AfterInstall": "true"}, folder=tmp_path / "bundles")
    address = address_of(host, bundles="host")

    outcome = Follower(make(pace=replace(HASTY, lost_after=4.0)), address, run).start().join()

    assert isinstance(outcome, Failed)
    assert "no AWS credentials of its own" in outcome.message
