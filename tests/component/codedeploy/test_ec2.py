"""EC2 instances as AWS's clients and `/v1` see them: groups that have them, targets, and links."""

from typing import Any

import pytest

from component.api.conftest import HOST_KEY, Service
from component.codedeploy.conftest import Aws, refused
from component.codedeploy.shops import ALL, FOUND, Shop
from tidegate.domain.instances import FoundInstance, InstanceState
from tidegate.engine.advance import advance_deployment
from tidegate.store.searches import Stage
from tidegate.testing.fake_instances import FakeInstances

WEB = [{"Key": "role", "Value": "w*b", "Type": "KEY_AND_VALUE"}]
GROUP = "/v1/applications/shop/deployment-groups/prod"
CONDITION = {"key": "role", "value": "web", "type": "KEY_AND_VALUE"}
EC2 = {
    "tag_filters": [[CONDITION]],
    "auto_scaling_groups": ["asg-1"],
    "outdated_instances": "IGNORE",
    "reach": "ssh",
    "address": "public",
    "host_ca": HOST_KEY,
    "trust_on_first_use": False,
}
NOTHING = {
    "tag_filters": [],
    "auto_scaling_groups": [],
    "outdated_instances": "UPDATE",
    "reach": "ssm",
    "address": "private",
    "host_ca": None,
    "trust_on_first_use": False,
}


@pytest.fixture
def shop(aws: Aws) -> Shop:
    return Shop(aws, onPremisesInstanceTagFilters=[], ec2TagFilters=WEB, autoScalingGroups=["a"])


@pytest.fixture
def service(shop: Shop) -> Service:
    return shop.service


def started(shop: Shop) -> tuple[str, str]:
    """Deploy to one instance; return the deployment's id and that of the instance."""
    id_ = shop.deploy(deploymentConfigName=ALL)
    account = FakeInstances()
    instance = account.launch("a")
    store = shop.service.parts.store
    with store.write() as uow:
        uow.bundles.keep(id_, FOUND)
    advance_deployment(id_, store=store)
    with store.write() as uow:
        search = uow.searches.get(id_)
        assert search is not None
        assert search.stage is Stage.ASKED
        told = list(account.instances.values())
        uow.catalog.keep_instances(told, at=uow.now(), ids=uow.ids)
        found = [FoundInstance(instance, InstanceState.RUNNING)]
        uow.searches.found(search, found, at=uow.now())
    advance_deployment(id_, store=store)
    return id_, instance


def test_a_target_is_named_by_the_id_and_the_arn_of_its_instance(shop: Shop):
    id_, instance = started(shop)
    arn = f"arn:aws:ec2:us-east-1:123456789012:instance/{instance}"

    (named,) = shop.client.list_deployment_targets(deploymentId=id_)["targetIds"]
    target = shop.client.get_deployment_target(deploymentId=id_, targetId=instance)
    (of_old,) = shop.client.list_deployment_instances(deploymentId=id_)["instancesList"]
    summary = shop.client.get_deployment_instance(deploymentId=id_, instanceId=instance)

    assert named == of_old == instance
    assert target["deploymentTarget"]["instanceTarget"]["targetArn"] == arn
    assert summary["instanceSummary"]["instanceId"] == arn


def test_an_instance_of_ec2_is_no_on_premises_instance(shop: Shop):
    _, instance = started(shop)
    client = shop.client

    assert client.list_on_premises_instances()["instanceNames"] == []
    batch = client.batch_get_on_premises_instances(instanceNames=[instance])
    assert batch["instanceInfos"] == []
    code = "InstanceNotRegisteredException"
    refused(code, lambda: client.get_on_premises_instance(instanceName=instance))
    tags = [{"Key": "role", "Value": "web"}]
    refused(
        code,
        lambda: client.add_tags_to_on_premises_instances(instanceNames=[instance], tags=tags),
    )
    client.deregister_on_premises_instance(instanceName=instance)
    found = shop.service.get("/v1/hosts?ec2=true").json()["items"]
    assert [(one["name"], one["deregistered_at"]) for one in found] == [(instance, None)]


def test_found_instances_are_listed_apart_and_changed_by_nobody(shop: Shop):
    shop.with_instance()
    _, instance = started(shop)

    mine = shop.service.get("/v1/hosts").json()["items"]
    (found,) = shop.service.get("/v1/hosts?ec2=true").json()["items"]
    body = {"address": "127.0.0.1", "host_key": HOST_KEY}
    changed = shop.service.ask("PUT", f"/v1/hosts/{instance}", json=body)
    named = shop.service.ask("PUT", GROUP, json={"hosts": [instance]})

    assert [one["name"] for one in mine] == ["web-1"]
    assert [one["instance"] for one in mine] == [None]
    assert (found["name"], found["driver"]) == (instance, "")
    assert found["instance"]["auto_scaling_group"] == "a"
    assert found["instance"]["private_address"] == "10.0.0.1"
    assert changed.status_code == 422
    assert "tidegate group ec2" in changed.json()["detail"]
    assert named.status_code == 404


