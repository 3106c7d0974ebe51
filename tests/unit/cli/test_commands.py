"""Command lines: what they ask the service for, what they print, how they end."""

import json
import tarfile
from io import BytesIO
from pathlib import Path

import httpx2
import pytest

from unit.cli.fake_service import FakeService, deployment, page, problem, target

ID = "d-111111111"
ED25519 = "ssh-ed25519 AAAA"


def test_host_add_sends_what_was_given(fake: FakeService, cli):
    fake.on("POST", "hosts", {"name": "web-1"})

    done = cli(
        *("host", "add", "web-1", "--ssh", "deploy@[2001:db8::7]:2222"),
        *("--identity", "file:/etc/key", "--host-key", ED25519, "--proxy-jump", "jump@edge"),
        *("--state-dir", "~/state", "--tag", "env=prod", "role=web", "--var", "COLOUR=blue"),
    )

    assert (done.code, done.out, done.err) == (0, "", "Host web-1 was added.\n")
    assert fake.bodies("POST") == [
        {
            "name": "web-1",
            "driver": "ssh",
            "user": "deploy",
            "address": "2001:db8::7",
            "port": 2222,
            "identity": "file:/etc/key",
            "host_key": ED25519,
            "proxy_jump": "jump@edge",
            "state_dir": "~/state",
            "tags": {"env": "prod", "role": "web"},
            "variables": {"COLOUR": "blue"},
        }
    ]


def test_host_set_sends_only_what_changes(fake: FakeService, cli):
    fake.on("PATCH", "hosts/web-1", {"name": "web-1"})

    assert cli("host", "set", "web-1", "--trust-on-first-use", "--tag", "").code == 0
    assert fake.bodies("PATCH") == [{"trust_on_first_use": True, "tags": {}}]
    assert cli("host", "set", "web-1").code == 2


@pytest.mark.parametrize(
    "line",
    [
        "deploy --application shop --group prod",
        "deploy --application shop --group prod --revision r --bundle .",
        "deploy --application shop --group prod --revision r --deadline 5m",
        "deploy --application shop --group prod --revision r --wait --deadline soon",
        "deploy --application shop --group prod --revision r --file-exists-behavior MAYBE",
        "deploy --application shop --group prod --revision r --rollback-on stop --no-rollback",
        "deploy --application shop --revision r",
        "watch d-1 --deadline 0s",
        "group create shop prod --tag a=1 --host b",
        "group create shop prod --tag a=1 --rollback-on later",
        "group create shop prod --tag a=1 --working-directory /srv",
        "group create shop prod --tag a=1 --on-stop kill",
        "group create shop prod --tag a=1 --max-revisions 0",
        "group create shop prod --cluster prod",
        "group create shop prod --pair blue,green",
        "group create shop prod --pair blue,prod=arn",
        "group create shop prod --pair blue,green,prod=arn,dev=arn",
        "group create shop prod --pair blue,green,prod=arn,prod=arn2",
        "group create shop prod --pair blue,green,prod=",
        "group create shop prod --ready-wait -1",
        "group set shop prod --termination-wait never",
        "group set shop prod --termination-wait " + "9" * 5000,
        "group set shop prod",
        "group set shop prod --on-stop now",
        "host add web --ssh nowhere",
        "host add web",
        "host add web --ssh a@b --identity ~/.ssh/id",
        "config create slow",
        "config create slow --minimum-healthy-hosts many",
        "config create slow --canary 10",
        "no-such-command",
        "host no-such-command",
        "deployments --limit 0",
    ],
)
def test_wrong_usage_is_code_2_and_asks_nobody(fake: FakeService, cli, line: str):
    done = cli(*line.split())

    assert (done.code, done.out) == (2, "")
    assert "Error: " in done.err
    assert fake.requests == []


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (
            "--minimum-healthy-hosts 75%",
            {"minimum_healthy_hosts": {"type": "FLEET_PERCENT", "value": 75}},
        ),
        (
            "--minimum-healthy-hosts 2",
            {"minimum_healthy_hosts": {"type": "HOST_COUNT", "value": 2}},
        ),
        (
            "--platform Lambda --canary 10%,5",
            {
                "traffic_routing": {
                    "type": "TimeBasedCanary",
                    "percentage": 10,
                    "interval_minutes": 5,
                }
            },
        ),
    ],
)
def test_config_create_sends_its_rule(fake: FakeService, cli, line: str, body: dict):
    fake.on("POST", "deployment-configs", {"name": "slow"})

    assert cli("config", "create", "slow", *line.split()).code == 0
    [sent] = fake.bodies("POST")
    assert body.items() <= sent.items()


