"""The stand-in for Lambda refuses what Lambda refuses, in its words."""

import pytest
from botocore.exceptions import ClientError


def update(aliases, **changes):
    return aliases.aws.update_alias(FunctionName=aliases.function, Name="live", **changes)


def weights(**others: float) -> dict[str, dict[str, float]]:
    return {"AdditionalVersionWeights": {name[1:]: weight for name, weight in others.items()}}


def test_each_update_makes_a_new_revision(aliases):
    revisions = [
        aliases.alias()["RevisionId"],
        update(aliases, Description="a")["RevisionId"],
        update(aliases, Description="a")["RevisionId"],
        update(aliases, FunctionVersion="1")["RevisionId"],
    ]

    assert len(set(revisions)) == 4
    assert aliases.alias()["RevisionId"] == revisions[-1]


def test_an_update_of_an_old_revision_is_refused(aliases):
    old = aliases.alias()["RevisionId"]
    update(aliases, FunctionVersion="2", RevisionId=old)

    with pytest.raises(ClientError, match="The Revision Id provided does not match") as refusal:
        update(aliases, FunctionVersion="3", RevisionId=old)

    answer = refusal.value.response
    assert answer["Error"]["Code"] == "PreconditionFailedException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert aliases.routes() == ("2", {})


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"RoutingConfig": weights(v2=0.1, v3=0.1)}, "InvalidParameterValueException", "Number of"),
        ({"RoutingConfig": weights(v2=1.1)}, "ValidationException", "failed to satisfy"),
        ({"RoutingConfig": weights(v1=0.1)}, "InvalidParameterValueException", "already included"),
        ({"RoutingConfig": weights(v9=0.1)}, "ResourceNotFoundException", r"not found: arn:.*:9$"),
        ({"FunctionVersion": "9"}, "ResourceNotFoundException", r"Function not found: arn:.*:9$"),
        (
            {"FunctionVersion": "$LATEST", "RoutingConfig": weights(v2=0.1)},
            "InvalidParameterValueException",
            "is not supported for an alias pointing to more than 1 version",
        ),
    ],
)
def test_routes_are_checked(aliases, changes, code, sentence):
    with pytest.raises(ClientError, match=sentence) as refusal:
        update(aliases, **changes)

    assert refusal.value.response["Error"]["Code"] == code
    assert aliases.routes() == ("1", {})


def test_a_version_with_a_share_does_not_become_the_aliass_own(aliases):
    update(aliases, RoutingConfig=weights(v2=0.1))

    with pytest.raises(ClientError, match="already included in routing configuration"):
        update(aliases, FunctionVersion="2")


def test_routing_that_is_empty_is_left_out(aliases):
    assert "RoutingConfig" not in aliases.alias()
    update(aliases, RoutingConfig=weights(v2=0.1))
    assert aliases.alias()["RoutingConfig"] == weights(v2=0.1)

    assert "RoutingConfig" not in update(aliases, RoutingConfig=weights())
    assert "RoutingConfig" not in aliases.alias()


def test_what_is_not_there_is_named(aliases):
    with pytest.raises(ClientError, match=rf"Alias not found: {aliases.arn}:dead$"):
        aliases.aws.get_alias(FunctionName=aliases.function, Name="dead")
    with pytest.raises(ClientError, match="Function not found: arn:"):
        aliases.aws.get_alias(FunctionName="nothing", Name="live")
    with pytest.raises(ClientError, match="Function not found: arn:"):
        aliases.aws.invoke(FunctionName="nothing", InvocationType="Event")
    with pytest.raises(ClientError, match=rf"Alias already exists: {aliases.arn}:live$"):
        aliases.aws.create_alias(FunctionName=aliases.function, Name="live", FunctionVersion="1")
