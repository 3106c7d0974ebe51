"""What the demo moves traffic of, on the stand-in that it has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from parts.ports import free_port
from parts.s3 import LIKE_AWS, S3Server
from tidegate.testing.aws.place import Place
from tidegate.testing.aws.samples import SampleAlarm, SampleFunction, SampleService
from tidegate_cli.demo_subjects import CheckoutFunction, ShopService


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with S3Server(tmp_path_factory.mktemp("aws"), program=LIKE_AWS) as server:
        yield server.url


@pytest.fixture
def place(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    return Place(url=url, region="us-east-1", access_key_id="demo", secret_access_key="demo")


def test_a_function_is_seen_as_its_alias_stands(place: Place):
    function = CheckoutFunction()
    function.make(place)
    assert function.stands_at(1)
    assert function.sides(1, 2) == [("version 1", 100), ("version 2", 0)]

    place.client("lambda").update_alias(
        FunctionName="checkout",
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.2}},
    )

    assert function.sides(1, 2) == [("version 1", 80), ("version 2", 20)]
    assert not function.stands_at(1)
    assert not function.stands_at(2)
    assert function.seen() == "alias live of checkout  →  version 1 80 %, version 2 20 %"


def test_a_service_is_seen_as_both_listeners_and_its_task_sets_stand(place: Place):
    service = ShopService()
    service.make(place)
    assert service.stands_at(1)
    assert service.sides(1, 2) == [("shop:1", 100), ("shop:2", 0)]

    elb = place.client("elbv2")
    names = service.group()["target_group_pairs"][0]["target_groups"]
    groups = [elb.describe_target_groups(Names=[name])["TargetGroups"][0] for name in names]
    blue, green = (group["TargetGroupArn"] for group in groups)

    def forward(port: str, **weights: int) -> None:
        listener = service.group()["target_group_pairs"][0][f"{port}_listeners"][0]
        told = [
            {"TargetGroupArn": arn, "Weight": weights[name]}
            for name, arn in (("blue", blue), ("green", green))
        ]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": told}}
        elb.modify_listener(ListenerArn=listener, DefaultActions=[action])

    forward("prod", blue=60, green=40)
    assert service.sides(1, 2) == [("shop:1", 60), ("shop:2", 40)]
    assert not service.stands_at(1)
    forward("prod", blue=100, green=0)
    assert service.stands_at(1)
    forward("test", blue=0, green=100)
    assert not service.stands_at(1)
    assert service.seen() == (
        "listener of shop  →  shop-blue 100 %, shop-green 0 %; task sets: shop:1 PRIMARY"
    )


def test_an_alarm_is_lit_and_put_out(place: Place):
    alarm = SampleAlarm.make(place, "checkout-errors")
    states = [alarm.state()]
    alarm.light()
    states.append(alarm.state())
    alarm.put_out()

    assert [*states, alarm.state()] == ["OK", "ALARM", "OK"]


def test_where_nobody_answers_nothing_is_so():
    nowhere = Place(
        url=f"http://127.0.0.1:{free_port()}",
        region="us-east-1",
        access_key_id="demo",
        secret_access_key="demo",
    )

    assert SampleFunction(nowhere, "checkout", alias="live").shares() == {}
    assert SampleService(nowhere, "shop").shares() == {}
    assert SampleService(nowhere, "shop").running() == {}
    assert SampleAlarm(nowhere, "errors").state() == ""
