"""Operations on on-premises instances, through boto3; they are the hosts of `/v1`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from component.api.conftest import HOST_KEY
from component.codedeploy.conftest import Aws, refused, seen
from tidegate.store.tables import HostRow

USER = "arn:aws:iam::111122223333:user/AWS/CodeDeploy/web-1"
SESSION = "arn:aws:sts::111122223333:assumed-role/deploy/web-1"
BLUE, RED = {"Key": "team", "Value": "blue"}, {"Key": "team", "Value": "red"}


def info(client, name: str = "web-1") -> dict[str, Any]:
    return client.get_on_premises_instance(instanceName=name)["instanceInfo"]


def tags(client, name: str = "web-1") -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in info(client, name)["tags"]}


def register(client, *names: str) -> None:
    for name in names:
        client.register_on_premises_instance(
            instanceName=name, iamUserArn=f"arn:aws:iam::111122223333:user/{name}"
        )


def with_many(aws: Aws, count: int) -> list[str]:
    """Write so many hosts as rows, each third of them deregistered, and return their names."""
    names = [f"host-{number:04}" for number in range(count)]
    now = datetime.now(UTC)
    rows = [
        {
            "id": f"id-{name}",
            "region": "us-east-1",
            "name": name,
            "driver": "",
            "settings": {},
            "tags": {"parity": "odd" if number % 2 else "even"},
            "variables": {},
            "instance_suffix": "AAAAAAAAAA",
            "registered_at": now,
            "deregistered_at": None if number % 3 else now,
            "created_at": now,
        }
        for number, name in enumerate(names)
    ]
    with aws.service.parts.store.write() as uow:
        uow.session.execute(insert(HostRow), rows)
    return names


@pytest.mark.parametrize("identity", [{"iamUserArn": USER}, {"iamSessionArn": SESSION}])
def test_one_is_registered_and_shown(codedeploy, identity: dict[str, str]):
    codedeploy.register_on_premises_instance(instanceName="web-1", **identity)

    shown = info(codedeploy)

    arn = shown.pop("instanceArn")
    assert re.fullmatch(
        "arn:aws:codedeploy:us-east-1:000000000000:instance/web-1_[A-Za-z0-9]{10}", arn
    )
    assert datetime.now(UTC) - shown.pop("registerTime") < timedelta(minutes=1)
    assert shown == {"instanceName": "web-1", **identity, "tags": []}


def test_what_cannot_be_registered(codedeploy):
    create = codedeploy.register_on_premises_instance
    create(instanceName="web-1", iamUserArn=USER)
    create(instanceName="web-2", iamSessionArn=SESSION)

    for code, request in (
        ("InstanceNameRequiredException", {"iamUserArn": USER}),
        ("InstanceNameRequiredException", {"instanceName": "", "iamUserArn": USER}),
        ("InvalidInstanceNameException", {"instanceName": "a" * 101, "iamUserArn": USER}),
        ("InvalidInstanceNameException", {"instanceName": "a b", "iamUserArn": USER}),
        ("InvalidInstanceNameException", {"instanceName": "i-12345678", "iamUserArn": USER}),
        ("IamArnRequiredException", {"instanceName": "x"}),
        (
            "MultipleIamArnsProvidedException",
            {"instanceName": "x", "iamUserArn": USER, "iamSessionArn": SESSION},
        ),
        ("InvalidIamUserArnException", {"instanceName": "x", "iamUserArn": SESSION}),
        ("InvalidIamUserArnException", {"instanceName": "x", "iamUserArn": USER + "x" * 300}),
        ("InvalidIamSessionArnException", {"instanceName": "x", "iamSessionArn": USER}),
        ("IamUserArnAlreadyRegisteredException", {"instanceName": "x", "iamUserArn": USER}),
        (
            "IamSessionArnAlreadyRegisteredException",
            {"instanceName": "x", "iamSessionArn": SESSION},
        ),
        (
            "InstanceNameAlreadyRegisteredException",
            {"instanceName": "web-1", "iamUserArn": USER + "2"},
        ),
    ):
        refused(code, create, **request)
    assert seen(codedeploy.list_on_premises_instances, "instanceNames") == ["web-1", "web-2"]


def test_a_name_that_was_given_up_may_be_used_again(aws: Aws, codedeploy):
    register(codedeploy, "web-1")
    codedeploy.add_tags_to_on_premises_instances(instanceNames=["web-1"], tags=[BLUE])
    first = info(codedeploy)
    codedeploy.deregister_on_premises_instance(instanceName="web-1")
    ended = info(codedeploy)
    codedeploy.deregister_on_premises_instance(instanceName="web-1")
    again = info(codedeploy)
    codedeploy.register_on_premises_instance(instanceName="web-2", iamUserArn=first["iamUserArn"])
    register(aws.client(region="eu-west-1"), "web-1")
    refused(
        "IamUserArnAlreadyRegisteredException",
        codedeploy.register_on_premises_instance,
        instanceName="web-1",
        iamUserArn=first["iamUserArn"],
    )
    codedeploy.register_on_premises_instance(instanceName="web-1", iamSessionArn=SESSION)

    assert ended == again == {**first, "deregisterTime": ended["deregisterTime"]}
    new = info(codedeploy)
    assert "deregisterTime" not in new
    assert "iamUserArn" not in new
    assert new["instanceArn"] != first["instanceArn"]
    assert new["registerTime"] >= ended["deregisterTime"]


def test_deregistering_needs_nobody_to_be_there(codedeploy):
    deregister = codedeploy.deregister_on_premises_instance

    deregister(instanceName="nobody")
    refused("InstanceNameRequiredException", deregister)
    refused("InvalidInstanceNameException", deregister, instanceName="a b")


def test_what_is_not_there_is_not_shown(codedeploy):
    get, batch = codedeploy.get_on_premises_instance, codedeploy.batch_get_on_premises_instances
    register(codedeploy, "web-1", "web-2")

    refused("InstanceNotRegisteredException", get, instanceName="nobody")
    refused("InstanceNameRequiredException", get)
    refused("InvalidInstanceNameException", get, instanceName="a b")
    found = batch(instanceNames=["web-2", "nobody", "web-1", "web-2"])["instanceInfos"]
    assert [one["instanceName"] for one in found] == ["web-2", "web-1"]
    refused("InstanceNameRequiredException", batch, instanceNames=[])
    refused("InvalidInstanceNameException", batch, instanceNames=["web-1", "a b"])
    refused("BatchLimitExceededException", batch, instanceNames=["web-1"] * 101)


def test_lists_by_status_and_tags_in_pages(aws: Aws, codedeploy):
    names = with_many(aws, 700)
    list_ = codedeploy.list_on_premises_instances

    def listed(**wanted: Any) -> list[str]:
        return seen(list_, "instanceNames", **wanted)

    odd = {"Key": "parity", "Value": "odd", "Type": "KEY_AND_VALUE"}
    assert len(list_()["instanceNames"]) == 100
    assert listed() == names
    assert listed(registrationStatus="Deregistered") == names[::3]
    assert listed(registrationStatus="Registered") == [n for i, n in enumerate(names) if i % 3]
    assert listed(tagFilters=[odd]) == names[1::2]
    assert listed(tagFilters=[odd, {"Value": "even"}]) == names
    assert listed(tagFilters=[{"Key": "parity"}], registrationStatus="Deregistered") == names[::3]
    assert listed(tagFilters=[{"Key": "other"}]) == []
    refused("InvalidNextTokenException", list_, nextToken="x")
    refused("InvalidRegistrationStatusException", list_, registrationStatus="Gone")
    for wrong in (
        {},
        {"Type": "KEY_ONLY", "Value": "x"},
        {"Type": "VALUE_ONLY", "Key": "x"},
        {"Type": "KEY_AND_VALUE", "Value": "x"},
        {"Type": "ANY", "Key": "x"},
        {"Key": "x" * 129},
        {"Value": "x" * 257},
    ):
        refused("InvalidTagFilterException", list_, tagFilters=[odd, wrong])
    refused("InvalidTagFilterException", list_, tagFilters=[odd] * 11)


def test_tags_come_change_and_go(codedeploy):
    add = codedeploy.add_tags_to_on_premises_instances
    remove = codedeploy.remove_tags_from_on_premises_instances
    register(codedeploy, "web-1", "web-2")

    add(instanceNames=["web-2", "web-1", "web-2"], tags=[BLUE, {"Key": "role", "Value": "web"}])
    add(instanceNames=["web-2"], tags=[RED])
    assert tags(codedeploy, "web-1") == {"team": "blue", "role": "web"}
    assert tags(codedeploy, "web-2") == {"team": "red", "role": "web"}

    remove(instanceNames=["web-1", "web-2"], tags=[BLUE, {"Key": "none", "Value": "x"}])
    assert tags(codedeploy, "web-1") == {"role": "web"}
    assert tags(codedeploy, "web-2") == {"team": "red", "role": "web"}


def test_what_cannot_be_tagged(aws: Aws, codedeploy):
    many = with_many(aws, 101)
    register(codedeploy, "web-1", "web-2")
    codedeploy.deregister_on_premises_instance(instanceName="web-2")
    both = (
        codedeploy.add_tags_to_on_premises_instances,
        codedeploy.remove_tags_from_on_premises_instances,
    )
    for code, names, wanted in (
        ("InstanceNameRequiredException", [], [BLUE]),
        ("InvalidInstanceNameException", ["web-1", "a b"], [BLUE]),
        ("InstanceNotRegisteredException", ["web-1", "nobody"], [BLUE]),
        ("InstanceNotRegisteredException", ["web-1", "web-2"], [BLUE]),
        ("InstanceLimitExceededException", many, [BLUE]),
        ("TagRequiredException", ["web-1"], []),
        (
            "TagLimitExceededException",
            ["web-1"],
            [{"Key": str(n), "Value": "x"} for n in range(51)],
        ),
        ("InvalidTagException", ["web-1"], [{"Key": "", "Value": "x"}]),
        ("InvalidTagException", ["web-1"], [{"Key": "x" * 129, "Value": "x"}]),
        ("InvalidTagException", ["web-1"], [{"Key": "x", "Value": "x" * 257}]),
    ):
        for call in both:
            refused(code, call, instanceNames=names, tags=wanted)
    refused(
        "InvalidTagException",
        both[0],
        instanceNames=["web-1"],
        tags=[BLUE, {"Key": "x", "Value": ""}],
    )
    refused("InvalidTagException", both[0], instanceNames=["web-1"], tags=[BLUE, {"Key": "x"}])
    assert tags(codedeploy) == {}
    ten = [{"Key": str(number), "Value": "x"} for number in range(10)]
    both[0](instanceNames=["web-1"], tags=ten)
    refused("TagLimitExceededException", both[0], instanceNames=["web-1"], tags=[BLUE])
    eleven = [*ten, BLUE]
    refused("TagLimitExceededException", both[0], instanceNames=["web-1"], tags=eleven)


def test_hosts_and_instances_are_the_same(aws: Aws, codedeploy):
    aws.service.with_host("made", tags={"team": "blue"})
    register(codedeploy, "registered")
    codedeploy.add_tags_to_on_premises_instances(instanceNames=["registered"], tags=[BLUE])

    made, registered = info(codedeploy, "made"), aws.service.get("/v1/hosts/registered").json()

    assert made["iamUserArn"] == "arn:aws:iam::000000000000:user/tidegate/made"
    assert made["tags"] == [BLUE]
    assert (registered["driver"], registered["address"]) == ("", None)
    assert registered["tags"] == {"team": "blue"}
    way = {"address": "10.0.0.5", "host_key": HOST_KEY}
    reached = aws.service.ask("PATCH", "/v1/hosts/registered", json=way).json()
    assert (reached["driver"], reached["address"]) == ("ssh", "10.0.0.5")
    assert reached["tags"] == {"team": "blue"}

    codedeploy.deregister_on_premises_instance(instanceName="made")
    assert aws.service.get("/v1/hosts/made").json()["deregistered_at"] is not None
    aws.service.with_host("made")
    assert "deregisterTime" not in info(codedeploy, "made")
    assert tags(codedeploy, "made") == {}
    assert aws.service.ask("DELETE", "/v1/hosts/registered").status_code == 204
    refused(
        "InstanceNotRegisteredException",
        codedeploy.get_on_premises_instance,
        instanceName="registered",
    )


def test_all_tags_that_are_shown_can_be_changed_and_removed(aws: Aws, codedeploy):
    """As `aws deploy deregister` does, though `/v1` allows more of them, and no values."""
    aws.service.with_host("web-1", tags={"empty": "", **{f"k{n:02}": "x" for n in range(49)}})
    add = codedeploy.add_tags_to_on_premises_instances

    add(instanceNames=["web-1"], tags=[{"Key": "k00", "Value": "y"}])
    refused("TagLimitExceededException", add, instanceNames=["web-1"], tags=[BLUE])
    shown = info(codedeploy)["tags"]
    codedeploy.remove_tags_from_on_premises_instances(instanceNames=["web-1"], tags=shown)

    assert len(shown) == 50
    assert {"Key": "k00", "Value": "y"} in shown
    assert tags(codedeploy) == {}


def test_nobody_else_is_registered_as_the_user_that_stands_for_a_host(aws: Aws, codedeploy):
    aws.service.with_host("made")
    register = codedeploy.register_on_premises_instance
    user = info(codedeploy, "made")["iamUserArn"]

    for other in (user, user.replace("made", "later")):
        refused(
            "IamUserArnAlreadyRegisteredException", register, instanceName="new", iamUserArn=other
        )
    refused(
        "InstanceNameAlreadyRegisteredException", register, instanceName="made", iamUserArn=user
    )
    codedeploy.deregister_on_premises_instance(instanceName="made")
    register(instanceName="made", iamUserArn=user)

    assert info(codedeploy, "made")["iamUserArn"] == user


def test_one_without_a_way_to_be_reached_is_changed_or_given_a_whole_one(aws: Aws, codedeploy):
    register(codedeploy, "web-1")
    before = info(codedeploy)

    def patched(**wanted: Any) -> int:
        return aws.service.ask("PATCH", "/v1/hosts/web-1", json=wanted).status_code

    assert patched(tags={"team": "blue"}, variables={"A": "b"}) == 200
    assert patched(user="deploy") == patched(address="10.0.0.5") == 422
    assert patched(host_key=HOST_KEY) == 422
    assert aws.service.get("/v1/hosts/web-1").json()["driver"] == ""
    assert patched(address="10.0.0.5", host_key=HOST_KEY) == 200
    assert patched(address=None) == 422

    assert info(codedeploy) == {**before, "tags": [BLUE]}
    host = aws.service.get("/v1/hosts/web-1").json()
    assert (host["driver"], host["variables"]) == ("ssh", {"A": "b"})