def test_push_prints_the_id_alone(fake: FakeService, cli, bundle: Path):
    fake.on("POST", "applications/shop/revisions", {"id": "r-42"})

    done = cli("push", str(bundle), "--application", "shop", "--description", "blue")

    assert (done.code, done.out) == (0, "r-42\n")
    assert "Uploading" in done.err
    [request] = fake.requests
    assert request.url.params["description"] == "blue"
    assert int(request.headers["content-length"]) == len(request.content)
    with tarfile.open(fileobj=BytesIO(request.content)) as archive:
        assert {"appspec.yml", "index.html"} <= set(archive.getnames())


def test_push_checks_the_appspec_before_it_uploads(fake: FakeService, cli, bundle: Path):
    (bundle / "appspec.yml").write_text("version: 0.0\nos: linux\nfiles:\n  - source: /\n")

    done = cli("push", str(bundle), "--application", "shop")

    assert (done.code, done.out) == (1, "")
    assert f"{bundle}/appspec.yml:4:" in done.err
    assert fake.requests == []


@pytest.mark.parametrize("folder", ["gone", "empty"])
def test_push_wants_a_folder_with_an_appspec(fake: FakeService, cli, tmp_path: Path, folder: str):
    (tmp_path / "empty").mkdir()

    done = cli("push", str(tmp_path / folder), "--application", "shop")

    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "appspec.yml" in done.err


