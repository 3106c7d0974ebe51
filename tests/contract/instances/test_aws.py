"""Instances of EC2 as they are found and looked at, and each way in which AWS does not tell."""

import time
from datetime import timedelta

import pytest
from botocore.client import BaseClient

from parts.aws import REGION
from tidegate.domain.instances import InstanceState, Place, Search
from tidegate.domain.tag_filters import TagFilter, TagFilterType, TagSet
from tidegate.drivers.instances import NotFound, aws, aws_instances
from tidegate.drivers.instances.aws import MOST_VALUES, AwsInstances
from tidegate.testing.sentences import is_a_sentence

HERE = Place(region=REGION)
BOTH, KEY, VALUE = (
    TagFilterType.KEY_AND_VALUE,
    TagFilterType.KEY_ONLY,
    TagFilterType.VALUE_ONLY,
)


def by_tags(*tag_set: tuple[TagFilter, ...]) -> Search:
    return Search(place=HERE, tag_set=tag_set)


def found(tag_set: TagSet) -> set[str]:
    answer = AwsInstances().find(by_tags(*tag_set))
    assert isinstance(answer, tuple), answer
    return {one.id for one in answer}


@pytest.fixture
def shop(account) -> dict[str, str]:
    tags = {
        "web": {"role": "web"},
        "web of prod": {"role": "web", "env": "prod"},
        "db of prod": {"role": "db", "env": "prod"},
        "upper": {"role": "WEB"},
        "star": {"role": "w*b"},
        "mark": {"role": "w?b"},
        "slash": {"role": "w\\b"},
        "empty": {"role": ""},
        "other key": {"kind": "web"},
        "bare": {},
    }
    return {name: account.launch_with(each)[0] for name, each in tags.items()}


@pytest.mark.parametrize(
    ("tag_set", "wanted"),
    [
        (((TagFilter(BOTH, "role", "web"),),), {"web", "web of prod"}),
        (
            ((TagFilter(BOTH, "role", "web"), TagFilter(BOTH, "role", "db")),),
            {"web", "web of prod", "db of prod"},
        ),
        (
            ((TagFilter(BOTH, "role", "web"), TagFilter(BOTH, "env", "prod")),),
            {"web", "web of prod", "db of prod"},
        ),
        (
            ((TagFilter(BOTH, "role", "web"),), (TagFilter(BOTH, "env", "prod"),)),
            {"web of prod"},
        ),
        (
            ((TagFilter(KEY, "kind"), TagFilter(KEY, "env")),),
            {"web of prod", "db of prod", "other key"},
        ),
        (((TagFilter(VALUE, value="web"),),), {"web", "web of prod", "other key"}),
        (
            ((TagFilter(VALUE, value="web"), TagFilter(KEY, "env")), (TagFilter(KEY, "role"),)),
            {"web", "web of prod", "db of prod"},
        ),
        (((TagFilter(BOTH, "role", "w*b"),),), {"star"}),
        (((TagFilter(BOTH, "role", "w?b"),),), {"mark"}),
        (((TagFilter(BOTH, "role", "w\\b"),),), {"slash"}),
        (((TagFilter(BOTH, "role", ""),),), {"empty"}),
        (((TagFilter(VALUE, value="*"),),), set()),
        (((TagFilter(KEY, "rol?"),),), set()),
        ((), set()),
    ],
)  # fmt: skip
def test_what_tags_mean_is_found_and_a_star_is_only_a_star(shop, tag_set, wanted):
    assert found(tag_set) == {shop[name] for name in wanted}


def test_an_auto_scaling_group_has_its_instances_whatever_their_tags(account):
    name, _ = account.group(2), account.group(1)
    (tagged,) = account.launch(role="web")
    search = Search(
        place=HERE,
        tag_set=((TagFilter(BOTH, "role", "web"),),),
        auto_scaling_groups=(name,),
    )

    answer = AwsInstances().find(search)

    assert {one.id for one in answer} == {tagged, *account.members(name)}
    assert {one.id: one.auto_scaling_group for one in answer} == {
        tagged: "",
        **dict.fromkeys(account.members(name), name),
    }


