"""ListApplicationRevisions, through boto3: filters, orders and pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from component.codedeploy.conftest import Aws, refused, seen
from tidegate.store.tables import GroupRow, RevisionRow
from tidegate_api.cursors import write_cursor

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Shelf:
    """An application with revisions that are written as rows; each is known by its key."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.client = aws.client()
        made = self.client.create_application(applicationName="shop")
        self.application_id = made["applicationId"]

    def put(self, *rows: dict[str, Any]) -> None:
        with self.aws.service.parts.store.write() as uow:
            uow.session.execute(insert(RevisionRow), [self._row(**row) for row in rows])

    def _row(self, key: str, *, bucket: str = "bundles", **times: Any) -> dict[str, Any]:
        return {
            "id": f"r-{bucket[:3]}-{key}",
            "application_id": self.application_id,
            "type": "s3",
            "s3_bucket": bucket,
            "s3_key": key,
            "source": {"type": "s3", "bucket": bucket, "key": key, "bundle_type": "zip"},
            "description": "",
            "registered_at": NOON,
            "first_used_at": None,
            "last_used_at": None,
            **times,
        }

    def keys(self, **asked: Any) -> list[str]:
        call = self.client.list_application_revisions
        found = seen(call, "revisions", applicationName="shop", **asked)
        return [one["s3Location"]["key"] for one in found]


@pytest.fixture
def shelf(aws: Aws) -> Shelf:
    return Shelf(aws)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_revisions_are_sorted_by_their_times_both_ways(shelf: Shelf):
    shelf.put(
        {"key": "a", "registered_at": at(1), "first_used_at": at(9), "last_used_at": at(9)},
        {"key": "b", "registered_at": at(2), "first_used_at": at(5), "last_used_at": at(10)},
        {"key": "c", "registered_at": at(3)},
        {"key": "d", "registered_at": at(0)},
    )

    for sort_by, wanted in (
        ("registerTime", "dabc"),
        ("firstUsedTime", "cdba"),
        ("lastUsedTime", "cdab"),
    ):
        assert "".join(shelf.keys(sortBy=sort_by)) == wanted
        assert "".join(shelf.keys(sortBy=sort_by, sortOrder="ascending")) == wanted
        assert "".join(shelf.keys(sortBy=sort_by, sortOrder="descending")) == wanted[::-1]
    assert sorted(shelf.keys()) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("sort_by", [None, "registerTime", "firstUsedTime", "lastUsedTime"])
