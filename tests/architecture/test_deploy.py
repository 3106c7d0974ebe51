"""The stack for production is as safe as it says, and its parts fit together."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from architecture.tree import ROOT, text_of, tracked_files
from tidegate.engine.health import HookSeconds, Metrics
from tidegate.secret_files import secret_names
from tidegate.settings import Settings, load_settings
from tidegate_api.metrics import _Counted

DEPLOY = ROOT / "deploy"
OVERRIDES = ("", "tls", "monitoring", "rabbitmq")
VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
PUBLISHED = {
    "": {"api", "flower"},
    "tls": {"caddy", "flower"},
    "monitoring": {"api", "flower", "grafana"},
    "rabbitmq": {"api", "flower"},
}
LOOPBACK_ONLY = {"api", "flower", "grafana"}
ONE_SHOT = {"migrate"}
OURS = {
    *("migrate", "api", "beat", "flower"),
    *("worker-control", "worker-traffic", "worker-hosts"),
}
AT_WORK = {"database_url", "broker_url"}
HOLDS = {
    "postgres": {"postgres_password"},
    "redis": {"redis_acl"},
    "rabbitmq": {"rabbitmq_conf"},
    "migrate": {"database_url"},
    "api": AT_WORK | {"secret_key", "aws_credentials"},
    "worker-control": AT_WORK | {"aws_credentials"},
    "worker-traffic": AT_WORK | {"webhook_secret", "prometheus_token", "aws_credentials"},
    "worker-hosts": AT_WORK | {"secret_key", "aws_credentials", "ssh_key"},
    "beat": AT_WORK,
    "flower": {"broker_url", "flower_password"},
    "prometheus": {"metrics_token"},
    "grafana": {"grafana_password"},
    "caddy": set(),
}
"""Who has which secret; docs/security.md says the same."""


def stack(override: str, *more: str) -> dict[str, Any]:
    files = ["compose.yml", *(f"compose.{name}.yml" for name in (override, *more) if name)]
    named = [word for file in files for word in ("-f", f"deploy/{file}")]
    return composed(*named, "--env-file", "deploy/.env.example")


def composed(*words: str, folder: Path = ROOT, **variables: str) -> dict[str, Any]:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("docker-compose"),
            *words,
            *("config", "--format", "json"),
        ],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a variable is not set"
    # What begins so says nothing of the stack: it is there to be referred to.
    return {k: v for k, v in json.loads(done.stdout).items() if not k.startswith("x-")}


@pytest.fixture(scope="module")
def stacks() -> dict[str, dict[str, Any]]:
    return {override: stack(override) for override in OVERRIDES}


@pytest.fixture(params=OVERRIDES, ids=[name or "plain" for name in OVERRIDES])
def override(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_all_together_are_a_stack():
    together = stack(*OVERRIDES[1:])

    assert {"caddy", "prometheus", "rabbitmq", "api"} <= together["services"].keys()
    assert "redis" not in together["services"]


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (ROOT, ["--env-file", "deploy/.env.example"]),
        (ROOT, ["-f", "deploy/compose.yml"]),
        (ROOT, ["--env-file", "deploy/.env.example", "--profile", "*"]),
        (DEPLOY, ["--env-file", ".env.example"]),
        (DEPLOY, []),
    ],
)
def test_the_stack_is_the_same_wherever_compose_is_called(
    stacks: dict[str, dict[str, Any]], folder: Path, words: list[str]
):
    assert composed(*words, folder=folder) == stacks[""]


def test_no_container_can_do_more_than_it_must(stacks: dict[str, dict[str, Any]], override: str):
    for name, service in stacks[override]["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert set(service.get("cap_add", [])) <= (
            {"NET_BIND_SERVICE"} if name == "caddy" else set()
        )
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].split(":")[0] not in {"root", "0"}, name
        assert service["init"], name
        assert not service.get("privileged"), name
        assert "docker.sock" not in json.dumps(service), name


def test_no_container_takes_all_or_stays_down_or_fills_the_disk(
    stacks: dict[str, dict[str, Any]], override: str
):
    for name, service in stacks[override]["services"].items():
        assert int(service["mem_limit"]) > 0, name
        assert service["cpus"] > 0, name
        assert service["pids_limit"] > 0, name
        assert service["logging"]["options"].keys() >= {"max-size", "max-file"}, name
        if name not in ONE_SHOT:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"], name
            assert "stop_grace_period" in service, name


def test_bundles_on_their_way_lie_on_a_disk(stacks: dict[str, dict[str, Any]], override: str):
    for name in ("api", "worker-control", "worker-traffic", "worker-hosts"):
        service = stacks[override]["services"][name]
        on_disk = {one["target"] for one in service["volumes"] if one["type"] == "volume"}
        assert service["environment"]["TMPDIR"] in on_disk, name


def test_only_what_is_meant_to_be_seen_is_published(
    stacks: dict[str, dict[str, Any]], override: str
):
    services = stacks[override]["services"]
    published = {name: service.get("ports", []) for name, service in services.items()}

    assert {name for name, ports in published.items() if ports} == PUBLISHED[override]
    for name in LOOPBACK_ONLY & published.keys():
        assert {port["host_ip"] for port in published[name]} <= {"127.0.0.1"}, name


def test_a_port_stays_what_it_is(stacks: dict[str, dict[str, Any]], override: str):
    """Of a range, an engine takes the next one at each start of a container."""
    for name, service in stacks[override]["services"].items():
        assert all(port["published"].isdecimal() for port in service.get("ports", [])), name


def test_two_replicas_of_the_api_have_room():
    for words in (
        ["-f", "deploy/compose.yml", "-f", "deploy/compose.tls.yml"],
        ["-f", "deploy/compose.yml", "--env-file", "deploy/.env.example"],
    ):
        api = composed(*words, API_REPLICAS="2", API_PUBLISH="127.0.0.1:8080-8081")["services"][
            "api"
        ]

        assert api["scale"] == 2
        assert "container_name" not in api
        assert {port["published"] for port in api.get("ports", [])} <= {"8080-8081"}


def test_store_and_broker_are_reached_from_the_inside_only(
    stacks: dict[str, dict[str, Any]], override: str
):
    composed = stacks[override]

    assert composed["networks"]["backend"]["internal"]
    for name in {"postgres", "redis", "rabbitmq", "migrate", "beat"} & composed["services"].keys():
        assert composed["services"][name]["networks"].keys() == {"backend"}, name


def test_the_database_lies_in_the_volume_whichever_version_runs(stacks: dict[str, dict[str, Any]]):
    """An image of 17 makes a nameless volume of `data`; one of 18 refuses to start beside it."""
    postgres = stacks[""]["services"]["postgres"]
    (volume,) = postgres["volumes"]
    folder = Path(postgres["environment"]["PGDATA"])

    assert (volume["source"], volume["target"]) == ("postgres", "/var/lib/postgresql")
    assert folder.parent == Path(volume["target"])
    assert folder.name != "data"


def test_all_of_tidegate_waits_for_the_migration(stacks: dict[str, dict[str, Any]], override: str):
    broker = "rabbitmq" if override == "rabbitmq" else "redis"
    services = stacks[override]["services"]
    ours = {name for name, one in services.items() if one["image"] == services["api"]["image"]}

    assert ours == OURS
    for name in ours - ONE_SHOT:
        waits = {what: how["condition"] for what, how in services[name]["depends_on"].items()}
        assert waits == {"migrate": "service_completed_successfully", broker: "service_healthy"}
        asked = services[name]["healthcheck"]["test"]
        assert asked == ["CMD", "python", "-m", "tidegate_cli.healthcheck", name]


def test_each_secret_lies_in_a_file_that_is_made(stacks: dict[str, dict[str, Any]]):
    script = text_of("deploy/secrets.sh")
    for override, composed in stacks.items():
        for secret in composed["secrets"].values():
            file = Path(secret["file"]).name
            assert re.search(rf"\b{file}\b", script), (override, file)


def test_each_container_has_the_secrets_that_it_needs(
    stacks: dict[str, dict[str, Any]], override: str
):
    secret = {f"TIDEGATE_{name.upper()}": name for name in secret_names(Settings)}
    given: set[str] = set()
    for name, service in stacks[override]["services"].items():
        held = {one["source"] for one in service.get("secrets", [])}
        environment = service.get("environment", {})
        named = {secret[key]: environment.get(f"{key}_FILE") for key in secret}

        assert held == HOLDS[name], name
        assert not secret.keys() & environment.keys(), name
        for setting, path in named.items():
            assert path in {None, "", f"/run/secrets/{setting}"}, name
            assert not path or setting in held, name
        assert all(named[one] is not None for one in held & named.keys()), name
        given |= {setting for setting, path in named.items() if path is not None}

    assert given == set(secret.values())


def test_what_containers_are_told_are_settings_and_their_defaults(
    stacks: dict[str, dict[str, Any]], override: str, monkeypatch: pytest.MonkeyPatch
):
    told = {
        variable: value
        for name in OURS
        for variable, value in stacks[override]["services"][name]["environment"].items()
        if variable.startswith("TIDEGATE_") and not variable.endswith("_FILE")
    }
    assert {variable.removeprefix("TIDEGATE_").lower() for variable in told} <= set(
        Settings.model_fields
    )
    default = load_settings()

    for variable, value in told.items():
        monkeypatch.setenv(variable, value)

    assert load_settings() == default


def test_each_variable_is_in_the_example_with_its_default():
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", text_of("deploy/.env.example"), re.MULTILINE))
    used = {
        variable
        for name in tracked_files()
        if re.fullmatch(r"deploy/compose.*\.yml", name)
        for variable in VARIABLE.findall(text_of(name))
    }

    assert used
    assert dict(used) == example
    assert len(dict(used)) == len(used), "two defaults for one variable"


def test_the_image_keeps_what_is_asked_of_aws():
    kept = set(re.findall(r"! -name ([a-z0-9-]+)", text_of("deploy/Dockerfile")))
    asked = {
        service
        for name in tracked_files()
        if name.startswith("shared/tidegate/drivers/") and name.endswith(".py")
        for pattern in (r'\.client\(\s*"([a-z0-9-]+)"', r'\bClients\(\s*"([a-z0-9-]+)"')
        for service in re.findall(pattern, text_of(name))
    }

    assert {"s3", "sts", "lambda", "ecs"} <= asked
    assert asked <= kept


def test_what_the_image_installs_is_what_is_tested():
    locked = entries(text_of("requirements.lock"))

    for name in ("deploy/runtime.lock", "deploy/build.lock"):
        assert entries(text_of(name)).items() <= locked.items(), name


def entries(lock: str) -> dict[str, str]:
    """Each package of a lock, by what it says of its version and hashes, without comments."""
    lines = [line for line in lock.splitlines() if not line.lstrip().startswith("#")]
    logical = "\n".join(lines).replace("\\\n", " ").splitlines()
    return {line.split("==")[0]: " ".join(line.split()) for line in logical if "==" in line}


def exported() -> set[str]:
    """The names of all samples that /metrics has."""
    counted = Metrics(
        deployments_by_status={},
        hook_seconds=[HookSeconds("Install", 1, 1.0)],
        outbox_age=0,
        notice_age=0,
        notices={("sns", "sent"): 1},
        lease_age=0,
        sweep_lag=0,
        workers={"hosts": 1},
        leases_lost=0,
    )
    return {sample.name for family in _Counted(counted).collect() for sample in family.samples}


def test_rules_and_dashboard_ask_for_metrics_that_there_are():
    rules = yaml.safe_load(text_of("deploy/prometheus/alerts.yml"))["groups"][0]["rules"]
    dashboard = json.loads(text_of("deploy/grafana/dashboards/tidegate.json"))
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = {name for expression in asked for name in re.findall(r"tidegate_\w+", expression)}

    assert names <= exported()
    assert names >= {
        "tidegate_sweep_lag_seconds",
        "tidegate_outbox_age_seconds",
        "tidegate_leases_lost_total",
        "tidegate_deployments",
    }
    for rule in rules:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
