"""Which store a URL names."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tidegate.drivers.bundles import artifact_store
from tidegate.drivers.bundles.download import public_address
from tidegate.drivers.bundles.errors import NoSuchStore
from tidegate.settings import load_settings


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "file://localhost{path}"])
def test_a_folder_is_named_by_path_or_url(tmp_path: Path, form: str):
    store = artifact_store(form.format(path=tmp_path / "a"), reserve=0)

    artifact = store.put([b"abc"], limit=10)

    assert (tmp_path / "a" / artifact.sha256[:2] / artifact.sha256[2:]).read_bytes() == b"abc"


def test_escapes_in_a_file_url_are_undone(tmp_path: Path):
    artifact_store(f"file://{tmp_path}/a%20b", reserve=0).put([b"abc"], limit=10)

    assert (tmp_path / "a b").is_dir()


NO_STORES = [
    *(" ", "file://", "file:///", "file://host/x"),
    *("s3://", "s3:///p", "S3://b", "http://h/x", "s3://b/p?x=1"),
]


@pytest.mark.parametrize("url", ["", *NO_STORES])
def test_other_urls_name_no_store(url: str):
    with pytest.raises(NoSuchStore, match="names no artifact store; it is a folder"):
        artifact_store(url)


@pytest.mark.parametrize("url", NO_STORES)
def test_settings_refuse_what_names_no_store(url: str):
    with pytest.raises(ValidationError, match="it is a folder"):
        load_settings(artifact_store=url)


@pytest.mark.parametrize(
    "url", ["relative", "/srv/a b", "file:///a%20b", "file://localhost/a", "s3://b", "s3://b/p/q/"]
)
def test_settings_take_what_names_a_store(url: str):
    artifact_store(url)

    assert load_settings(artifact_store=url).artifacts == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://bob:pw@h:8443/a/b.tgz?sig=x#y", "https://h:8443/a/b.tgz"),
        ("http://h/b", "http://h/b"),
        ("http://h:port/b", "this address"),
        ("http://[::1", "this address"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str):
    assert public_address(url) == shown