@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_pages_hold_each_once(shelf: Shelf, sort_by: str | None, order: str):
    # Many share a time, and half of them have none.
    rows = [
        {
            "key": f"{number:03}",
            "registered_at": at(number // 7),
            "first_used_at": at(number // 5) if number % 2 else None,
            "last_used_at": at(-number // 5) if number % 2 else None,
        }
        for number in range(260)
    ]
    shelf.put(*rows)
    asked = {"sortOrder": order, **({"sortBy": sort_by} if sort_by else {})}

    found = shelf.keys(**asked)

    name = {"firstUsedTime": "first_used_at", "lastUsedTime": "last_used_at"}.get(
        sort_by or "", "registered_at"
    )
    early = NOON - timedelta(days=1)
    rows.sort(key=lambda row: (row[name] or early, row["key"]), reverse=order == "descending")
    assert found == [row["key"] for row in rows]
    first = shelf.client.list_application_revisions(applicationName="shop", **asked)
    assert len(first["revisions"]) == 100


def test_two_pages_may_end_where_times_begin(shelf: Shelf):
    used = [{"key": f"used-{number:03}", "first_used_at": at(number)} for number in range(100)]
    shelf.put(*({"key": f"new-{number:03}"} for number in range(100)), *used)

    for order in ("ascending", "descending"):
        found = shelf.keys(sortBy="firstUsedTime", sortOrder=order)
        assert len(set(found)) == len(found) == 200


def test_objects_are_found_by_bucket_and_by_how_their_keys_begin(shelf: Shelf):
    github = {
        "revisionType": "GitHub",
        "gitHubLocation": {"repository": "acme/shop", "commitId": "ab" * 20},
    }
    shelf.client.register_application_revision(applicationName="shop", revision=github)
    shelf.put(
        {"key": "shop/1.zip"},
        {"key": "Shop/1.zip"},
        {"key": "shop%1.zip"},
        {"key": "shop/é.zip"},
        {"key": "shop/1.zip", "bucket": "others"},
    )

    assert len(shelf.client.list_application_revisions(applicationName="shop")["revisions"]) == 6
    assert sorted(shelf.keys(s3Bucket="bundles")) == [
        "Shop/1.zip",
        "shop%1.zip",
        "shop/1.zip",
        "shop/é.zip",
    ]
    assert shelf.keys(s3Bucket="others") == ["shop/1.zip"]
    assert shelf.keys(s3Bucket="nobodys") == []
    assert sorted(shelf.keys(s3Bucket="bundles", s3KeyPrefix="shop/")) == [
        "shop/1.zip",
        "shop/é.zip",
    ]
    assert shelf.keys(s3Bucket="bundles", s3KeyPrefix="shop/é") == ["shop/é.zip"]
    assert shelf.keys(s3Bucket="bundles", s3KeyPrefix="s%1") == []
    assert len(shelf.keys(s3Bucket="bundles", s3KeyPrefix="")) == 4


def test_revisions_are_told_apart_by_whether_a_group_has_them(aws: Aws, shelf: Shelf):
    shelf.put({"key": "old"}, {"key": "now"}, {"key": "new"})
    for group, key in (("prod", "now"), ("test", "now"), ("gone", "old")):
        aws.service.with_group(group)
        with aws.service.parts.store.write() as uow:
            row = update(GroupRow).where(GroupRow.name == group)
            uow.session.execute(row.values(target_revision_id=f"r-bun-{key}"))
    shelf.client.delete_deployment_group(applicationName="shop", deploymentGroupName="gone")

    assert shelf.keys(deployed="include") == ["now"]
    assert sorted(shelf.keys(deployed="exclude")) == ["new", "old"]
    assert sorted(shelf.keys(deployed="ignore")) == ["new", "now", "old"]
    location = {"bucket": "bundles", "key": "now", "bundleType": "zip"}
    with aws.service.parts.store.read() as uow:
        (now,) = [
            one
            for one in uow.catalog.revisions_page(shelf.application_id, limit=9)
            if one.source.key == location["key"]
        ]
    assert now.groups == ("prod", "test")


def test_the_groups_that_have_a_revision_are_shown_with_its_times(aws: Aws, shelf: Shelf):
    revision = {
        "revisionType": "S3",
        "s3Location": {"bucket": "bundles", "key": "now", "bundleType": "zip"},
    }
    asked = {"applicationName": "shop", "revision": revision}
    shelf.client.register_application_revision(**asked)
    (id_,) = [
        one["id"] for one in aws.service.get("/v1/applications/shop/revisions").json()["items"]
    ]
    for group in ("test", "prod"):
        aws.service.with_group(group)
    with aws.service.parts.store.write() as uow:
        uow.session.execute(update(GroupRow).values(target_revision_id=id_))
        uow.catalog.mark_revision_used(id_, at(1))
        uow.catalog.mark_revision_used(id_, at(2))

    info = shelf.client.get_application_revision(**asked)["revisionInfo"]

    assert info["deploymentGroups"] == ["prod", "test"]
    assert (info["firstUsedTime"], info["lastUsedTime"]) == (at(1), at(2))


def test_which_lists_are_refused(aws: Aws, shelf: Shelf):
    call = shelf.client.list_application_revisions
    shelf.put(*({"key": f"{number:03}"} for number in range(101)))

    refused("ApplicationNameRequiredException", call)
    refused("InvalidApplicationNameException", call, applicationName="a/b")
    refused("ApplicationDoesNotExistException", call, applicationName="x")
    for code, asked in (
        ("InvalidSortByException", {"sortBy": "size"}),
        ("InvalidSortByException", {"sortBy": ""}),
        ("InvalidSortOrderException", {"sortOrder": "up"}),
        ("InvalidDeployedStateFilterException", {"deployed": "yes"}),
        ("InvalidBucketNameFilterException", {"s3Bucket": ""}),
        ("InvalidBucketNameFilterException", {"s3Bucket": "Not A Bucket"}),
        ("InvalidKeyPrefixFilterException", {"s3Bucket": "bbb", "s3KeyPrefix": "x" * 1025}),
        ("BucketNameFilterRequiredException", {"s3KeyPrefix": "shop/"}),
        ("InvalidNextTokenException", {"nextToken": "x"}),
    ):
        refused(code, call, applicationName="shop", **asked)


def test_a_token_is_good_for_its_own_order_alone(aws: Aws, shelf: Shelf):
    call = shelf.client.list_application_revisions
    shelf.put(*({"key": f"{number:03}"} for number in range(101)))
    token = call(applicationName="shop", sortBy="firstUsedTime")["nextToken"]
    name = "ListApplicationRevisions registered_at up"

    for asked in (
        {"nextToken": token},
        {"nextToken": token, "sortBy": "lastUsedTime"},
        {"nextToken": token, "sortBy": "firstUsedTime", "sortOrder": "descending"},
        *(
            {"nextToken": write_cursor([name, time, "r-1"])}
            for time in ("", "today", "2026-11-01T12:00:00", "0001-01-01T00:00:00+23:00")
        ),
    ):
        refused("InvalidNextTokenException", call, applicationName="shop", **asked)
    rest = call(applicationName="shop", sortBy="firstUsedTime", nextToken=token)
    assert len(rest["revisions"]) == 1
