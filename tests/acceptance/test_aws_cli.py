"""The whole round with the real `aws deploy`, against a system of `tidegate up` and an S3."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from acceptance.bundles import HOOK, Ledger, appspec
from acceptance.system import System
from parts.awscli import AwsCli
from parts.processes import wait_until
from parts.s3 import S3Server
from parts.sshd import SshdFarm, SshdHost, require_sshd

APPLICATION, GROUP, BUCKET = "WordPress_App", "Production", "my-revisions"
NAMES = ("--application-name", APPLICATION, "--deployment-group-name", GROUP)
ROLE = "arn:aws:iam::000000000000:role/CodeDeployDemo"
USER = "arn:aws:iam::000000000000:user"


@dataclass
class Round:
    """A system with its S3, two hosts that nobody knows yet, and the client."""

    system: System
    hosts: list[SshdHost]
    aws: AwsCli
    folder: Path

    def deploy(self, *arguments: str) -> Any:
        """Run `aws deploy` and return what it says."""
        said = self.aws("deploy", *arguments)
        return json.loads(said) if said else None

    def ledger(self, host: SshdHost) -> Ledger:
        return Ledger(host.folder / "ledger")

    def push(self, key: str, **files: str) -> str:
        """Push a folder with `aws deploy push`, and return the `--s3-location` that it prints."""
        source = self.folder / key
        source.mkdir()
        (source / "appspec.yml").write_text(appspec())
        contents = {"hook.sh": HOOK, "revision": f"{key}\n", "fails": "", **files}
        for name, text in contents.items():
            (source / name).write_text(text)
            (source / name).chmod(0o755)
        said = self.aws(
            *("deploy", "push", "--application-name", APPLICATION, "--source", str(source)),
            *("--s3-location", f"s3://{BUCKET}/{key}.zip", "--description", f"the {key} revision"),
        )
        _, _, after = said.partition("--s3-location ")
        return after.split()[0]

    def create(self, location: str, *more: str) -> str:
        created = self.deploy("create-deployment", *NAMES, "--s3-location", location, *more)
        return str(created["deploymentId"])

    def show(self, deployment: str) -> dict[str, Any]:
        shown = self.deploy("get-deployment", "--deployment-id", deployment)["deploymentInfo"]
        return dict(shown)

    def ended(self, deployment: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            shown = self.show(deployment)
            return shown if "completeTime" in shown else None

        ended = wait_until(look, within=90, what=f"{deployment} ends")
        assert ended is not None
        return ended

    def target(self, deployment: str, host: SshdHost) -> dict[str, Any]:
        found = self.deploy(
            *("get-deployment-target", "--deployment-id", deployment, "--target-id", host.name)
        )
        return dict(found["deploymentTarget"]["instanceTarget"])


@pytest.fixture(scope="module")
def round_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Round]:
    require_sshd()
    folder = tmp_path_factory.mktemp("aws-cli")
    with S3Server(folder) as s3:
        elsewhere = s3.environment(folder)
        system = System(folder / "data", environment=elsewhere)
        with SshdFarm(folder / "hosts") as farm, system:
            mine = {
                **system.access_key(),
                "AWS_ENDPOINT_URL_CODEDEPLOY": system.url,
                "AWS_ENDPOINT_URL_IAM": s3.url,
            }
            aws = AwsCli({**elsewhere, **mine}, folder)
            bucket = boto3.client("s3", endpoint_url=s3.url, region_name="us-east-1", **TESTING)
            bucket.create_bucket(Bucket=BUCKET)
            hosts = farm.start(2)
            yield Round(system, hosts, aws, folder)


TESTING = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def test_the_whole_round(round_: Round):
    begin(round_)
    register(round_)
    first = succeed(round_)
    look_at_it_as_people_do(round_, first)
    stop_one(round_, first)
    fail_one(round_, first)
    delete(round_)


@pytest.mark.slow
def test_an_instance_gets_an_iam_user_of_its_own(round_: Round):
    """Without `--iam-user-arn`, `register` makes one, and `deregister` reads whom to delete."""
    named = ("--instance-name", "box-1")
    said = round_.aws("deploy", "register", *named, "--tags", "Key=shelf,Value=3")
    assert "Registering the on-premises instance... DONE" in said
    assert "Adding tags to the on-premises instance... DONE" in said
    again = round_.aws.run("deploy", "register", *named, "--iam-user-arn", f"{USER}/other")
    assert "InstanceNameAlreadyRegisteredException" in again.stderr

    user = ("--query", "instanceInfo.iamUserArn", "--output", "text")
    arn = round_.aws("deploy", "get-on-premises-instance", *named, *user)
    said = round_.aws("deploy", "deregister", *named)

    assert arn.endswith(":user/AWS/CodeDeploy/box-1")
    assert f"IamUserArn: {arn}" in said
    assert "Tags: Key=shelf,Value=3" in said
    assert "Deleting the IAM user (box-1)... DONE" in said
    shown = round_.deploy("get-on-premises-instance", *named)["instanceInfo"]
    assert (shown["tags"], "deregisterTime" in shown) == ([], True)


def test_a_pushed_archive_of_many_parts_and_the_exit_codes(round_: Round):
    """From 6 MiB on, S3's eTag is no digest of the object; a failure ends `wait` with 255."""
    names = ("--application-name", "Parts", "--deployment-group-name", "Empty")
    round_.deploy("create-application", *names[:2])
    round_.deploy("create-deployment-group", *names, "--service-role-arn", ROLE)
    source = round_.folder / "parts"
    source.mkdir()
    (source / "appspec.yml").write_text(appspec())
    (source / "blob").write_bytes(random.Random(1).randbytes(7 * 2**20))
    location = ("--s3-location", f"s3://{BUCKET}/parts.zip")
    said = round_.aws("deploy", "push", *names[:2], "--source", str(source), *location)
    _, _, after = said.partition("--s3-location ")
    assert re.search(r"eTag=[0-9a-f]{32}-2\b", after), said

    created = round_.deploy("create-deployment", *names, "--s3-location", after.split()[0])
    id_ = ("--deployment-id", created["deploymentId"])
    assert round_.ended(created["deploymentId"])["errorInformation"]["code"] == "NO_INSTANCES"
    waited = round_.aws.run("deploy", "wait", "deployment-successful", *id_)
    nobody = round_.aws.run("deploy", "stop-deployment", *id_)

    assert (waited.returncode, nobody.returncode) == (255, 255)
    assert 'we matched expected path: "Failed"' in waited.stderr
    assert "DeploymentAlreadyCompletedException" in nobody.stderr
    round_.deploy("delete-application", *names[:2])


