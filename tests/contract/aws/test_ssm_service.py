"""The stand-in's Run Command takes, tells and refuses what the service does."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest
from botocore.exceptions import ClientError, HTTPClientError

from parts.processes import wait_until
from parts.s3 import S3Server
from parts.ssm_caller import Caller
from tidegate.testing.aws.place import Place
from tidegate.testing.aws.ssm.handle import RunCommand
from tidegate.testing.aws.ssm.switches import ADMIN

UNKNOWN = "i-00000000000000000"


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"InstanceIds": [f"i-{number:017x}" for number in range(51)]}, "ValidationException"),
        ({"InstanceIds": ["web-1"]}, "ValidationException"),
        ({"InstanceIds": []}, "ValidationException"),
        ({"InstanceIds": ["HOST", UNKNOWN]}, "InvalidInstanceId"),
        ({"InstanceIds": ["HOST", "HOST"]}, "DuplicateInstanceId"),
        ({"Comment": "c" * 101}, "ValidationException"),
        ({"TimeoutSeconds": 2_592_001}, "ValidationException"),
        ({"MaxConcurrency": "0"}, "ValidationException"),
        ({"DocumentName": "AWS-RunPython"}, "InvalidDocument"),
        ({"Parameters": {"commands": ["x"], "command": ["x"]}}, "InvalidParameters"),
        ({"Parameters": {"workingDirectory": ["/"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x"], "executionTimeout": ["172801"]}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["x" * 10_240]}}, "MaxDocumentSizeExceeded"),
    ],
)
def test_what_the_service_does_not_take_is_refused_and_nothing_runs(
    run_command: RunCommand, caller: Caller, change: dict[str, Any], code: str
):
    [host] = run_command.make_hosts(1)
    request = {
        "InstanceIds": ["HOST"],
        "DocumentName": "AWS-RunShellScript",
        "Parameters": {"commands": ["touch ran"]},
        **change,
    }
    request["InstanceIds"] = [host.id if one == "HOST" else one for one in request["InstanceIds"]]

    with pytest.raises(ClientError) as refused:
        caller.ssm.send_command(**request)

    assert code_of(refused) == code
    assert caller.ssm.list_commands()["Commands"] == []
    assert run_command.calls("SendCommand")[0]["error"] == code


def test_what_was_just_sent_is_not_found_yet(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    run_command.configure(visible_after=3600)

    command = caller.send([host.id], "touch ran")
    wait_until((host.folder / "ran").exists, within=10, what="it runs all the same")

    with pytest.raises(ClientError) as refused:
        caller.result(command, host.id)
    assert code_of(refused) == "InvocationDoesNotExist"
    assert caller.details(command) == {}
    assert caller.ssm.list_commands(CommandId=command)["Commands"] == []


def test_commands_are_listed_with_their_parameters_in_pages(
    run_command: RunCommand, caller: Caller
):
    hosts = run_command.make_hosts(3)
    ids = [host.id for host in hosts]
    sent = [caller.send(ids, f"echo {number}", Comment=f"c{number}") for number in range(2)]

    pages = list(
        caller.ssm.get_paginator("list_command_invocations").paginate(
            PaginationConfig={"PageSize": 4}
        )
    )
    [newest] = caller.ssm.list_commands(MaxResults=1)["Commands"]
    with pytest.raises(ClientError) as refused:
        caller.ssm.list_commands(NextToken="nonsense")

    told = [one for page in pages for one in page["CommandInvocations"]]
    assert [len(page["CommandInvocations"]) for page in pages] == [4, 2]
    assert {(one["CommandId"], one["InstanceId"]) for one in told} == {
        (command, one) for command in sent for one in ids
    }
    assert (newest["CommandId"], newest["Comment"]) == (sent[1], "c1")
    assert newest["Parameters"] == {"commands": ["echo 1"]}
    assert newest["InstanceIds"] == ids
    assert code_of(refused) == "InvalidNextToken"


def test_lists_are_filtered(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    caller.run(host.id, "exit 1")
    caller.run(host.id, "exit 0")

    def found(key: str, value: str) -> int:
        told = caller.ssm.list_commands(Filters=[{"key": key, "value": value}])
        return len(told["Commands"])

    assert found("InvokedAfter", "2026-01-01T00:00:00Z") == 2
    assert found("InvokedBefore", "2026-01-01T00:00:00Z") == 0
    assert found("Status", "Failed") == 1


def test_one_failure_stops_the_rest_unless_more_are_allowed(
    run_command: RunCommand, caller: Caller
):
    ids = [host.id for host in run_command.make_hosts(4)]

    stopped = caller.send(ids, "echo x >> ran; exit 1", MaxErrors="0", MaxConcurrency="1")
    for one in ids:
        caller.ended(stopped, one)
    allowed = caller.send(ids, "exit 1", MaxErrors="100%")
    for one in ids:
        caller.ended(allowed, one)

    assert sorted(caller.details(stopped).values()) == ["Failed", *["Terminated"] * 3]
    assert set(caller.details(allowed).values()) == {"Failed"}


def test_instances_are_begun_in_rounds_of_twice_as_many(run_command: RunCommand, caller: Caller):
    hosts = run_command.make_hosts(7)
    run_command.configure(dispatch_after=0.2)

    command = caller.send([host.id for host in hosts], "true")
    told = [caller.ended(command, host.id) for host in hosts]

    begun = Counter(one["ExecutionStartDateTime"] for one in told)
    assert [begun[at] for at in sorted(begun)] == [1, 2, 4]


def test_one_of_two_instances_is_cancelled(run_command: RunCommand, caller: Caller):
    one, other = run_command.make_hosts(2)
    command = caller.send([one.id, other.id], "until [ -e go ]; do sleep 0.05; done")
    for host in (one, other):
        caller.wait_for(command, host.id, "InProgress")

    caller.ssm.cancel_command(CommandId=command, InstanceIds=[one.id])
    cancelled = caller.ended(command, one.id)
    (other.folder / "go").touch()
    went_on = caller.ended(command, other.id)

    assert (cancelled["Status"], cancelled["ResponseCode"]) == ("Cancelled", 137)
    assert went_on["Status"] == "Success"
    assert caller.ssm.list_commands()["Commands"][0]["StatusDetails"] == "Incomplete"


def test_managed_instances_are_described_in_pages(run_command: RunCommand, caller: Caller):
    hosts = run_command.make_hosts(11)
    run_command.make_hosts(["mi-0123456789abcdef0"], platform="Windows")
    run_command.stop_agent(hosts[0].id)

    def described(**asked: Any) -> list[dict[str, Any]]:
        return list(caller.ssm.describe_instance_information(**asked)["InstanceInformationList"])

    first = caller.ssm.describe_instance_information()
    by_id = [{"Key": "InstanceIds", "Values": [hosts[0].id, UNKNOWN]}]
    windows = [{"Key": "PlatformTypes", "Values": ["Windows"]}]

    assert len(first["InstanceInformationList"]) == 10
    assert len(described(NextToken=first["NextToken"])) == 2
    assert [one["PingStatus"] for one in described(Filters=by_id)] == ["ConnectionLost"]
    run_command.configure(stale_ping=300)
    assert [one["PingStatus"] for one in described(Filters=by_id)] == ["Online"]
    assert [one["ResourceType"] for one in described(Filters=windows)] == ["ManagedInstance"]


def test_a_host_is_on_while_its_ec2_instance_runs(
    run_command: RunCommand, caller: Caller, place: Place
):
    ec2 = place.client("ec2")
    [host, other] = run_command.make_instances(2, place, tags={"role": "web"})
    web = [{"Key": "tag:role", "Values": ["web"]}]
    command = caller.send([host.id, other.id], "echo $$ > pid; until [ -e go ]; do sleep 0.1; done")
    for one in (host, other):
        wait_until((one.folder / "pid").exists, within=10, what="it runs")
    [reservation] = ec2.describe_instances(Filters=[{"Name": "tag:role", "Values": ["web"]}])[
        "Reservations"
    ]

    ec2.stop_instances(InstanceIds=[host.id])

    def managed() -> set[str]:
        told = caller.ssm.describe_instance_information(Filters=web)["InstanceInformationList"]
        return {one["InstanceId"] for one in told}

    wait_until(lambda: managed() == {other.id}, within=10, what="it is off")
    with pytest.raises(ClientError) as refused:
        caller.send([host.id], "true")
    ec2.start_instances(InstanceIds=[host.id])
    wait_until(lambda: host.id in managed(), within=10, what="it is on again")
    (other.folder / "go").touch()

    assert {one["InstanceId"] for one in reservation["Instances"]} == {host.id, other.id}
    assert code_of(refused) == "InvalidInstanceId"
    assert "document process failed" in caller.ended(command, host.id)["StandardOutputContent"]
    assert caller.ended(command, other.id)["Status"] == "Success", "only one of them was off"
    assert caller.run(host.id, "echo back")["StandardOutputContent"] == "back\n"


def test_an_answer_is_lost_and_the_command_runs(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    run_command.fault("SendCommand", done=True)
    run_command.fault("SendCommand", "InternalServerError", status=500)

    with pytest.raises(HTTPClientError):
        caller.send([host.id], "echo x >> ran", Comment="lost")
    with pytest.raises(ClientError) as refused:
        caller.send([host.id], "echo x >> ran", Comment="refused")

    [sent] = caller.ssm.list_commands()["Commands"]
    assert sent["Comment"] == "lost"
    assert caller.ended(sent["CommandId"], host.id)["Status"] == "Success"
    assert (host.folder / "ran").read_text() == "x\n"
    assert code_of(refused) == "InternalServerError"


def test_calls_beyond_a_rate_are_throttled_and_all_are_told(
    run_command: RunCommand, caller: Caller
):
    run_command.configure(rates={"ListCommands": 0.001}, burst=2)
    for _ in range(2):
        caller.ssm.list_commands()
    caller.ssm.describe_instance_information()

    with pytest.raises(ClientError) as refused:
        caller.ssm.list_commands()

    assert code_of(refused) == "ThrottlingException"
    assert run_command.counts() == {"ListCommands": 3, "DescribeInstanceInformation": 1}
    [first, *_] = run_command.calls()
    assert (first["region"], first["access_key_id"]) == ("us-east-1", "testing")
    assert json.dumps(first["answer"]) == '{"Commands": []}'
    run_command.forget()
    assert run_command.calls() == []


def test_commands_run_only_where_tests_want_it(run_command: RunCommand, tmp_path: Path):
    program = "import sys; from tidegate.testing.aws.server import serve; serve(sys.argv[1:])"

    with S3Server(tmp_path, program=("-c", program)) as as_in_the_demo:
        there = httpx2.post(f"{as_in_the_demo.url}{ADMIN}hosts", json=[])
    asked = httpx2.options(f"{run_command.url}{ADMIN}hosts")
    simple = httpx2.post(f"{run_command.url}{ADMIN}hosts", content=b"[]")

    assert not there.is_success
    assert (asked.status_code, simple.status_code) == (405, 405)