def test_the_host_key_of_a_found_instance_is_made_known_and_forgotten(shop: Shop):
    _, instance = started(shop)

    def patch(**body: object) -> Any:
        return shop.service.ask("PATCH", f"/v1/hosts/{instance}", json=body)

    known = patch(host_key=HOST_KEY)
    wrong = patch(host_key="nonsense")
    more = patch(host_key=HOST_KEY, user="root")
    kept = shop.service.get(f"/v1/hosts/{instance}").json()
    forgotten = patch(host_key=None)

    assert known.json()["host_key"] == kept["host_key"] == HOST_KEY
    assert kept["instance"]["id"] == instance
    assert (wrong.status_code, more.status_code) == (422, 422)
    assert "is no known_hosts key" in wrong.json()["detail"]
    assert "only its host key can be set" in more.json()["detail"]
    assert forgotten.json()["host_key"] is None


def test_a_deployment_and_the_one_that_follows_name_each_other(shop: Shop):
    id_, _ = started(shop)
    follow_up = "d-FOLLOWING"
    with shop.service.parts.store.write() as uow:
        uow.searches.end(id_, at=uow.now(), look_after=True)
        search = uow.searches.get(id_)
        assert search is not None
        uow.searches.close(search, follow_up)  # type: ignore[arg-type]

    info = shop.info(id_)
    shown = shop.service.get(f"/v1/deployments/{id_}").json()["follow_up"]

    assert info["relatedDeployments"] == {"autoUpdateOutdatedInstancesDeploymentIds": [follow_up]}
    assert shown == {"root_deployment_id": None, "follow_up_deployment_id": follow_up}


def test_what_aws_said_of_instances_is_shown_by_v1_and_the_other_way_round(
    shop: Shop, service: Service
):
    first = service.get(GROUP).json()["ec2"]
    put = service.ask("PUT", GROUP, json={"ec2": EC2})
    info: Any = shop.client.get_deployment_group(
        applicationName="shop", deploymentGroupName="prod"
    )["deploymentGroupInfo"]

    assert first["tag_filters"] == [[{**CONDITION, "value": "w*b"}]]
    assert first["auto_scaling_groups"] == ["a"]
    assert (first["reach"], first["address"]) == ("ssm", "private")
    assert put.json()["ec2"] == EC2
    assert info["ec2TagFilters"] == [{**WEB[0], "Value": "web"}]
    assert [one["name"] for one in info["autoScalingGroups"]] == ["asg-1"]
    assert info["outdatedInstancesStrategy"] == "IGNORE"


def test_what_nobody_speaks_of_stays_and_an_empty_object_takes_all_away(
    shop: Shop, service: Service
):
    service.ask("PUT", GROUP, json={"ec2": EC2})

    shop.client.update_deployment_group(
        applicationName="shop",
        currentDeploymentGroupName="prod",
        autoScalingGroups=["asg-2"],
    )
    kept = service.ask("PUT", GROUP, json={}).json()["ec2"]
    emptied = service.ask("PUT", GROUP, json={"ec2": {}}).json()["ec2"]

    assert kept == {**EC2, "auto_scaling_groups": ["asg-2"]}
    assert emptied == NOTHING


@pytest.mark.parametrize(
    ("ec2", "words"),
    [
        ({"reach": "ssh"}, "need the host_ca that signs their host keys"),
        ({"reach": "ssh", "host_ca": "nonsense"}, "is no known_hosts key"),
        ({"reach": "ssh", "host_ca": f"@revoked {HOST_KEY}"}, "is no known_hosts key"),
        ({"host_ca": "x" * 9000}, "8000 characters at most"),
        ({"auto_scaling_groups": [f"asg-{n}" for n in range(11)]}, "10"),
        ({"auto_scaling_groups": ["a" * 300]}, "255"),
        ({"reach": "telnet"}, "ssm"),
        ({"tag_filters": [[]]}, "it must have 1 to 10"),
    ],
)
def test_what_cannot_be_is_refused(service: Service, ec2: dict[str, Any], words: str):
    answer = service.ask("PUT", GROUP, json={"ec2": ec2})

    assert answer.status_code == 422
    assert words in answer.text


def test_a_group_for_lambda_has_no_instances(service: Service):
    service.post("/v1/applications", {"name": "fun", "compute_platform": "Lambda"})
    path = "/v1/applications/fun/deployment-groups"

    answer = service.post(path, {"name": "prod", "ec2": {"auto_scaling_groups": ["asg-1"]}})

    assert answer.status_code == 422
    assert "has no EC2 instances" in answer.json()["detail"]
