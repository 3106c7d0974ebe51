"""Settings that cannot be taken end a process with one sentence, which holds no password."""

import pytest

from tidegate_cli.refusal import CannotStart, chosen_settings


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MAX_ENTRIES", "0", "'0': input should be greater than or equal to 1"),
        ("LEASE_SECONDS", "5", "workers show life every 2 s, and may be late; it is 6 or more"),
        ("LEASE_SECONDS", "nan", "it is 6 or more"),
        ("DATABASE_URL", "oracle://u:pw@db/x", "it begins with postgresql+psycopg:// or sqlite"),
        ("DATABASE_URL", "pw", "it begins with postgresql+psycopg:// or sqlite"),
        ("BROKER_URL", "kafka://u:pw@mq", "it begins with redis://"),
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
        ("BROKER_URL", "redis+socket:///srv/redis.sock"),
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
