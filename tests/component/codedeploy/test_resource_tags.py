"""Operations on the tags of resources, through boto3."""

import pytest

from component.codedeploy.conftest import Aws, refused

PREFIX = "arn:aws:codedeploy:us-east-1:000000000000"
SHOP = f"{PREFIX}:application:shop"
PROD = f"{PREFIX}:deploymentgroup:shop/prod"
CAREFUL = f"{PREFIX}:deploymentconfig:careful"
ONE = [{"Key": "team", "Value": "blue"}]


@pytest.fixture
def client(aws: Aws):
    aws.service.with_application()
    aws.service.with_group()
    client = aws.client()
    client.create_deployment_config(
        deploymentConfigName="careful", minimumHealthyHosts={"type": "HOST_COUNT", "value": 1}
    )
    return client


def tags(client, arn: str) -> dict[str, str]:
    found = client.list_tags_for_resource(ResourceArn=arn)
    assert "NextToken" not in found
    return {tag["Key"]: tag["Value"] for tag in found["Tags"]}


@pytest.mark.parametrize("arn", [SHOP, PROD, CAREFUL])
def test_tags_come_change_and_go(client, arn: str):
    assert tags(client, arn) == {}

    client.tag_resource(ResourceArn=arn, Tags=[*ONE, {"Key": "ünï", "Value": ""}])
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "red"}])
    assert tags(client, arn) == {"team": "red", "ünï": ""}

    client.untag_resource(ResourceArn=arn, TagKeys=["ünï", "nothing"])
    assert tags(client, arn) == {"team": "red"}


def test_tags_that_come_with_an_application_follow_its_name(client):
    client.create_application(applicationName="tagged", tags=ONE)
    client.update_application(applicationName="tagged", newApplicationName="other")

    assert tags(client, f"{PREFIX}:application:tagged") == {}
    assert tags(client, f"{PREFIX}:application:other") == {"team": "blue"}
    client.delete_application(applicationName="other")
    client.create_application(applicationName="other")
    assert tags(client, f"{PREFIX}:application:other") == {}


def test_fifty_are_enough(client):
    client.tag_resource(
        ResourceArn=SHOP, Tags=[{"Key": str(number), "Value": "x"} for number in range(50)]
    )

    refused("InvalidTagsToAddException", client.tag_resource, ResourceArn=SHOP, Tags=ONE)
    client.tag_resource(ResourceArn=SHOP, Tags=[{"Key": "49", "Value": "y"}])
    assert len(tags(client, SHOP)) == 50


def test_a_tag_that_is_none_is_refused_and_nothing_is_changed(client):
    good = {"Key": "good", "Value": "x"}

    for wrong in (
        {"Key": "", "Value": "x"},
        {"Key": "a" * 129, "Value": "x"},
        {"Key": "a", "Value": "x" * 257},
        {"Key": "aws:a", "Value": "x"},
        good,
    ):
        tags_ = [good, wrong]
        refused("InvalidTagsToAddException", client.tag_resource, ResourceArn=SHOP, Tags=tags_)

    assert tags(client, SHOP) == {}


def test_what_is_not_there_has_no_tags_and_takes_none(client):
    for code, arn in (
        ("ApplicationDoesNotExistException", f"{PREFIX}:application:none"),
        ("ApplicationDoesNotExistException", f"{PREFIX}:deploymentgroup:none/prod"),
        ("DeploymentGroupDoesNotExistException", f"{PREFIX}:deploymentgroup:shop/none"),
        ("DeploymentConfigDoesNotExistException", f"{PREFIX}:deploymentconfig:none"),
    ):
        assert tags(client, arn) == {}
        refused(code, client.tag_resource, ResourceArn=arn, Tags=ONE)
        refused(code, client.untag_resource, ResourceArn=arn, TagKeys=["team"])


def test_an_arn_of_something_else_is_refused(client):
    for code, arn in (
        ("ResourceArnRequiredException", ""),
        ("InvalidArnException", "shop"),
        ("InvalidArnException", "arn:aws:codedeploy:us-east-1"),
        ("InvalidArnException", SHOP.replace("us-east-1", "eu-west-1")),
        ("InvalidArnException", SHOP.replace("arn:aws:", "arn:aws-cn:")),
        ("InvalidArnException", SHOP.replace("000000000000", "111111111111")),
        ("InvalidArnException", f"{PREFIX}:application:a b"),
        ("InvalidArnException", f"{PREFIX}:application:a/b"),
        ("InvalidArnException", f"{PREFIX}:deploymentgroup:shop"),
        ("InvalidArnException", SHOP + "x" * 1011),
        ("ArnNotSupportedException", f"{PREFIX}:instance:web-1_ABCDEFGHIJ"),
        ("ArnNotSupportedException", SHOP.replace("codedeploy", "s3")),
        ("ArnNotSupportedException", f"{PREFIX}:instance/web-1_ABCDEFGHIJ"),
        ("ArnNotSupportedException", "arn:aws:s3:::bucket"),
        ("ArnNotSupportedException", "arn:aws:iam::000000000000:user/web"),
        ("ArnNotSupportedException", "arn:aws:sns:us-east-1:111122223333:topic"),
        ("InvalidArnException", f"{PREFIX}:application"),
        ("InvalidArnException", f"{PREFIX}:application:"),
        ("InvalidArnException", f"{PREFIX}:application/shop"),
        ("InvalidArnException", f"{PREFIX}:deploymentgroup/shop/prod"),
    ):
        refused(code, client.list_tags_for_resource, ResourceArn=arn)
        refused(code, client.tag_resource, ResourceArn=arn, Tags=ONE)
        refused(code, client.untag_resource, ResourceArn=arn, TagKeys=["team"])


def test_an_arn_without_an_account_is_of_this_one(client):
    """As Terraform writes it, told to skip_requesting_account_id."""
    without = SHOP.replace("000000000000", "")
    client.tag_resource(ResourceArn=without, Tags=ONE)

    assert tags(client, without) == tags(client, SHOP) == {"team": "blue"}


def test_predefined_configs_take_no_tags(client):
    arn = f"{PREFIX}:deploymentconfig:CodeDeployDefault.AllAtOnce"

    assert tags(client, arn) == {}
    refused("ArnNotSupportedException", client.tag_resource, ResourceArn=arn, Tags=ONE)


def test_something_must_be_asked_for(client):
    refused("TagRequiredException", client.tag_resource, ResourceArn=SHOP, Tags=[])
    refused("TagRequiredException", client.tag_resource, ResourceArn=SHOP)
    refused("TagRequiredException", client.untag_resource, ResourceArn=SHOP, TagKeys=[])
    refused("ResourceArnRequiredException", client.tag_resource, Tags=ONE)


def test_another_region_has_arns_of_its_own(aws: Aws):
    there = aws.client(region="cn-north-1")
    there.create_application(applicationName="shop", tags=ONE)

    arn = "arn:aws-cn:codedeploy:cn-north-1:000000000000:application:shop"
    assert tags(there, arn) == {"team": "blue"}
