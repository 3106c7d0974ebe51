"""Hosts, groups, configs and tokens from the command line, against the real API."""

import json
from pathlib import Path

import pytest

from parts.databases import Databases
from tidegate.clock import SystemClock
from tidegate.domain.errors import NotAuthenticated
from tidegate.domain.ids import RandomIds
from tidegate.engine.tokens import authenticate, revoke_token
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.outbox import NoSender
from tidegate.store.unit_of_work import Store
from tidegate_cli.prepare import ADMIN, ensure_admin_token


def test_what_is_set_up_can_be_listed_shown_changed_and_deleted(system):
    system.with_group("web-1")
    system.must(
        "host", "set", "web-1", "--ssh", "deploy@[::1]:2222", "--tag", "env=prod", "role=web"
    )
    system.must("config", "create", "slow", "--minimum-healthy-hosts", "90%")

    assert "deploy@[::1]:2222  env=prod role=web" in system.must("host", "list")
    host = json.loads(system.must("host", "show", "web-1", "--json"))
    assert (host["identity"], host["tags"]) == ("agent", {"env": "prod", "role": "web"})
    system.must("host", "set", "web-1", "--ssh", "deploy@[::1]")
    assert json.loads(system.must("host", "show", "web-1", "--json"))["port"] is None
    assert system.must("host", "list", "--tag", "role=db").count("\n") == 0
    assert "shop  Server" in system.must("app", "list")
    assert "prod" in system.must("app", "show", "shop")
    assert "env=prod" in system.must("group", "list")
    assert "OneAtATime" in system.must("group", "show", "shop", "prod")
    assert "at least 90 % healthy" in system.must("config", "show", "slow")
    assert len(json.loads(system.must("config", "list", "--json"))) == 18
    system.must("config", "delete", "slow")
    system.must("group", "delete", "shop", "prod")
    system.must("app", "delete", "shop")
    system.must("host", "delete", "web-1")
    assert json.loads(system.must("host", "list", "--json")) == []


def test_an_and_of_ors_reads_as_it_was_meant(system):
    system.must("app", "create", "shop")
    system.must(
        *("group", "create", "shop", "prod"),
        *("--tag", "env=prod", "--tag", "role=web", "--tag", "role=api", "--tag", "*=eu"),
    )

    meaning = system.must("group", "show", "shop", "prod")

    assert "env=prod and (role=web or role=api) and *=eu" in meaning


def test_single_things_of_a_group_are_changed(system):
    system.with_group("web-1", rollback="failure")

    def shown(*options: str) -> dict:
        return json.loads(system.must("group", "set", "shop", "prod", *options, "--json"))

    before = json.loads(system.must("group", "show", "shop", "prod", "--json"))
    stopping = shown("--on-stop", "end", "--max-revisions", "2")
    by_sudo = shown("--sudo", "--var", "COLOUR=blue")
    other = shown("--tag", "role=web", "*=eu", "role=*", "--host", "", "--rollback-on", "none")
    again = shown("--host", "web-1", "--tag", "", "--no-sudo", "--var", "")
    facts = system.must("group", "show", "shop", "prod")

    changed = {"on_stop": "end", "max_revisions": 2}
    assert stopping == before | {"host_options": before["host_options"] | changed}
    assert by_sudo["host_options"] == stopping["host_options"] | {"sudo": True}
    assert by_sudo["variables"] == {"COLOUR": "blue"}
    assert (other["hosts"], len(other["tag_filters"])) == ([], 2)
    assert other["auto_rollback"] == {"enabled": False, "events": []}
    assert again["host_options"] == stopping["host_options"]
    assert (again["hosts"], again["tag_filters"], again["variables"]) == (["web-1"], [], {})
    assert "at a stop, scripts:  end" in facts
    assert "by sudo:             no" in facts


def test_hosts_and_groups_over_ssm(system):
    system.with_group("web-1")
    system.must("host", "add", "web-2", "--ssm", "i-0123456789abcdef0", "--tag", "env=prod")
    system.must(
        "host", "set", "web-1", "--ssm", "mi-0123456789abcdef0", "--ssm-region", "eu-west-1"
    )
    group = ("group", "ssm", "shop", "prod")
    system.must(*group, "--bundles", "host", "--output-bucket", "my-logs/deployments")
    system.must(*group, "--region", "eu-west-1", "--bundles", "")

    assert "i-0123456789abcdef0" in system.must("host", "list")
    web_1 = json.loads(system.must("host", "show", "web-1", "--json"))
    assert (web_1["driver"], web_1["region"], web_1["identity"]) == ("ssm", "eu-west-1", None)
    assert json.loads(system.must(*group, "--json")) == {
        "region": "eu-west-1",
        "state_dir": None,
        "bundles": None,
        "output_bucket": "my-logs",
        "output_prefix": "deployments",
    }
    assert "my-logs" in system.must("group", "show", "shop", "prod")
    system.must("group", "set", "shop", "prod", "--on-stop", "end")
    assert json.loads(system.must(*group, "--json"))["output_bucket"] == "my-logs"
    assert "one of the two" in system.cli("host", "add", "web-3").stderr


def test_a_region_has_names_of_its_own(system, monkeypatch: pytest.MonkeyPatch):
    system.must("--region", "eu-west-1", "app", "create", "abroad")
    system.must("app", "create", "home")

    assert "abroad" not in system.must("app", "list")
    assert "home" not in system.must("--region", "eu-west-1", "app", "list")
    monkeypatch.setenv("TIDEGATE_REGION", "eu-west-1")
    assert "abroad" in system.must("app", "list")
    assert "home" in system.must("--region", "us-east-1", "app", "list")
    done = system.cli("--region", "europe", "app", "list")
    assert (done.returncode, "no region" in done.stderr) == (1, True)


def test_a_token_opens_the_door_until_it_is_revoked(system):
    secret = system.must("token", "create", "pipeline", "--role", "viewer")
    assert secret.startswith("tg_")
    assert secret not in system.must("token", "list")

    system.tokens["pipeline"] = secret
    assert system.cli("app", "list", role="pipeline").returncode == 0
    assert system.cli("app", "create", "x", role="pipeline").returncode == 1

    system.must("token", "revoke", "pipeline")
    done = system.cli("app", "list", role="pipeline")
    assert (done.returncode, "revoked" in done.stderr) == (1, True)
    assert system.cli("token", "revoke", "nobody").returncode == 1
    assert system.cli("token", "create", "pipeline").returncode == 1
    assert system.cli("token", "create", "").returncode == 1


def test_tokens_of_a_folder_without_a_database(system, tmp_path: Path):
    done = system.cli("token", "list", "--data-dir", str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no database at" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_revoked_admin_token_never_opens_the_door_again(databases: Databases, tmp_path: Path):
    def prepared() -> str:
        ensure_admin_token(settings)
        return (tmp_path / "admin.token").read_text().strip()

    with databases.fresh("sqlite") as url:
        settings = Settings(data_dir=tmp_path, database_url=url)
        first = prepared()
        kept = prepared()
        engine = connect(url)
        store = Store(engine, sender=NoSender(), clock=SystemClock(), ids=RandomIds())
        with store.write() as uow:
            revoke_token(ADMIN, uow=uow)

        new = prepared()

        assert kept == first != new
        with store.read() as uow:
            assert authenticate(new, uow=uow).name == ADMIN
            with pytest.raises(NotAuthenticated):
                authenticate(first, uow=uow)
        engine.dispose()
