"""`/v1/applications/{application}/revisions`: uploads and registrations."""

import hashlib
import io
import zipfile

import pytest

from component.api.conftest import APPSPEC, Service, bundle, detail_of, tgz
from tidegate.domain.errors import NoSpace

REVISIONS = "/v1/applications/shop/revisions"
DIGEST = "a" * 64


def nothing_is_left(service: Service) -> bool:
    """No artifact, no half-written file, no row."""
    folder = service.parts.settings.data_dir
    files = [path for path in folder.rglob("*") if path.is_file()]
    return files == [] and service.get(REVISIONS).json()["items"] == []


@pytest.mark.parametrize(("data", "kind"), [(bundle(), "zip"), (tgz(), "tgz")])
def test_an_upload_becomes_a_revision(service: Service, data, kind):
    service.with_application()

    created = service.upload("shop", data, params={"description": "first"})

    assert created.status_code == 201, created.text
    revision = created.json()
    assert created.headers["location"] == f"{REVISIONS}/{revision['id']}"
    assert revision["id"].startswith("r-")
    assert revision["source"]["type"] == "artifact"
    assert revision["sha256"] == hashlib.sha256(data).hexdigest()
    assert (revision["size"], revision["bundle_type"]) == (len(data), kind)
    assert revision["description"] == "first"
    assert revision["appspec"]["files"] == [{"source": "/", "destination": "/srv/app"}]
    assert service.get(created.headers["location"]).json() == revision
    assert service.parts.artifacts.has(revision["sha256"])


def test_the_same_bytes_are_the_same_revision(service: Service):
    service.with_application()

    first = service.upload("shop", bundle())
    second = service.upload("shop", bundle())

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(service.get(REVISIONS).json()["items"]) == 1


def test_the_same_bytes_get_another_description_where_one_is_given(service: Service):
    service.with_application()
    first = service.upload("shop", bundle(), params={"description": "first"}).json()

    again = service.upload("shop", bundle(), params={"description": "better said"}).json()
    service.upload("shop", bundle())

    assert again == {**first, "description": "better said"}
    assert service.get(f"{REVISIONS}/{first['id']}").json() == again


def test_revisions_are_listed_newest_first(service: Service):
    service.with_application()
    ids = [service.upload("shop", bundle(page=page)).json()["id"] for page in "abc"]

    first = service.get(f"{REVISIONS}?limit=2").json()
    service.upload("shop", bundle(page="d"))
    second = service.get(REVISIONS, params={"cursor": first["next_cursor"]}).json()

    assert [one["id"] for one in first["items"] + second["items"]] == ids[::-1]


def test_a_bundle_that_is_no_archive_is_refused(service: Service):
    service.with_application()

    answer = service.upload("shop", b"this is no archive at all")

    assert detail_of(answer, 422)
    assert nothing_is_left(service)


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04broken", bundle()[:-10], tgz()[:60]],
    ids=["empty", "zip", "cut", "cut-early"],
)
def test_broken_archives_are_refused(quick: Service, data):
    quick.with_application()

    assert detail_of(quick.upload("shop", data), 422)
    assert nothing_is_left(quick)


def test_a_wrong_indent_is_told_with_its_line(service: Service):
    service.with_application()
    appspec = "version: 0.0\nos: linux\nfiles:\n  - source: /\n   destination: /srv/app\n"

    answer = service.upload("shop", bundle(appspec))

    assert "line 5" in detail_of(answer, 422)
    assert answer.json()["problems"][0]["line"] == 5
    assert nothing_is_left(service)


def test_warnings_are_told_with_problems_and_kept_without(quick: Service):
    quick.with_application()

    refused = quick.upload("shop", bundle("version: 0.0\nos: beos\nHooks: 1\n")).json()
    taken = quick.upload("shop", bundle(f"{APPSPEC}Hooks: 1\n")).json()

    assert [(one["line"], one["hint"]) for one in refused["warnings"]] == [(3, "Is 'hooks' meant?")]
    assert taken["appspec"]["warnings"] == [
        (
            "line 6, column 1, Hooks: 'Hooks' is no key that an AppSpec knows here; "
            "it is ignored. Is 'hooks' meant?"
        )
    ]


def test_an_archive_without_an_appspec_is_refused(quick: Service):
    quick.with_application()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.html", "hello")

    assert "appspec.yml" in detail_of(quick.upload("shop", out.getvalue()), 422)
    assert nothing_is_left(quick)


def test_a_hostile_archive_is_refused(quick: Service):
    quick.with_application()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("appspec.yml", APPSPEC)
        archive.writestr("../../etc/passwd", "root")

    assert detail_of(quick.upload("shop", out.getvalue()), 422)
    assert nothing_is_left(quick)


def test_a_bad_upload_leaves_what_another_revision_needs(quick: Service):
    quick.with_application()
    good = quick.upload("shop", bundle()).json()

    answer = quick.upload("shop", bundle(), params={"description": "x" * 1001})

    assert "1001 characters" in detail_of(answer, 422)
    assert quick.parts.artifacts.has(good["sha256"])


def test_an_upload_for_a_missing_application_is_not_taken(quick: Service):
    answer = quick.upload("shop", bundle())

    assert "no application 'shop'" in detail_of(answer, 404)
    assert list(quick.parts.artifacts.list()) == []


def test_an_upload_for_lambda_is_not_taken(quick: Service):
    quick.post("/v1/applications", {"name": "shop", "compute_platform": "Lambda"})

    assert "an AppSpec and no bundle" in detail_of(quick.upload("shop", bundle()), 422)


