"""Operations on applications, through boto3."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import insert

from component.codedeploy.conftest import Aws, refused, seen
from tidegate.store.tables import ApplicationRow

LONG = "a" * 101
NUL = "WyJMaXN0QXBwbGljYXRpb25zIiwgIlx1MDAwMCJd"
"""A token as it would be given, with a zero byte in the name."""


def with_many(aws: Aws, count: int, *, region: str = "us-east-1") -> list[str]:
    """Write so many applications as rows, and return their names in order."""
    names = [f"app-{number:04}" for number in range(count)]
    facts = {
        "region": region,
        "compute_platform": "Server",
        "tags": {},
        "created_at": datetime.now(UTC),
    }
    with aws.service.parts.store.write() as uow:
        rows = [{"id": f"id-{name}", "name": name, **facts} for name in names]
        uow.session.execute(insert(ApplicationRow), rows)
    return names


@pytest.mark.parametrize("platform", [None, "Server", "Lambda", "ECS"])
def test_one_is_created_and_shown(aws: Aws, codedeploy, platform):
    wanted = {} if platform is None else {"computePlatform": platform}
    made = codedeploy.create_application(applicationName="shop+=,.@_-1", **wanted)

    shown = codedeploy.get_application(applicationName="shop+=,.@_-1")["application"]

    assert datetime.now(UTC) - shown.pop("createTime") < timedelta(minutes=1)
    assert shown == {
        "applicationId": made["applicationId"],
        "applicationName": "shop+=,.@_-1",
        "linkedToGitHub": False,
        "computePlatform": platform or "Server",
    }
    by_rest = aws.service.get("/v1/applications/shop+=,.@_-1").json()
    assert by_rest["id"] == made["applicationId"]


def test_what_cannot_be_created(codedeploy):
    create = codedeploy.create_application
    create(applicationName="shop")

    refused("ApplicationNameRequiredException", create)
    refused("ApplicationNameRequiredException", create, applicationName="")
    refused("InvalidApplicationNameException", create, applicationName=LONG)
    refused("InvalidApplicationNameException", create, applicationName="a/b")
    refused("InvalidComputePlatformException", create, applicationName="x", computePlatform="EC2")
    refused("InvalidComputePlatformException", create, applicationName="x", computePlatform="")
    assert "shop" in refused("ApplicationAlreadyExistsException", create, applicationName="shop")
    for tags in (
        [{"Key": "", "Value": "x"}],
        [{"Value": "x"}],
        [{"Key": "a" * 129, "Value": "x"}],
        [{"Key": "a", "Value": "x" * 257}],
        [{"Key": "AWS:a", "Value": "x"}],
        [{"Key": "a", "Value": "x"}, {"Key": "a", "Value": "y"}],
        [{"Key": str(number), "Value": ""} for number in range(51)],
    ):
        refused("InvalidTagsToAddException", create, applicationName="tagged", tags=tags)
    assert seen(codedeploy.list_applications, "applications") == ["shop"]


def test_of_many_who_want_a_name_one_gets_it(aws: Aws):
    def create(client) -> str:
        try:
            return client.create_application(applicationName="shop")["applicationId"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(create, [aws.client() for _ in range(8)]))

    assert results.count("ApplicationAlreadyExistsException") == 7
    assert aws.service.get("/v1/applications/shop").json()["id"] in results


def test_a_thousand_are_enough(aws: Aws, codedeploy):
    names = with_many(aws, 1000)

    refused("ApplicationLimitExceededException", codedeploy.create_application, applicationName="x")
    assert seen(codedeploy.list_applications, "applications") == names
    aws.client(region="eu-west-1").create_application(applicationName="x")


def test_pages_survive_what_is_made_and_deleted_between_them(aws: Aws, codedeploy):
    names = with_many(aws, 260)
    first = codedeploy.list_applications()
    for name in ("app-0050a", "app-0150a"):
        codedeploy.create_application(applicationName=name)
    codedeploy.delete_application(applicationName="app-0099")
    rest = seen(
        lambda **token: codedeploy.list_applications(**{"nextToken": first["nextToken"], **token}),
        "applications",
    )

    assert len(first["applications"]) == 100
    assert first["applications"] + rest == [*names[:151], "app-0150a", *names[151:]]
    paginator = codedeploy.get_paginator("list_applications")
    assert len([name for page in paginator.paginate() for name in page["applications"]]) == 261


def test_a_token_of_nobody_is_refused(codedeploy):
    for token in ("x", "W10", "WyJ4Il0", "é", "a" * 100_000, "WyJMaXN0RGVwbG95", NUL):
        refused("InvalidNextTokenException", codedeploy.list_applications, nextToken=token)


def test_several_are_shown_in_the_order_asked_for(aws: Aws, codedeploy):
    names = with_many(aws, 101)
    batch = codedeploy.batch_get_applications

    shown = batch(applicationNames=["app-0003", "app-0001"])["applicationsInfo"]

    assert [one["applicationName"] for one in shown] == ["app-0003", "app-0001"]
    assert len(batch(applicationNames=names[:100])["applicationsInfo"]) == 100
    refused("ApplicationNameRequiredException", batch, applicationNames=[])
    refused("ApplicationNameRequiredException", batch)
    refused("BatchLimitExceededException", batch, applicationNames=names)
    refused("InvalidApplicationNameException", batch, applicationNames=["app-0001", "a b"])
    assert refused("ApplicationDoesNotExistException", batch, applicationNames=["none"]) == (
        "No application found for name: none"
    )


def test_an_unknown_one_is_not_shown(codedeploy):
    get = codedeploy.get_application

    assert refused("ApplicationDoesNotExistException", get, applicationName="nope") == (
        "No application found for name: nope"
    )
    refused("ApplicationNameRequiredException", get)
    refused("InvalidApplicationNameException", get, applicationName=LONG)


def test_one_is_renamed_with_all_that_belongs_to_it(aws: Aws, codedeploy):
    id_ = aws.service.with_deployment()
    before = codedeploy.get_application(applicationName="shop")["application"]
    codedeploy.create_application(applicationName="other")

    codedeploy.update_application(applicationName="shop", newApplicationName="store")

    after = codedeploy.get_application(applicationName="store")["application"]
    assert after == {**before, "applicationName": "store"}
    assert aws.service.get(f"/v1/deployments/{id_}").json()["application"] == "store"
    assert aws.service.get("/v1/applications/store/deployment-groups/prod").status_code == 200
    assert seen(codedeploy.list_applications, "applications") == ["other", "store"]
    update = codedeploy.update_application
    update(applicationName="store", newApplicationName="store")
    refused("ApplicationNameRequiredException", update, newApplicationName="x")
    refused(
        "InvalidApplicationNameException", update, applicationName="store", newApplicationName="a/"
    )
    refused("InvalidApplicationNameException", update, applicationName="store")
    refused(
        "ApplicationDoesNotExistException", update, applicationName="shop", newApplicationName="x"
    )
    refused(
        "ApplicationAlreadyExistsException",
        update,
        applicationName="store",
        newApplicationName="other",
    )


def test_deleting_one_needs_neither_its_being_there_nor_its_rest(aws: Aws, codedeploy):
    id_ = aws.service.with_deployment()
    delete = codedeploy.delete_application

    delete(applicationName="shop")
    delete(applicationName="shop")

    assert seen(codedeploy.list_applications, "applications") == []
    assert aws.service.get(f"/v1/deployments/{id_}").json()["status"] == "Created"
    made = codedeploy.create_application(applicationName="shop", computePlatform="Lambda")
    assert made["applicationId"]
    refused("ApplicationNameRequiredException", delete)
    refused("InvalidApplicationNameException", delete, applicationName="a b")


def test_a_region_has_its_own(aws: Aws, codedeploy):
    there = aws.client(region="eu-central-1")
    here_id = codedeploy.create_application(applicationName="shop")["applicationId"]
    there_id = there.create_application(applicationName="shop")["applicationId"]
    codedeploy.delete_application(applicationName="shop")

    assert here_id != there_id
    assert there.get_application(applicationName="shop")["application"]["applicationId"] == there_id
    refused("ApplicationDoesNotExistException", codedeploy.get_application, applicationName="shop")