def begin(round_: Round) -> None:
    created = round_.deploy("create-application", "--application-name", APPLICATION)
    assert len(created["applicationId"]) == 36
    created = round_.deploy(
        *("create-deployment-group", *NAMES, "--service-role-arn", ROLE),
        *("--deployment-config-name", "CodeDeployDefault.AllAtOnce"),
        *("--on-premises-instance-tag-filters", "Key=Name,Value=CodeDeployDemo,Type=KEY_AND_VALUE"),
        *("--auto-rollback-configuration", "enabled=true,events=DEPLOYMENT_FAILURE"),
    )
    assert len(created["deploymentGroupId"]) == 36


def register(round_: Round) -> None:
    for host in round_.hosts:
        round_.aws(
            *("deploy", "register", "--instance-name", host.name),
            *("--iam-user-arn", f"arn:aws:iam::000000000000:user/{host.name}"),
            *("--tags", "Key=Name,Value=Other"),
        )
        set_ = round_.system.cli(
            *("host", "set", host.name, "--ssh", f"{host.user}@{host.address}:{host.port}"),
            *("--identity", host.identity, "--host-key", host.host_key),
            *("--state-dir", str(host.state_dir), "--var", f"LEDGER={round_.ledger(host).path}"),
        )
        assert set_.returncode == 0, set_.stderr
    names = [host.name for host in round_.hosts]
    assert (
        round_.deploy(
            *("add-tags-to-on-premises-instances", "--instance-names", *names),
            *("--tags", "Key=Name,Value=CodeDeployDemo"),
        )
        is None
    )
    listed = round_.deploy(
        *("list-on-premises-instances", "--registration-status", "Registered"),
        *("--tag-filters", "Key=Name,Value=CodeDeployDemo,Type=KEY_AND_VALUE"),
    )
    assert listed["instanceNames"] == sorted(names)


def succeed(round_: Round) -> str:
    location = round_.push("one")
    deployment = round_.create(location, "--description", "the first")
    round_.aws("deploy", "wait", "deployment-successful", "--deployment-id", deployment)
    shown = round_.show(deployment)
    assert shown["status"] == "Succeeded"
    assert shown["creator"] == "user"
    assert shown["deploymentOverview"] == {
        **dict.fromkeys(("Pending", "InProgress", "Failed", "Skipped", "Ready"), 0),
        "Succeeded": 2,
    }
    assert shown["revision"]["s3Location"]["bucket"] == BUCKET
    for host in round_.hosts:
        assert "ValidateService end" in round_.ledger(host).told(deployment)
        target = round_.target(deployment, host)
        assert target["status"] == "Succeeded"
        assert [event["status"] for event in target["lifecycleEvents"]] == ["Succeeded"] * 7
    return deployment


