"""`tidegate access-key …`: made, used, listed and revoked."""

import json
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tidegate.domain.ids import RandomIds
from tidegate.settings import Settings
from tidegate_cli.prepare import ensure_secret_key


@pytest.fixture
def keyed(system):
    """A system whose first start has made the key of its secrets."""
    ensure_secret_key(system.settings)
    return system


def client(system, printed: str):
    key = dict(line.split("=", 1) for line in printed.splitlines())
    return boto3.session.Session().client(
        "codedeploy",
        endpoint_url=system.url,
        region_name="us-east-1",
        aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_key_opens_the_door_until_it_is_revoked(keyed):
    printed = keyed.must("access-key", "create", "--role", "admin", "--name", "pipeline")
    codedeploy = client(keyed, printed)
    codedeploy.create_application(applicationName="shop")
    listed = json.loads(keyed.must("access-key", "list", "--json"))

    assert [(one["name"], one["role"]) for one in listed] == [("pipeline", "admin")]
    assert listed[0]["access_key_id"] in printed
    assert listed[0]["last_used_at"] is not None
    assert "secret" not in json.dumps(listed)
    assert "shop" in keyed.must("app", "list")

    keyed.must("access-key", "revoke", listed[0]["access_key_id"])
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        codedeploy.list_applications()
    assert json.loads(keyed.must("access-key", "list", "--json"))[0]["revoked_at"] is not None


def test_a_key_without_a_name_is_called_by_its_role(keyed):
    first, second = (
        json.loads(keyed.must("access-key", "create", "--role", "deployer", "--json"))
        for _ in range(2)
    )

    assert (first["name"], second["name"]) == ("deployer-1", "deployer-2")
    assert len(first["secret_access_key"]) == 40
    assert first["secret_access_key"].encode() not in database_of(keyed)
    assert "deployer-2" in keyed.must("access-key", "list")


def test_what_is_refused_is_one_sentence(keyed):
    keyed.must("access-key", "create", "--name", "twice")

    for arguments, says in (
        (("create", "--name", "twice"), "already exists"),
        (("create", "--name", "a/b"), "cannot be the name"),
        (("create", "--name", ""), "cannot be the name"),
        (("revoke", "nobody"), "There is no access key 'nobody'"),
    ):
        done = keyed.cli("access-key", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert says in done.stderr


def test_without_a_key_for_secrets_none_is_made(system):
    done = system.cli("access-key", "create")

    assert done.returncode == 1
    assert "TIDEGATE_SECRET_KEY" in done.stderr


def test_the_first_start_makes_the_key_for_secrets_and_later_ones_keep_it(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    ensure_secret_key(settings)
    kept = settings.secret_keys
    ensure_secret_key(settings)
    given = Settings(data_dir=tmp_path / "other", secret_key=RandomIds().secret())
    ensure_secret_key(given)

    assert settings.secret_keys == kept
    assert settings.kept_key.stat().st_mode & 0o777 == 0o600
    assert not given.kept_key.exists()


def database_of(system) -> bytes:
    folder = system.settings.data_dir
    return b"".join(path.read_bytes() for path in folder.glob("tidegate.db*"))