def test_one_that_an_auto_scaling_group_launches_is_pending_before_ec2_knows_it(
    account, monkeypatch
):
    name = account.group(1)
    (id_,) = account.members(name)
    ask = BaseClient._make_api_call

    def asked(self, operation, parameters):
        answer = ask(self, operation, parameters)
        for group in answer.get("AutoScalingGroups", ()):
            for one in group["Instances"]:
                one["LifecycleState"] = "Pending"
        return {**answer, "Reservations": []}

    monkeypatch.setattr(BaseClient, "_make_api_call", asked)

    (one,) = AwsInstances().find(Search(place=HERE, auto_scaling_groups=(name,)))

    assert (one.id, one.state, one.auto_scaling_group) == (id_, "pending", name)
    assert one.arn == f"arn:aws:ec2:{REGION}:123456789012:instance/{id_}"


def test_an_instance_is_told_of_with_its_arn_its_addresses_and_its_tags(account):
    (id_,) = account.launch(role="web")

    (one,) = AwsInstances().find(by_tags((TagFilter(BOTH, "role", "web"),)))

    assert one.arn == f"arn:aws:ec2:{REGION}:123456789012:instance/{id_}"
    assert one.state is InstanceState.RUNNING
    assert one.tags == {"role": "web"}
    assert one.private_address.startswith("10.")
    assert one.public_address


def test_one_that_is_stopped_is_found_and_one_that_is_terminated_is_not(account):
    running, stopped, gone = account.launch(3, role="web")
    account.stop(stopped)
    account.terminate(gone)

    answer = AwsInstances().find(by_tags((TagFilter(BOTH, "role", "web"),)))

    assert {one.id: one.state for one in answer} == {running: "running", stopped: "stopped"}


def test_a_look_tells_of_those_that_are_asked_for_terminated_or_not(account):
    one, gone, _ = account.launch(3)
    account.terminate(gone)

    answer = AwsInstances().look(HERE, [one, gone, "i-0123456789abcdef0"])

    assert {each.id: each.state for each in answer} == {one: "running", gone: "terminated"}


def test_however_many_there_are_few_calls_are_made(account, calls):
    ids = account.launch(20, role="web")
    calls().clear()
    many = [f"i-{number:017x}" for number in range(2 * MOST_VALUES)]

    AwsInstances().find(by_tags((TagFilter(BOTH, "role", "web"),)))
    once = len(calls())
    AwsInstances().look(HERE, [*ids, *many])

    assert once == 1
    assert len(calls()) == once + 3
    assert {operation for operation, _ in calls()} == {"DescribeInstances"}
    for _, parameters in calls():
        assert all(len(one["Values"]) <= MOST_VALUES for one in parameters["Filters"])


def test_only_what_is_meant_counts_against_the_limit(account, monkeypatch):
    monkeypatch.setattr(aws, "MOST_INSTANCES", 2)
    web = account.launch(2, role="web")
    account.launch(3, role="db")
    either = (TagFilter(BOTH, "role", "web"), TagFilter(BOTH, "env", "prod"))

    assert found((either,)) == set(web)

    account.launch(1, env="prod")
    answer = AwsInstances().find(by_tags(either))
    assert isinstance(answer, NotFound)
    assert (answer.code, answer.may_pass) == ("OVER_MAX_INSTANCES", False)
    assert answer.message.startswith(f"More than 2 instances are meant in {REGION}")


def test_a_look_at_many_deployments_together_has_no_limit(account, monkeypatch):
    monkeypatch.setattr(aws, "MOST_INSTANCES", 2)
    ids = account.launch(5)

    answer = AwsInstances().look(HERE, ids)

    assert isinstance(answer, tuple)
    assert {one.id for one in answer} == set(ids)