def test_an_upload_over_the_limit_is_refused_by_its_length(service: Service):
    service.with_application()

    answer = service.upload("shop", b"x" * 200_001)

    assert "larger than the limit of 200,000 bytes" in detail_of(answer, 413)
    assert nothing_is_left(service)


def test_an_upload_over_the_limit_is_refused_while_it_streams(service: Service):
    service.with_application()

    answer = service.upload("shop", iter([b"x" * 50_000] * 5))

    assert "larger than the limit of 200,000 bytes" in detail_of(answer, 413)
    assert nothing_is_left(service)


def test_a_full_disk_is_507(quick: Service, monkeypatch: pytest.MonkeyPatch):
    quick.with_application()

    def put(chunks, *, limit):
        raise NoSpace("the artifacts")

    monkeypatch.setattr(quick.parts.artifacts, "put", put)

    assert "There is no space left" in detail_of(quick.upload("shop", bundle()), 507)


def test_what_lies_in_s3_is_registered(service: Service):
    service.with_application()
    source = {"type": "s3", "bucket": "bundles", "key": "shop/1.zip", "version": "abc"}
    body = {"source": source, "sha256": DIGEST.upper(), "description": "from CI"}

    created, again = service.post(REVISIONS, body), service.post(REVISIONS, body)

    assert (created.status_code, again.status_code) == (201, 200)
    revision = created.json()
    assert {name: value for name, value in revision["source"].items() if value} == source
    assert revision["sha256"] == DIGEST
    assert (revision["size"], revision["appspec"], revision["bundle_type"]) == (None, None, None)
    assert again.json() == revision


@pytest.mark.parametrize("kind", ["YAML", "JSON"])
def test_an_appspec_in_s3_is_registered_with_or_without_its_digest(service: Service, kind):
    body = {"name": "shop", "compute_platform": "Lambda"}
    assert service.post("/v1/applications", body).status_code == 201
    source = {"type": "s3", "bucket": "specs", "key": "appspec", "etag": "abc", "bundle_type": kind}

    open_, pinned = (
        service.post(REVISIONS, {"source": source, **more}) for more in ({}, {"sha256": DIGEST})
    )

    assert (open_.status_code, pinned.status_code) == (201, 201), open_.text
    assert (open_.json()["sha256"], pinned.json()["sha256"]) == (None, DIGEST)
    assert open_.json()["bundle_type"] == pinned.json()["bundle_type"] == kind
    assert open_.json()["source"]["etag"] == "abc"


def test_a_bundle_in_s3_needs_its_digest_and_an_appspec_a_platform_with_traffic(quick: Service):
    quick.with_application()
    source = {"type": "s3", "bucket": "bundles", "key": "shop/1"}

    zipped = quick.post(REVISIONS, {"source": {**source, "bundle_type": "zip"}})
    alone = quick.post(REVISIONS, {"source": {**source, "bundle_type": "YAML"}})

    assert "'sha256' is missing" in detail_of(zipped, 422)
    assert "A revision for Server is" in detail_of(alone, 422)


def test_what_lies_at_an_address_is_registered(service: Service):
    service.with_application()
    source = {"type": "http", "url": "https://ci.example/shop-1.tgz"}

    created = service.post(REVISIONS, {"source": source, "sha256": DIGEST})

    assert created.status_code == 201
    assert created.json()["source"]["url"] == source["url"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"source": {"type": "s3", "bucket": "b b", "key": "k"}, "sha256": DIGEST}, "S3 bucket"),
        ({"source": {"type": "s3", "bucket": "bbb", "key": ""}, "sha256": DIGEST}, "1 to 1,024"),
        ({"source": {"type": "s3", "bucket": "bbb"}, "sha256": DIGEST}, "key' is missing"),
        ({"source": {"type": "http", "url": "ftp://a/b"}, "sha256": DIGEST}, "no http or https"),
        ({"source": {"type": "http", "url": "https://[x"}, "sha256": DIGEST}, "no http or https"),
        ({"source": {"type": "http", "url": "https://u:p@a/b"}, "sha256": DIGEST}, "password"),
        ({"source": {"type": "http", "url": "https://a/b"}, "sha256": "abc"}, "64 digits"),
        ({"source": {"type": "http", "url": "https://a/b"}}, "'sha256' is missing"),
        ({"source": {"type": "git", "url": "https://a/b"}, "sha256": DIGEST}, "'source'"),
        ({"sha256": DIGEST}, "'source' is missing"),
        ("text", "must be a JSON object"),
    ],
)
def test_what_cannot_be_registered_is_refused(quick: Service, body, said):
    quick.with_application()

    assert said in detail_of(quick.post(REVISIONS, body), 422)


def test_json_that_is_none_is_refused(quick: Service):
    quick.with_application()

    answer = quick.ask(
        "POST", REVISIONS, content=b'{"source": ', headers={"Content-Type": "application/json"}
    )

    assert "must be a JSON object" in detail_of(answer, 422)


def test_a_revision_that_is_not_there_is_not_found(quick: Service):
    quick.with_application()
    quick.with_application("blog")
    other = quick.upload("blog", bundle()).json()["id"]

    assert "no revision 'r-1'" in detail_of(quick.get(f"{REVISIONS}/r-1"), 404)
    detail_of(quick.get(f"{REVISIONS}/{other}"), 404)
