"""`tidegate up` for AWS's clients: access keys, or none for whoever is on this machine."""

from pathlib import Path

import boto3
import pytest

from acceptance.system import System
from contract.up.test_up import up


def codedeploy(url: str, key_id: str, secret: str):
    return boto3.session.Session().client(
        "codedeploy",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )


@pytest.mark.slow
def test_a_key_that_is_made_while_it_runs_is_good_at_once_and_after_a_restart(tmp_path: Path):
    system = System(tmp_path / "data", workers=0)
    try:
        system.start()
        key = system.access_key()
        key_id, secret = key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"]
        answer = codedeploy(system.url, key_id, secret).create_application(applicationName="shop")
        system.stop()
        system.start()
        listed = codedeploy(system.url, key_id, secret).list_applications()
        there = system.client.get("/v1/applications/shop", params={"region": "eu-central-1"})

        assert listed["applications"] == ["shop"]
        assert there.status_code == 200
        assert (system.data_dir / "secret.key").stat().st_mode & 0o777 == 0o600
        assert secret not in system.log()
        request_id = answer["ResponseMetadata"]["RequestId"]
        lines = [line for line in system.log().splitlines() if request_id in line]
        assert len([line for line in lines if "request_finished" in line]) == 1
        assert all("CreateApplication" in line for line in lines)
    finally:
        system.kill_all()


def test_everybody_is_let_in_where_that_is_wanted_and_it_is_said(tmp_path: Path):
    system = System(tmp_path / "data", workers=0, environment={"TIDEGATE_INSECURE_NO_AUTH": "true"})
    try:
        system.start()
        codedeploy(system.url, "any", "thing").create_application(applicationName="shop")

        assert "WARNING: the AWS API takes any signature" in system.log()
        assert (
            system.client.get("/v1/applications", headers={"Authorization": ""}).status_code == 401
        )
    finally:
        system.kill_all()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])
def test_everybody_is_let_in_only_on_loopback(tmp_path: Path, host: str):
    refused = up("--data-dir", tmp_path / "data", "--host", host, "--insecure-no-auth")

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "loopback" in refused.stderr
    assert "TIDEGATE_INSECURE_NO_AUTH" in refused.stderr
