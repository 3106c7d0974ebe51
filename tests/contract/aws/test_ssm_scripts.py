"""The stand-in's Run Command runs scripts as amazon-ssm-agent does."""

from pathlib import Path

from parts.processes import wait_until
from parts.ssm_caller import Caller
from tidegate.testing.aws.place import Place
from tidegate.testing.aws.ssm.command import cut, in_list
from tidegate.testing.aws.ssm.handle import RunCommand


def is_running(pid_file: Path) -> bool:
    stat = Path(f"/proc/{pid_file.read_text().strip()}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_script_is_run_by_sh_in_the_services_folder_with_its_environment(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(1, environment={"LANG": "C"})

    told = caller.run(host.id, "readlink /proc/$$/exe; pwd; env | sort; stat -c %a $0; echo no >&2")

    output = told["StandardOutputContent"].splitlines()
    assert (told["Status"], told["ResponseCode"]) == ("Success", 0)
    assert output[0] in ("/bin/dash", "/usr/bin/dash")
    assert output[1] == str(host.folder)
    assert output[2:6] == [
        f"AWS_SSM_INSTANCE_ID={host.id}",
        "AWS_SSM_PLATFORM_NAME=Debian GNU/Linux",
        "AWS_SSM_PLATFORM_VERSION=12",
        "AWS_SSM_REGION_NAME=us-east-1",
    ]
    assert [line.partition("=")[0] for line in output[6:-1]] == [
        "LANG", "PATH", "PWD", "SSM_COMMAND_ID",
    ]  # fmt: skip
    assert output[-1] == "700"
    assert told["StandardErrorContent"] == "no\n"


def test_a_first_line_that_names_an_interpreter_is_honoured(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(["mi-0123456789abcdef0"])

    told = caller.run(host.id, "#!/usr/bin/env python3\nprint(6 * 7)\nraise SystemExit(3)")

    assert told["StandardOutputContent"] == "42\n"
    assert (told["StatusDetails"], told["ResponseCode"]) == ("Failed", 3)


def test_a_prefix_comes_before_each_command(run_command: RunCommand, caller: Caller):
    prefix = ["env", "-i", "PLACE={folder}", "PATH=/usr/bin:/bin"]
    [host] = run_command.make_hosts(1, prefix=prefix, environment={"LANG": "C"})

    told = caller.run(host.id, 'echo "$PLACE $AWS_SSM_INSTANCE_ID ${LANG-none}"')

    assert told["StandardOutputContent"] == f"{host.folder} {host.id} none\n"


def test_it_ends_when_nobody_holds_its_output_open_and_tells_nothing_before(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(1)
    held = 'echo early; setsid sh -c "until [ -e go ]; do sleep 0.05; done" &'

    command = caller.send([host.id], held)
    caller.wait_for(command, host.id, "InProgress")
    wait_until(
        lambda: caller.result(command, host.id)["ExecutionStartDateTime"], within=10, what=""
    )
    before = caller.result(command, host.id)
    (host.folder / "go").touch()
    after = caller.ended(command, host.id)

    assert (before["StandardOutputContent"], before["ResponseCode"]) == ("", -1)
    assert after["StandardOutputContent"] == "early\n"


def test_what_takes_too_long_is_killed_with_its_process_group(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(1)
    run_command.configure(execution_scale=0.05)
    text = (
        "trap 'touch trapped' TERM; echo here; sleep 60 & echo $! > child;"
        "setsid sleep 60 > /dev/null 2>&1 & echo $! > detached; wait"
    )

    told = caller.run(host.id, text, parameters={"executionTimeout": ["5"]})
    lenient = caller.run(host.id, "sleep 0.4", parameters={"executionTimeout": ["4"]})

    assert (told["Status"], told["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert told["ResponseCode"] == 137
    assert told["StandardOutputContent"] == "here\n"
    assert not (host.folder / "trapped").exists()
    assert not is_running(host.folder / "child")
    assert is_running(host.folder / "detached")
    assert lenient["Status"] == "Success", "what is too short a time counts as the default"


def test_output_is_cut_with_a_mark(run_command: RunCommand, caller: Caller):
    [host] = run_command.make_hosts(1)
    text = "head -c 30000 /dev/zero | tr '\\0' o; head -c 30000 /dev/zero | tr '\\0' e >&2"

    told = caller.run(host.id, text)
    listed = caller.ssm.list_command_invocations(Details=True)["CommandInvocations"]

    assert told["StandardOutputContent"] == "o" * 23_980 + "--output truncated--"
    assert told["StandardErrorContent"] == "e" * 7_980 + "--output truncated--"
    [plugin] = listed[0]["CommandPlugins"]
    assert len(plugin["Output"]) <= 2400
    assert "\n---Output truncated---\n----------ERROR-------\ne" in plugin["Output"]


def test_the_shorter_of_both_outputs_is_kept_whole():
    assert in_list(b"out", b"") == b"out"
    assert in_list(b"out", b"bad") == b"out\n----------ERROR-------\nbad"
    assert in_list(b"out", b"e" * 3000).startswith(b"out\n----------ERROR-------\neee")
    assert in_list(b"o" * 3000, b"bad").endswith(
        b"Output truncated---\n----------ERROR-------\nbad"
    )
    assert len(in_list(b"out", b"e" * 3000)) == len(in_list(b"o" * 3000, b"bad")) == 2400
    assert cut(b"o" * 8000, 8000) == b"o" * 8000


def test_the_whole_output_is_put_into_a_bucket(
    run_command: RunCommand, caller: Caller, place: Place
):
    [host] = run_command.make_hosts(1)
    s3 = place.client("s3")
    s3.create_bucket(Bucket="outputs")

    told = caller.run(
        host.id,
        "head -c 30000 /dev/zero | tr '\\0' o",
        OutputS3BucketName="outputs",
        OutputS3KeyPrefix="logs",
    )

    plugin = "awsrunShellScript/0.awsrunShellScript"
    key = f"logs/{told['CommandId']}/{host.id}/{plugin}/stdout"
    assert told["StandardOutputUrl"].endswith(f"/outputs/{key}")
    assert told["StandardErrorUrl"] == ""
    [found] = s3.list_objects_v2(Bucket="outputs")["Contents"]
    assert (found["Key"], found["Size"]) == (key, 30_000)


def test_parameters_of_the_parameter_store_are_filled_in_unless_they_are_secret(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(1)
    caller.ssm.put_parameter(Name="greeting", Value="hello", Type="String", Overwrite=True)
    caller.ssm.put_parameter(Name="key", Value="s3cr3t", Type="SecureString", Overwrite=True)

    greeted = caller.run(host.id, "echo {{ssm:greeting}}")
    refused = caller.run(host.id, "touch ran; echo {{ ssm:key }}")

    assert greeted["StandardOutputContent"] == "hello\n"
    assert refused["StatusDetails"] == "Failed"
    assert not (host.folder / "ran").exists()


def test_a_script_that_asks_for_a_reboot_runs_again_after_it(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(1)
    run_command.configure(reboot_after=0.3)
    text = (
        "echo run >> runs; [ $(wc -l < runs) = 3 ] && exit 0;"
        "setsid sleep 60 > /dev/null 2>&1 & echo $! > detached; exit 194"
    )

    told = caller.run(host.id, text)

    assert told["Status"] == "Success"
    assert (host.folder / "runs").read_text() == "run\nrun\nrun\n"
    assert not is_running(host.folder / "detached")


def test_an_agent_works_on_five_commands_at_a_time_and_takes_five_more(
    run_command: RunCommand, caller: Caller
):
    [host] = run_command.make_hosts(1)
    text = "echo x >> begun; until [ -e go ]; do sleep 0.05; done"

    commands = [caller.send([host.id], text) for _ in range(11)]
    for command in commands[:10]:
        caller.wait_for(command, host.id, "InProgress")
    begun = host.folder / "begun"
    wait_until(lambda: begun.exists() and len(begun.read_text().split()) >= 5, within=20, what="")
    last = caller.details(commands[10])[host.id]
    at_a_time = len(begun.read_text().split())
    (host.folder / "go").touch()
    ends = {caller.ended(command, host.id)["Status"] for command in commands}

    assert (last, at_a_time) == ("Delayed", 5)
    assert ends == {"Success"}
    assert len(begun.read_text().split()) == 11
    assert (host.folder / "orchestration").stat().st_mode & 0o77 == 0
