"""How hosts are reached: registered ones as they say, instances as their group says."""

from dataclasses import replace

import pytest

from tidegate.domain.ec2 import Ec2Options, InstanceAddress, Reach
from tidegate.domain.host import Host, Origin
from tidegate.domain.instances import Instance, InstanceState
from tidegate.engine.reaching import reached
from tidegate.testing.builders import a_host
from tidegate.testing.clock import START
from tidegate.testing.sentences import is_a_sentence

ID = "i-0123456789abcdef0"
SSH = Reach.SSH
HERE = {"region": "us-east-1", "usual_region": "us-east-1"}
CA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ"


def an_instance(**changes) -> Host:
    facts = {
        "id": ID,
        "arn": f"arn:aws:ec2:us-east-1:123456789012:instance/{ID}",
        "state": InstanceState.RUNNING,
        "private_address": "10.0.0.7",
        "public_address": "203.0.113.7",
    }
    host = a_host(ID, at=START)
    settings = changes.pop("settings", {})
    return Host(
        id=host.id,
        name=ID,
        driver="",
        settings=settings,
        registration=host.registration,
        created_at=START,
        origin=Origin.EC2,
        instance=Instance(**{**facts, **changes}),
    )


def test_a_host_that_is_registered_is_reached_as_it_says():
    host = a_host("web-1", at=START)

    assert reached(host, Ec2Options(reach=SSH), **HERE) is host


@pytest.mark.parametrize(
    ("region", "option"), [("us-east-1", ""), ("eu-west-1", "--region eu-west-1 ")]
)
def test_of_a_host_that_has_no_way_it_is_said_how_it_gets_one(region, option):
    host = replace(a_host("web-1", at=START), driver="")

    said = reached(host, Ec2Options(), region=region, usual_region="us-east-1")

    assert f"`tidegate {option}host set web-1 --ssh USER@ADDRESS`" in str(said)


def test_an_instance_is_reached_over_ssm_unless_its_group_says_else():
    found = reached(an_instance(), Ec2Options(), region="eu-west-1", usual_region="us-east-1")

    assert isinstance(found, Host)
    assert (found.driver, found.settings) == (
        "ssm",
        {"instance_id": ID, "region": "eu-west-1"},
    )


@pytest.mark.parametrize(
    ("options", "settings", "wanted"),
    [
        (Ec2Options(reach=SSH, host_ca=CA), {}, {"host_key": f"@cert-authority {CA}"}),
        (
            Ec2Options(reach=SSH, host_ca=CA, trust_on_first_use=True),
            {"host_key": "learned"},
            {"host_key": f"@cert-authority {CA}"},
        ),
        (Ec2Options(reach=SSH, trust_on_first_use=True), {}, {"trust_on_first_use": True}),
        (
            Ec2Options(reach=SSH, trust_on_first_use=True),
            {"host_key": "learned"},
            {"trust_on_first_use": True, "host_key": "learned"},
        ),
    ],
)
def test_over_ssh_the_key_is_signed_or_learned_as_the_group_says(options, settings, wanted):
    found = reached(
        an_instance(settings=settings), options, region="us-east-1", usual_region="us-east-1"
    )

    assert isinstance(found, Host)
    assert (found.driver, found.settings) == ("ssh", {"address": "10.0.0.7", **wanted})


def test_the_public_address_is_taken_where_the_group_says_so():
    options = Ec2Options(reach=SSH, address=InstanceAddress.PUBLIC, host_ca=CA)

    found = reached(an_instance(), options, **HERE)

    assert isinstance(found, Host)
    assert found.settings["address"] == "203.0.113.7"


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        (
            {"public_address": ""},
            Ec2Options(reach=SSH, address=InstanceAddress.PUBLIC, host_ca=CA),
            "has no public address",
        ),
        ({"private_address": ""}, Ec2Options(reach=SSH, host_ca=CA), "has no private address"),
        ({}, Ec2Options(reach=SSH), "Nothing says which host key"),
    ],
)
def test_what_is_missing_is_a_sentence(changes, options, words):
    said = reached(an_instance(**changes), options, **HERE)

    assert isinstance(said, str)
    assert words in said
    assert is_a_sentence(said)