def test_validate_needs_no_service(cli, bundle: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(bundle)
    assert cli("validate").code == 0

    (bundle / "appspec.yml").write_text("version: 0.0\nos: amiga\nhooks:\n  Bogus: 1\n")
    done = cli("validate")
    assert (done.code, done.out) == (1, "")
    assert "appspec.yml:2:" in done.err

    done = cli("validate", "--json")
    assert json.loads(done.out)["valid"] is False
    assert (
        cli("validate", "gone.yml").err == "gone.yml cannot be read: No such file or directory.\n"
    )


def test_a_refusal_is_one_sentence_and_code_1(fake: FakeService, cli):
    fake.on("POST", "deployments", problem(409, "The group has an active deployment."))

    done = cli("deploy", "--application", "a", "--group", "b", "--revision", "r", "--json")

    assert (done.code, done.out) == (1, "")
    assert done.err == "The group has an active deployment.\n"


def test_nobody_there_is_one_sentence_and_code_1(fake: FakeService, cli):
    fake.on("GET", "deployments", httpx2.ConnectError("[Errno 111] Connection refused"))

    done = cli("deployments")

    assert (done.code, done.out) == (1, "")
    assert "`tidegate up`" in done.err
    assert done.err.count("\n") == 1


def test_ctrl_c_leaves_the_deployment_going(fake: FakeService, cli):
    fake.on("GET", f"deployments/{ID}", KeyboardInterrupt())

    done = cli("watch", ID)

    assert done.code == 130
    assert done.err == f"The deployment goes on; `tidegate watch {ID}` looks again.\n"


def test_a_bug_is_told_without_a_traceback(fake: FakeService, cli, monkeypatch: pytest.MonkeyPatch):
    fake.on("GET", f"deployments/{ID}", ZeroDivisionError("division by zero"))

    done = cli("show", ID)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "ZeroDivisionError: division by zero." in done.err

    monkeypatch.setenv("TIDEGATE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli("show", ID)


@pytest.mark.parametrize(
    ("option", "body"),
    [((), {}), (("--rollback",), {"rollback": True}), (("--no-rollback",), {"rollback": False})],
)
def test_stop_says_what_is_wished(fake: FakeService, cli, option: tuple[str, ...], body: dict):
    fake.on("POST", f"deployments/{ID}/stop", deployment(status="Stopped"))

    assert cli("stop", ID, *option).code == 0
    assert fake.bodies("POST") == [body]


def test_lists_are_aligned_text_in_a_pipe_and_json_for_machines(fake: FakeService, cli):
    fake.on("GET", "deployments", page(deployment(), deployment("d-2", "Failed")))

    lines = cli("deployments", "--status", "Failed", "--limit", "5").out.splitlines()
    assert [text.split()[0] for text in lines] == ["ID", ID, "d-2"]
    assert lines[0].index("STATUS") == lines[1].index("InProgress") == lines[2].index("Failed")
    assert fake.requests[0].url.params.get_list("status") == ["Failed"]

    assert [each["id"] for each in json.loads(cli("deployments", "--json").out)] == [ID, "d-2"]


def test_show_tells_a_deployment_and_its_targets(fake: FakeService, cli):
    error = {"code": "HEALTH_CONSTRAINTS", "message": "Too few."}
    facts = deployment(status="Failed", error=error, status_messages=["One.", "Two."])
    fake.on("GET", f"deployments/{ID}", facts)
    events = [
        {"name": "Install", "status": "Failed"},
        {"name": "AfterInstall", "status": "Skipped"},
    ]
    fake.on("GET", f"deployments/{ID}/targets", page(target("web-1", "Failed", events=events)))

    out = cli("show", ID).out

    assert "HEALTH_CONSTRAINTS: Too few." in out
    assert "One. Two." in out
    assert "web-1   Failed  Install Failed" in out


def test_logs_are_told_apart_by_host_and_event(fake: FakeService, cli):
    def hooks(*sizes: int):
        names = ("BeforeInstall", "AfterInstall")
        return [
            {"name": n, "status": "Succeeded", "log_size": s}
            for n, s in zip(names, sizes, strict=True)
        ]

    fake.on(
        "GET",
        f"deployments/{ID}/targets",
        page(target("web-1", events=hooks(3, 0)), target("web-2", events=hooks(0, 3))),
    )
    for name in ("web-1", "web-2"):
        fake.on(
            "GET", f"deployments/{ID}/targets/{name}/log", httpx2.Response(200, content=b"hi\n")
        )

    done = cli("logs", ID)

    assert done.out == "==> web-1 BeforeInstall <==\nhi\n\n==> web-2 AfterInstall <==\nhi\n"
    assert [r.url.params.get("event") for r in fake.requests[1:]] == [
        "BeforeInstall",
        "AfterInstall",
    ]


@pytest.mark.parametrize("more", [(), ("--follow",)])
def test_logs_of_an_event_that_is_none_are_refused(fake: FakeService, cli, more: tuple[str, ...]):
    events = [{"name": "Install", "status": "Succeeded", "log_size": 4}]
    fake.on("GET", f"deployments/{ID}/targets", page(target("web-1", events=events)))

    done = cli("logs", ID, "--event", "Instal", *more)

    assert (done.code, done.out) == (1, "")
    assert done.err == "There is no lifecycle event 'Instal'; there are Install.\n"


@pytest.mark.parametrize(("status", "yet"), [("InProgress", " yet"), ("Succeeded", "")])
def test_logs_that_are_empty_are_said_to_be(fake: FakeService, cli, status: str, yet: str):
    events = [{"name": "Install", "status": status, "log_size": 0}]
    fake.on("GET", f"deployments/{ID}", deployment(status=status, overview={}))
    fake.on("GET", f"deployments/{ID}/targets", page(target("web-1", events=events)))

    assert cli("logs", ID).err == f"No hook of {ID} has written anything{yet}.\n"


def test_logs_follow_prints_only_what_is_new(
    fake: FakeService, cli, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tidegate_cli.logs.PAUSE", 0.01)
    sizes = [{"name": "Install", "status": "InProgress", "log_size": size} for size in (4, 4, 8)]
    fake.on("GET", f"deployments/{ID}", deployment(), deployment(status="Succeeded", overview={}))
    events = [target("web-1", events=[size]) for size in sizes]
    fake.on("GET", f"deployments/{ID}/targets/web-1", *events)
    texts = [
        httpx2.Response(200, content=text, headers={"Tidegate-Log-End": end})
        for text, end in ((b"one\n", "4"), (b"two\n", "8"))
    ]
    fake.on("GET", f"deployments/{ID}/targets/web-1/log", *texts)

    assert cli("logs", ID, "--target", "web-1", "--follow").out == (
        "==> web-1 Install <==\none\ntwo\n"
    )
    logs = [each for each in fake.requests if each.url.path.endswith("/log")]
    assert [each.url.params["after"] for each in logs] == ["0", "4"]


def test_the_version_and_the_help_ask_nobody(fake: FakeService, cli):
    assert cli("--version").out.startswith("tidegate ")
    everything = cli("--help").out
    for name in ("deploy", "watch", "logs", "push", "validate", "host", "token", "up", "migrate"):
        assert f" {name} " in everything
    assert fake.requests == []
