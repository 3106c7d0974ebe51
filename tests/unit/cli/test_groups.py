"""`tidegate group create`, `set` and `show`: what they ask the service for, what they print."""

import pytest

from unit.cli.fake_service import FakeService


def test_group_create_sends_an_and_of_ors(fake: FakeService, cli):
    fake.on("POST", "applications/shop/deployment-groups", {"name": "prod"})

    done = cli(
        *("group", "create", "shop", "prod", "--tag", "env=prod", "role=web", "--tag", "role=api"),
        *("--config", "CodeDeployDefault.AllAtOnce", "--rollback-on", "failure,stop"),
    )

    assert done.code == 0
    [body] = fake.bodies("POST")
    assert [[one["value"] for one in either] for either in body["tag_filters"]] == [
        ["prod"],
        ["web", "api"],
    ]
    assert body["deployment_config"] == "CodeDeployDefault.AllAtOnce"
    assert body["auto_rollback"]["events"] == ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"]
    assert "hosts" not in body


def test_group_create_says_how_its_hosts_are_dealt_with(fake: FakeService, cli):
    fake.on("POST", "applications/shop/deployment-groups", {"name": "prod"})

    done = cli(
        *("group", "create", "shop", "prod", "--host", "web-1", "--working-directory", "archive"),
        *("--sudo", "--no-allow-setid", "--on-stop", "end", "--max-revisions", "9"),
    )

    assert done.code == 0
    [body] = fake.bodies("POST")
    assert body["host_options"] == {
        "working_directory": "archive",
        "sudo": True,
        "allow_setid": False,
        "on_stop": "end",
        "max_revisions": 9,
    }


def test_group_create_takes_hosts_by_name(fake: FakeService, cli):
    fake.on("POST", "applications/shop/deployment-groups", {"name": "prod"})

    assert cli("group", "create", "shop", "prod", "--host", "web-1", "web-2").code == 0
    assert fake.bodies("POST") == [{"name": "prod", "hosts": ["web-1", "web-2"]}]


def test_a_group_of_servers_says_which(fake: FakeService, cli):
    fake.on("GET", "applications/shop", {"name": "shop", "compute_platform": "Server"})

    done = cli("group", "create", "shop", "prod")

    assert done.code == 2
    assert "one of the two" in done.err
    assert fake.bodies("POST") == []


def test_a_group_for_functions_needs_a_name_alone(fake: FakeService, cli):
    fake.on("GET", "applications/shop", {"name": "shop", "compute_platform": "Lambda"})
    fake.on("POST", "applications/shop/deployment-groups", {"name": "prod"})

    assert cli("group", "create", "shop", "prod").code == 0
    assert fake.bodies("POST") == [{"name": "prod"}]


def test_a_group_for_ecs_has_a_service_pairs_and_waits(fake: FakeService, cli):
    fake.on("GET", "applications/shop", {"name": "shop", "compute_platform": "ECS"})
    fake.on("POST", "applications/shop/deployment-groups", {"name": "prod"})

    done = cli(
        *("group", "create", "shop", "prod", "--cluster", "prod", "--service", "shop"),
        *("--pair", "blue,green,prod=arn:p,test=arn:t", "--pair", "b,g,prod=arn:q"),
        *("--ready-wait", "30", "--termination-wait", "5"),
    )

    assert done.code == 0, done.err
    [body] = fake.bodies("POST")
    assert body == {
        "name": "prod",
        "ecs_service": {"cluster": "prod", "service": "shop"},
        "target_group_pairs": [
            {
                "target_groups": ["blue", "green"],
                "prod_listeners": ["arn:p"],
                "test_listeners": ["arn:t"],
            },
            {"target_groups": ["b", "g"], "prod_listeners": ["arn:q"], "test_listeners": None},
        ],
        "ready_wait": {"action": "STOP_DEPLOYMENT", "wait_minutes": 30},
        "termination_wait": {"action": "TERMINATE", "wait_minutes": 5},
    }
    fake.on("GET", "applications/shop/deployment-groups/prod", body)
    shown = " ".join(cli("group", "show", "shop", "prod").out.split())
    assert "service: shop in prod" in shown
    assert "target groups: blue and green, prod arn:p, test arn:t" in shown
    assert "wait 30 minutes for a word" in shown
    assert "remove the original after 5 minutes" in shown


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        (
            ("--ready-wait", "0"),
            {"ready_wait": {"action": "CONTINUE_DEPLOYMENT", "wait_minutes": 0}},
        ),
        (
            ("--termination-wait", "keep"),
            {"termination_wait": {"action": "KEEP_ALIVE", "wait_minutes": 0}},
        ),
    ],
)
def test_group_set_changes_the_waits_of_a_service(fake: FakeService, cli, options, changes):
    kept = ("deployment_config", "tag_filters", "hosts", "auto_rollback", "ssh", "variables")
    path = "applications/shop/deployment-groups/prod"
    fake.on("GET", path, {**dict.fromkeys(kept), "host_options": {}})
    fake.on("PUT", path, {"name": "prod"})

    assert cli("group", "set", "shop", "prod", *options).code == 0
    [body] = fake.bodies("PUT")
    assert body == {**dict.fromkeys(kept), "host_options": {}, **changes}
