"""What can befall a command on its way to an instance, or an agent."""

import pytest

from contract.aws.test_ssm_scripts import is_running
from parts.processes import wait_until
from parts.ssm_caller import Caller
from tidegate.testing.aws.ssm.handle import RunCommand

DETACHES = "setsid sleep 60 > /dev/null 2>&1 & echo $! > detached; echo $$ > pid; wait"


def test_an_agent_dies_with_its_worker_and_tells_so_when_it_is_back(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(1)
    run_command.configure(worker_lost_after=0.2)
    command = caller.send([host.id], DETACHES)
    wait_until((host.folder / "pid").exists, within=10, what="it runs")

    run_command.stop_agent(host.id)
    wait_until(lambda: not is_running(host.folder / "pid"), within=10, what="its worker is gone")
    meanwhile = caller.details(command)[host.id]
    run_command.start_agent(host.id)
    told = caller.ended(command, host.id)

    assert meanwhile == "InProgress"
    assert is_running(host.folder / "detached")
    assert told["StatusDetails"] == "Failed"
    assert "document worker timed out" in told["StandardOutputContent"]


def test_a_worker_that_outlives_its_agent_is_found_again(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    command = caller.send([host.id], "until [ -e go ]; do sleep 0.05; done; touch done; echo well")
    caller.wait_for(command, host.id, "InProgress")

    run_command.stop_agent(host.id, workers_die=False)
    (host.folder / "go").touch()
    wait_until((host.folder / "done").exists, within=10, what="it is done")
    meanwhile = caller.details(command)[host.id]
    run_command.start_agent(host.id)

    assert meanwhile == "InProgress"
    assert caller.ended(command, host.id)["StandardOutputContent"] == "well\n"


def test_what_no_agent_takes_is_given_up_in_the_end_and_never_runs(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(1)
    run_command.configure(delivery_scale=0.01)
    run_command.stop_agent(host.id)

    command = caller.send(
        [host.id], "touch ran", TimeoutSeconds=30, parameters={"executionTimeout": ["60"]}
    )
    caller.wait_for(command, host.id, "Delayed")
    told = caller.ended(command, host.id)
    run_command.start_agent(host.id)
    caller.run(host.id, "true")

    assert (told["Status"], told["StatusDetails"]) == ("TimedOut", "DeliveryTimedOut")
    assert told["ResponseCode"] == -1
    assert not (host.folder / "ran").exists()
    [shown] = caller.ssm.list_commands(CommandId=command)["Commands"]
    assert shown["DeliveryTimedOutCount"] == 1


@pytest.mark.parametrize(
    ("details", "status"),
    [
        ("AccessDenied", "Failed"),
        ("Undeliverable", "Failed"),
        ("InvalidPlatform", "Failed"),
        ("Terminated", "Cancelled"),
        ("DeliveryTimedOut", "TimedOut"),
    ],
)
def test_a_command_that_does_not_arrive_does_not_run(
    run_command: RunCommand, caller: Caller, details: str, status: str
):
    host, other = run_command.make_hosts(2)
    run_command.mishap(details, instance_id=host.id)

    command = caller.send([host.id, other.id], "touch ran")
    told = caller.ended(command, host.id)
    caller.ended(command, other.id)

    assert (told["Status"], told["StatusDetails"]) == (status, details)
    assert told["ResponseCode"] == -1
    assert not (host.folder / "ran").exists()
    assert (other.folder / "ran").exists()
    assert caller.run(host.id, "true")["Status"] == "Success", "the next one arrives"


def test_a_command_may_have_run_although_it_timed_out(run_command: RunCommand, caller: Caller):
    hosts = run_command.make_hosts(2)
    run_command.mishap("DeliveryTimedOut", runs=True)

    command = caller.send([host.id for host in hosts], "touch ran")

    for host in hosts:
        assert caller.ended(command, host.id)["StatusDetails"] == "DeliveryTimedOut"
        wait_until((host.folder / "ran").exists, within=10, what="it runs")


def test_a_script_is_killed_as_if_its_time_were_over(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    run_command.mishap("ExecutionTimedOut", runs=True, after=0.3)

    told = caller.run(host.id, DETACHES)

    assert (told["StatusDetails"], told["ResponseCode"]) == ("ExecutionTimedOut", 137)
    assert is_running(host.folder / "detached")


def test_details_may_be_spelled_as_in_the_pages(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    run_command.configure(spaced=True)
    run_command.mishap("AccessDenied")

    assert caller.run(host.id, "true")["StatusDetails"] == "Access Denied"


def test_a_command_may_never_be_heard_of_again(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    run_command.configure(delivery_scale=0.01)
    run_command.mishap("InProgress", runs=True)

    how = {"TimeoutSeconds": 30, "parameters": {"executionTimeout": ["60"]}}
    command = caller.send([host.id], "touch ran", **how)
    wait_until((host.folder / "ran").exists, within=10, what="it runs")
    meanwhile = caller.details(command)[host.id]

    assert meanwhile == "InProgress"
    assert caller.ended(command, host.id)["StatusDetails"] == "DeliveryTimedOut"


def test_what_was_arranged_is_taken_back(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    run_command.mishap("AccessDenied")
    run_command.fault("SendCommand")
    run_command.configure(rates={"*": 0.001})

    run_command.heal()
    run_command.configure(visible_after=0)

    assert caller.run(host.id, "true")["Status"] == "Success"
