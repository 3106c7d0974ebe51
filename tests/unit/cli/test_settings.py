"""Settings that cannot be taken end a process with one sentence, which holds no password."""

from pathlib import Path

import pytest

from tidegate.secret_files import LARGEST, given_to, secret_names
from tidegate.settings import Settings
from tidegate_cli.refusal import CannotStart, chosen_settings


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MAX_ENTRIES", "0", "'0': input should be greater than or equal to 1"),
        ("LEASE_SECONDS", "5", "workers show life every 2 s, and may be late; it is 6 or more"),
        ("LEASE_SECONDS", "nan", "it is 6 or more"),
        ("DATABASE_URL", "oracle://u:pw@db/x", "it begins with postgresql+psycopg:// or sqlite"),
        ("DATABASE_URL", "pw", "it begins with postgresql+psycopg:// or sqlite"),
        ("DATABASE_URL", "postgresql://u:pw@db:port/x", "its port is no number"),
        ("ARTIFACT_STORE", "S3://bucket/prefix", "or s3://bucket/prefix."),
        ("BROKER_URL", "kafka://u:pw@mq", "it begins with redis://"),
        ("BROKER_URL", "redis://u:pw/w@redis:6379/0", "is written as %2F for /"),
        ("BROKER_URL", "amqp://u:pw#w@mq//", "is written as %2F for /"),
        ("BROKER_URL", "amqp://u:pw@mq//;amqp://u:pw@mq:port//", "its port is no number"),
        ("BROKER_URL", "redis://u:pw@redis/first", "a database of Redis is a number"),
        ("BROKER_URL", "amqps://u:pw@mq//?ssl_ca_certs=/ca", "only Redis takes ssl_ words"),
        ("BROKER_URL", "rediss://redis?ssl_cert_reqs=yes", "its ssl_cert_reqs is none of"),
        ("SECRET_KEY", "pw" * 20 + ",", "it has 32 characters or more"),
        ("EVENT_BUS", "a bus", "it is an event bus, by its name or as arn"),
        ("EVENT_BUS", "arn:aws:sns:eu-west-1:123456789012:t", "it is an event bus, by its name"),
        ("EVENT_SOURCE", "x y", "string should match pattern '^[A-Za-z0-9._/-]{1,256}$'"),
        ("PROMETHEUS_URL", "prometheus:9090", "it begins with http:// or https://"),
        ("PROMETHEUS_URL", "prometheus:9090", "; TIDEGATE_PROMETHEUS_TOKEN lets in."),
        ("PROMETHEUS_URL", "http://", "it begins with http:// or https://"),
        ("PROMETHEUS_URL", "http://[", "it begins with http:// or https://"),
        ("PROMETHEUS_URL", "https://u:pw@prometheus", "and names no user"),
        ("PROMETHEUS_URL", "https://prometheus/?token=pw", "and names no user"),
    ],
)
def test_a_value_that_cannot_be_taken_is_said_with_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
):
    monkeypatch.setenv(f"TIDEGATE_{name}", value)

    with pytest.raises(CannotStart) as refused:
        chosen_settings()

    assert str(refused.value).startswith(f"TIDEGATE_{name} cannot be ")
    assert sentence in str(refused.value)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "sqlite:////srv/tidegate.db"),
        ("DATABASE_URL", "postgresql+psycopg://tide@/tidegate?host=/run"),
        ("DATABASE_URL", "postgresql://u:p/w:#?@db:5432/tidegate?options=-c%20a:b@c"),
        ("DATABASE_URL", "postgresql://u:pw@[::1]:5432/tidegate"),
        ("BROKER_URL", "redis+socket:///srv/redis.sock"),
        ("BROKER_URL", "rediss://:pw@redis/1?ssl_cert_reqs=CERT_REQUIRED"),
        ("BROKER_URL", "sentinel://:pw@one:26379;sentinel://:pw@two:26379"),
        ("BROKER_URL", "amqp://guest@mq//"),
        ("EVENT_BUS", "default"),
        ("EVENT_BUS", "arn:aws:events:eu-west-1:123456789012:event-bus/all/deployments"),
        ("EVENT_SOURCE", "aws.codedeploy"),
        ("PROMETHEUS_URL", "http://127.0.0.1:9090"),
        ("PROMETHEUS_URL", "https://mimir.example.com/prometheus/"),
    ],
)
def test_each_database_broker_and_bus_that_is_supported_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv(f"TIDEGATE_{name}", value)

    chosen_settings()


