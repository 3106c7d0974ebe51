"""EC2 instances, deployed to over SSH: found by tag and Auto Scaling group, gone, and launched."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from acceptance.bundles import bundle
from acceptance.conftest import fleet_in
from acceptance.fleet import Fleet, whole_run
from parts.ec2 import Account
from parts.ports import free_port
from parts.processes import wait_until
from parts.s3 import S3Server
from parts.sshd import SshdHost

REGION = "us-east-1"
A_LOOK = 60.0
"""Seconds until the next look at instances has come, on a machine that is busy."""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        with S3Server(tmp_path_factory.mktemp("aws")) as server:
            yield server


@pytest.fixture(scope="module")
def fleet(aws: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    environment = {
        **aws.environment(folder),
        "AWS_ENDPOINT_URL_EC2": aws.url,
        "AWS_ENDPOINT_URL_AUTO_SCALING": aws.url,
        "TIDEGATE_INSECURE_NO_AUTH": "true",
    }
    with fleet_in(folder, environment=environment) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def account(aws: S3Server) -> Account:
    return Account(client("ec2", aws.url), client("autoscaling", aws.url))


def client(service: str, url: str) -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(service, region_name=REGION, endpoint_url=url, **keys)


def start(fleet: Fleet, count: int) -> list[SshdHost]:
    """Start hosts that nobody registers; all listen at one port, for that is their group's."""
    port = free_port()
    names = [f"ec2-{len(fleet.farm.hosts) + number}" for number in range(count)]
    return [fleet.farm.start_one(name, port=port) for name in names]


def over_ssh(host: SshdHost) -> dict[str, object]:
    """What the group of a host says, so that its instances are reached."""
    return {
        "user": host.user,
        "port": host.port,
        "identity": host.identity,
        "state_dir": "~/state",
    }


def meant(scaling_group: str) -> dict[str, object]:
    """Instances with both tags, and those of an Auto Scaling group."""
    return {
        "tag_filters": [[{"key": "role", "value": "web"}], [{"key": "env", "value": "prod"}]],
        "auto_scaling_groups": [scaling_group],
        "reach": "ssh",
        "trust_on_first_use": True,
    }


def test_instances_are_found_go_and_come_while_their_group_is_deployed_to(
    fleet: Fleet, account: Account
):
    tagged, scaled, leaver, late = start(fleet, 4)
    scaling_group = account.group(0)
    ids = {
        "tagged": account.launch_at(tagged.address, role="web", env="prod"),
        "scaled": account.launch_at(scaled.address, scaling_group),
        "leaver": account.launch_at(leaver.address, scaling_group),
    }
    account.launch_at("127.20.255.254", role="web")
    group = fleet.group([], ec2=meant(scaling_group), ssh=over_ssh(tagged))
    fleet.ledger(leaver).hold("AfterInstall")

    root = fleet.deploy(group, bundle("one"))
    fleet.wait_for_hook(root, leaver, "AfterInstall")
    for name in ("tagged", "scaled"):
        fleet.wait_for_target(root, ids[name], "Succeeded")
    account.scale_in(ids["leaver"])
    ids["late"] = account.launch_at(late.address, scaling_group)
    gone = fleet.wait_for_target(root, ids["leaver"], "Failed", within=A_LOOK)
    ended = fleet.wait(root)

    assert ended["status"] == "Succeeded"
    assert gone["message"] == f"The instance {ids['leaver']} was terminated during the deployment."
    assert set(fleet.targets(root)) == {ids[name] for name in ("tagged", "scaled", "leaver")}
    follow_up = wait_until(
        lambda: (fleet.show(root)["follow_up"] or {}).get("follow_up_deployment_id"),
        within=A_LOOK,
        what="a deployment follows",
    )
    assert fleet.wait(follow_up)["creator"] == "CodeDeployAutoUpdate"
    assert fleet.statuses(follow_up) == {ids["late"]: "Succeeded"}
    fleet.ledger(leaver).mend()
    for host, deployment in ((tagged, root), (scaled, root), (late, follow_up)):
        assert fleet.ledger(host).told(deployment) == whole_run(first=True)
    _as_codedeploy_shows_it(fleet, root, follow_up, ids)


def _as_codedeploy_shows_it(fleet: Fleet, root: str, follow_up: str, ids: dict[str, str]) -> None:
    codedeploy = client("codedeploy", fleet.system.url)
    shown = codedeploy.get_deployment_target(deploymentId=root, targetId=ids["tagged"])
    target = shown["deploymentTarget"]["instanceTarget"]
    found = codedeploy.batch_get_deployments(deploymentIds=[root, follow_up])["deploymentsInfo"]
    of_root, of_follow_up = found

    assert target["targetArn"] == f"arn:aws:ec2:{REGION}:123456789012:instance/{ids['tagged']}"
    assert of_root["relatedDeployments"] == {
        "autoUpdateOutdatedInstancesDeploymentIds": [follow_up]
    }
    assert of_follow_up["relatedDeployments"] == {
        "autoUpdateOutdatedInstancesRootDeploymentId": root
    }
    assert codedeploy.list_on_premises_instances()["instanceNames"] == []


def test_a_group_that_the_cli_made_reaches_them_and_a_stopped_one_is_said_to_be(
    fleet: Fleet, account: Account
):
    (host,) = start(fleet, 1)
    running = account.launch_at(host.address, role="cli")
    stopped = account.launch_at("127.20.255.253", role="cli")
    account.stop(stopped)
    group = fleet.group([])
    ssh = [f"{key}={value}" for key, value in over_ssh(host).items()]

    said = fleet.system.cli(
        "group", "ec2", "shop", group, "--tag", "role=cli", "--reach", "ssh",
        "--trust-on-first-use", *(word for pair in ssh for word in ("--ssh", pair)),
    )  # fmt: skip
    id_ = fleet.deploy(group, bundle("one"))
    ended = fleet.wait(id_)
    listed = fleet.system.cli("host", "list", "--ec2")

    assert said.returncode == 0, said.stderr
    assert ended["status"] == "Succeeded"
    assert fleet.statuses(id_) == {running: "Succeeded", stopped: "Failed"}
    assert f"The instance {stopped} was stopped" in fleet.message(id_, stopped)
    assert running in listed.stdout
    assert stopped in listed.stdout
