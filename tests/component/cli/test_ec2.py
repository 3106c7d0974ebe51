"""EC2 instances of a group from the command line, against the real API."""

import json


def ec2_of(system) -> dict:
    return json.loads(system.must("group", "ec2", "shop", "prod", "--json"))


def test_which_instances_a_group_has_is_said_and_shown(system):
    system.with_group("web-1")

    nothing = system.must("group", "ec2", "shop", "prod")
    system.must(
        *("group", "ec2", "shop", "prod", "--tag", "role=web", "role=api", "env=*"),
        *("--auto-scaling-group", "asg-1", "--auto-scaling-group", "asg-2"),
        *("--outdated", "ignore"),
    )
    shown = system.must("group", "show", "shop", "prod")

    assert "none" in nothing
    assert ec2_of(system)["auto_scaling_groups"] == ["asg-1", "asg-2"]
    assert ec2_of(system)["outdated_instances"] == "IGNORE"
    assert "(role=web or role=api) and env=*" in shown
    assert "asg-1, asg-2" in shown
    assert "ssm" in shown
    assert "env=prod" in shown


def test_a_group_may_be_of_instances_alone(system):
    system.must("app", "create", "shop")

    without = system.cli("group", "create", "shop", "prod")
    system.must("group", "create", "shop", "prod", "--ec2")
    system.must("group", "ec2", "shop", "prod", "--auto-scaling-group", "asg-1")

    assert "or --ec2" in without.stderr
    assert ec2_of(system)["auto_scaling_groups"] == ["asg-1"]


def test_single_things_are_changed_and_taken_away(system):
    system.with_group("web-1")
    command = ("group", "ec2", "shop", "prod")
    system.must(*command, "--tag", "role=web", "--auto-scaling-group", "asg-1")

    system.must(
        *command,
        *("--reach", "ssh", "--address", "public", "--trust-on-first-use"),
        *("--ssh", "user=ubuntu", "--ssh", "port=2222"),
    )
    changed = ec2_of(system)
    group = json.loads(system.must("group", "show", "shop", "prod", "--json"))
    system.must(*command, "--tag", "", "--ssh", "port=")
    emptied = json.loads(system.must("group", "show", "shop", "prod", "--json"))

    assert (changed["reach"], changed["address"]) == ("ssh", "public")
    assert changed["trust_on_first_use"] is True
    assert changed["tag_filters"][0][0]["value"] == "web"
    assert (group["ssh"]["user"], group["ssh"]["port"]) == ("ubuntu", 2222)
    assert group["tag_filters"]
    assert emptied["ec2"]["tag_filters"] == []
    assert emptied["ec2"]["auto_scaling_groups"] == ["asg-1"]
    assert (emptied["ssh"]["user"], emptied["ssh"]["port"]) == ("ubuntu", None)


def test_what_cannot_be_is_said(system):
    system.with_group("web-1")
    command = ("group", "ec2", "shop", "prod")

    untrusted = system.cli(*command, "--reach", "ssh")
    unknown = system.cli(*command, "--ssh", "password=secret")
    word = system.cli(*command, "--reach", "telnet")

    assert "host_ca" in untrusted.stderr
    assert "'password=secret' is not SETTING=VALUE" in unknown.stderr
    assert "ssm" in word.stderr
    assert all(one.returncode != 0 for one in (untrusted, unknown, word))


def test_instances_have_a_list_of_their_own(system):
    system.with_group("web-1")

    listed = system.must("host", "list", "--ec2")

    assert "AUTO SCALING GROUP" in listed
    assert "web-1" not in listed