def test_a_variable_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch):
    for name in ("DATA_DIR", "PORT", "BROKER_PREFIX"):
        monkeypatch.setenv(f"TIDEGATE_{name}", "")

    settings = chosen_settings()

    assert settings.data_dir.is_absolute()
    assert (settings.port, settings.broker_prefix) == (8080, "tidegate:")


SECRET = "pw" * 20
SECRETS = dict.fromkeys(secret_names(Settings), SECRET) | {
    "database_url": f"postgresql://tide:{SECRET}@db/tide",
    "broker_url": f"redis://:{SECRET}@redis/0",
}


@pytest.mark.parametrize(("name", "secret"), SECRETS.items())
def test_each_secret_may_lie_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, secret: str
):
    monkeypatch.setenv(f"TIDEGATE_{name.upper()}_FILE", written(tmp_path, f"{secret}\n".encode()))
    monkeypatch.setenv(f"TIDEGATE_{name.upper()}", "")

    settings = chosen_settings()

    assert getattr(settings, name).get_secret_value() == secret
    assert SECRET not in repr(settings)


def test_what_is_no_secret_lies_in_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TIDEGATE_PORT_FILE", written(tmp_path, b"1"))

    assert chosen_settings().port == 8080


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "it cannot be read (No such file or directory)."),
        (b"", "it is empty; write the secret into it."),
        (b" \n", "it is empty; write the secret into it."),
        (b"pw" * LARGEST, "it is larger than 65536 bytes."),
        (b"pw\xff", "it holds no text in UTF-8."),
    ],
    ids=["missing", "empty", "blank", "large", "binary"],
)
def test_a_file_that_cannot_be_taken_is_said_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, sentence: str
):
    path = written(tmp_path, content)
    monkeypatch.setenv("TIDEGATE_BROKER_URL_FILE", path)

    with pytest.raises(CannotStart) as refused:
        chosen_settings()

    assert str(refused.value) == f"TIDEGATE_BROKER_URL_FILE cannot be '{path}': {sentence}"


def test_a_folder_holds_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TIDEGATE_BROKER_URL_FILE", str(tmp_path))

    with pytest.raises(CannotStart, match=r"it cannot be read \(Is a directory\)"):
        chosen_settings()


def test_a_secret_is_given_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TIDEGATE_SECRET_KEY_FILE", written(tmp_path, SECRET.encode()))
    monkeypatch.setenv("TIDEGATE_SECRET_KEY", SECRET)

    with pytest.raises(CannotStart) as refused:
        chosen_settings()

    assert str(refused.value).endswith("with TIDEGATE_SECRET_KEY it is given twice; give one.")
    assert "pw" not in str(refused.value)


def test_what_is_in_the_file_is_checked_as_all_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TIDEGATE_SECRET_KEY_FILE", written(tmp_path, b"pw"))

    with pytest.raises(CannotStart) as refused:
        chosen_settings()

    assert str(refused.value) == (
        "TIDEGATE_SECRET_KEY cannot be what it is: it has 32 characters or more."
    )


def test_a_secret_that_is_handed_on_takes_the_place_of_a_file():
    before = {"TIDEGATE_BROKER_URL_FILE": "/run/secrets/broker_url", "PATH": "/bin"}

    assert given_to(before, {"TIDEGATE_BROKER_URL": "memory://"}) == {
        "TIDEGATE_BROKER_URL": "memory://",
        "PATH": "/bin",
    }


def written(folder: Path, content: bytes | None) -> str:
    path = folder / "secret"
    if content is not None:
        path.write_bytes(content)
    return str(path)