def test_nobody_is_asked_where_nothing_is_meant(environment, calls):
    assert AwsInstances().find(by_tags()) == ()
    assert AwsInstances().look(HERE, []) == ()
    assert calls() == []


def test_an_auto_scaling_group_that_is_not_there_is_named(account):
    search = Search(place=HERE, auto_scaling_groups=(account.group(1), "gone"))

    answer = AwsInstances().find(search)

    assert isinstance(answer, NotFound)
    assert (answer.code, answer.may_pass) == ("AUTO_SCALING_CONFIGURATION", False)
    assert answer.message == (
        f"There is no Auto Scaling group 'gone' in {REGION}; create it, or take it out of the "
        "deployment group."
    )


def test_instances_of_another_region_are_not_there(account):
    (id_,) = account.launch(role="web")
    there = Place(region="us-west-2")
    tag_set = ((TagFilter(BOTH, "role", "web"),),)

    assert AwsInstances().find(Search(place=there, tag_set=tag_set)) == ()
    assert AwsInstances().look(there, [id_]) == ()


def test_the_role_of_a_group_is_assumed_where_that_is_wanted(account):
    account.launch(role="web")
    place = Place(region=REGION, role_arn="arn:aws:iam::999999999999:role/CodeDeploy")
    search = Search(place=place, tag_set=((TagFilter(BOTH, "role", "web"),),))

    assert len(aws_instances().find(search)) == 1
    assert aws_instances(assume_role=True).find(search) == ()


UNREADABLE = b"""<Response><reservationSet><item><instancesSet><item></item></instancesSet></item>
</reservationSet></Response>"""


def refused(code: str) -> bytes:
    return (
        f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors>"
        "</Response>"
    ).encode()


@pytest.mark.parametrize(
    ("status", "code", "meaning", "may_pass"),
    [
        (503, "RequestLimitExceeded", "THROTTLED", True),
        (500, "InternalError", "INTERNAL_ERROR", True),
        (403, "UnauthorizedOperation", "IAM_ROLE_PERMISSIONS", False),
        (401, "AuthFailure", "IAM_ROLE_PERMISSIONS", False),
        (400, "InvalidParameterValue", "INTERNAL_ERROR", False),
    ],
)
def test_what_ec2_refuses_is_a_sentence_with_what_can_be_done(
    says, status, code, meaning, may_pass
):
    says(status, refused(code))

    for answer in (
        AwsInstances().find(by_tags((TagFilter(KEY, "role"),))),
        AwsInstances().look(HERE, ["i-1"]),
    ):
        assert isinstance(answer, NotFound)
        assert (answer.code, answer.may_pass) == (meaning, may_pass)
        assert f"EC2 answered {code} to DescribeInstances" in answer.message
        assert is_a_sentence(answer.message)
    if code == "UnauthorizedOperation":
        assert "allow ec2:DescribeInstances" in answer.message


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello</html",
        UNREADABLE,
    ],
)
def test_an_answer_that_cannot_be_read_may_pass(says, body):
    says(200, body)

    answer = AwsInstances().look(HERE, ["i-1"])

    assert isinstance(answer, NotFound)
    assert answer.may_pass
    assert is_a_sentence(answer.message)


def test_silence_is_not_waited_out(mute):
    source = AwsInstances(timeout=timedelta(seconds=1))
    begun = time.monotonic()

    answer = source.look(HERE, [f"i-{number}" for number in range(1000)])

    assert isinstance(answer, NotFound)
    assert answer.may_pass
    assert time.monotonic() - begun < 15


def test_who_has_no_credentials_is_told(environment, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    answer = AwsInstances().look(HERE, ["i-1"])

    assert isinstance(answer, NotFound)
    assert answer.message.startswith("There are no AWS credentials to reach instances in")
    assert not answer.may_pass