def look_at_it_as_people_do(round_: Round, deployment: str) -> None:
    get = ("deploy", "get-deployment", "--deployment-id", deployment)
    status = round_.aws(*get, "--query", "deploymentInfo.status", "--output", "text")
    assert status == "Succeeded"
    table = round_.aws(*get, "--output", "table")
    assert "GetDeployment" in table.splitlines()[1]
    assert "deploymentOverview" in table
    listed = round_.aws(
        *("deploy", "list-deployments", *NAMES, "--include-only-statuses", "Succeeded"),
        *("--query", "deployments", "--output", "text"),
    )
    assert listed.split() == [deployment]
    group = round_.deploy("get-deployment-group", *NAMES)["deploymentGroupInfo"]
    assert group["lastSuccessfulDeployment"]["deploymentId"] == deployment
    assert group["targetRevision"]["s3Location"]["key"] == "one.zip"
    revisions = round_.deploy(
        *("list-application-revisions", "--application-name", APPLICATION),
        *("--sort-by", "lastUsedTime", "--sort-order", "descending"),
    )
    assert [r["s3Location"]["key"] for r in revisions["revisions"]] == ["one.zip"]
    seen = round_.system.cli("show", deployment, "--json")
    assert json.loads(seen.stdout)["status"] == "Succeeded"


def stop_one(round_: Round, first: str) -> None:
    held = round_.hosts[0]
    round_.ledger(held).hold("AfterInstall")
    deployment = round_.create(round_.push("two"))
    wait_until(
        lambda: "AfterInstall begin" in round_.ledger(held).told(deployment),
        within=60,
        what="AfterInstall begins",
    )
    refused = round_.aws.run("deploy", "create-deployment", *NAMES, "--revision", json.dumps(OTHER))
    assert refused.returncode == 255
    assert "DeploymentLimitExceededException" in refused.stderr
    assert f"already has an active Deployment '{deployment}'" in refused.stderr
    stopped = round_.deploy("stop-deployment", "--deployment-id", deployment)
    assert stopped["status"] in {"Succeeded", "Pending"}
    round_.ledger(held).release("AfterInstall")
    assert round_.ended(deployment)["status"] == "Stopped"
    waited = round_.aws.run(
        "deploy", "wait", "deployment-successful", "--deployment-id", deployment
    )
    assert waited.returncode == 255
    wait_until(
        lambda: round_.target(deployment, held)["status"] == "Failed",
        within=60,
        what="the script that ran has ended",
    )
    assert first != deployment


OTHER = {
    "revisionType": "S3",
    "s3Location": {"bucket": BUCKET, "key": "nobody.zip", "bundleType": "zip"},
}


def fail_one(round_: Round, first: str) -> None:
    deployment = round_.create(round_.push("three", fails="ApplicationStart\n"))
    ended = round_.ended(deployment)
    assert ended["status"] == "Failed"
    assert ended["errorInformation"]["code"] == "HEALTH_CONSTRAINTS"
    target = round_.target(deployment, round_.hosts[0])
    failed = next(e for e in target["lifecycleEvents"] if e["status"] == "Failed")
    assert failed["lifecycleEventName"] == "ApplicationStart"
    assert failed["diagnostics"]["errorCode"] == "ScriptFailed"
    assert "[stderr]ApplicationStart does not work here" in failed["diagnostics"]["logTail"]
    rollback = round_.ended(ended["rollbackInfo"]["rollbackDeploymentId"])
    assert rollback["status"] == "Succeeded"
    assert rollback["creator"] == "codeDeployRollback"
    assert rollback["rollbackInfo"]["rollbackTriggeringDeploymentId"] == deployment
    assert rollback["revision"] == round_.show(first)["revision"]


def delete(round_: Round) -> None:
    for host in round_.hosts:
        round_.aws(*("deploy", "deregister", "--instance-name", host.name, "--no-delete-iam-user"))
    registered = ("list-on-premises-instances", "--registration-status", "Registered")
    assert round_.deploy(*registered)["instanceNames"] == []
    assert round_.deploy("delete-deployment-group", *NAMES) == {"hooksNotCleanedUp": []}
    assert round_.deploy("delete-application", "--application-name", APPLICATION) is None
    gone = round_.aws.run("deploy", "get-application", "--application-name", APPLICATION)
    assert gone.returncode == 255
    assert f"No application found for name: {APPLICATION}" in gone.stderr
