"""Groups for ECS that `/v1` and CodeDeploy's own API share."""

from component.api import worker
from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import ECS
from component.codedeploy.shops import Shop
from component.codedeploy.test_traffic_deployments import appspec_content
from component.engine.traffic import ecs_appspec

GROUP = "/v1/applications/shop/deployment-groups/prod"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/b/{}"


def several() -> list[dict]:
    return [
        {"target_groups": [f"{n}-blue", f"{n}-green"], "prod_listeners": [LISTENER.format(n)]}
        for n in ("web", "admin")
    ]


def test_what_codedeploy_made_stays_when_v1_replaces_the_group(aws: Aws):
    shop = Shop(aws, platform="ECS", **ECS)
    before = shop.groups.get()

    answer = aws.service.ask("PUT", GROUP, json={"variables": {"A": "b"}})

    assert answer.status_code == 200, answer.text
    assert answer.json()["ecs_service"]["service"] == before["ecsServices"][0]["serviceName"]
    [pair] = answer.json()["target_group_pairs"]
    [told] = before["loadBalancerInfo"]["targetGroupPairInfoList"]
    assert pair["target_groups"] == [one["name"] for one in told["targetGroups"]]
    assert shop.groups.get() == before


def test_several_pairs_are_of_v1_and_both_deploy_to_them(aws: Aws):
    shop = Shop(aws, platform="ECS", **ECS)
    answer = aws.service.ask("PUT", GROUP, json={"target_group_pairs": several()})
    assert answer.status_code == 200, answer.text

    id_ = shop.deploy(appspec_content(ecs_appspec()))
    worker.advance(aws.service, id_)

    assert shop.info(id_)["status"] == "InProgress"
    [target] = aws.service.get(f"/v1/deployments/{id_}/targets").json()["items"]
    assert len(target["traffic"]["move"]["target_group_pairs"]) == 2
    listed = shop.groups.get()["loadBalancerInfo"]["targetGroupPairInfoList"]
    assert len(listed) == 2


def test_codedeploy_replaces_its_alarms_and_leaves_the_checks_of_v1_alone(aws: Aws):
    shop = Shop(aws)
    path = "/v1/applications/shop/deployment-groups/prod"
    check = {"name": "slow", "query": "latency", "comparison": ">", "threshold": 0.5}
    body = {"alarms": {"names": ["old"], "checks": [check]}}
    tags = aws.service.get(path).json()["tag_filters"]
    answer = aws.service.ask("PUT", path, json={**body, "tag_filters": tags})
    assert answer.status_code == 200, answer.text
    told = shop.groups.get()["alarmConfiguration"]

    shop.client.update_deployment_group(
        applicationName="shop",
        currentDeploymentGroupName="prod",
        alarmConfiguration={"enabled": True, "alarms": [{"name": "new"}]},
    )

    assert told == {"enabled": True, "ignorePollAlarmFailure": False, "alarms": [{"name": "old"}]}
    assert aws.service.get(path).json()["alarms"] == {
        "enabled": True,
        "ignore_poll_failure": False,
        "names": ["new"],
        "checks": [check],
    }
    cleared = {"enabled": True, "alarms": []}
    shop.groups.update(alarmConfiguration=cleared)
    assert aws.service.get(path).json()["alarms"]["checks"] == [check]
    assert shop.groups.get()["alarmConfiguration"]["alarms"] == []


def test_the_role_of_codedeploy_stays_unless_v1_says_another(aws: Aws):
    shop = Shop(aws, platform="ECS", **ECS)
    before = shop.groups.get()["serviceRoleArn"]
    other = "arn:aws:iam::123456789012:role/other"

    kept = aws.service.ask("PUT", GROUP, json={}).json()["service_role_arn"]
    said = aws.service.ask("PUT", GROUP, json={"service_role_arn": other})

    assert kept == before
    assert said.json()["service_role_arn"] == other == shop.groups.get()["serviceRoleArn"]


def test_codedeploy_leaves_several_pairs_alone_and_takes_none_itself(quick_aws: Aws):
    shop = Shop(quick_aws, platform="ECS", **ECS)
    quick_aws.service.ask("PUT", GROUP, json={"target_group_pairs": several()})
    pairs = shop.groups.get()["loadBalancerInfo"]
    update = shop.client.update_deployment_group
    named = {"applicationName": "shop", "currentDeploymentGroupName": "prod"}

    update(**named, autoRollbackConfiguration={"enabled": False})

    assert shop.groups.get()["loadBalancerInfo"] == pairs
    refused("InvalidTargetGroupPairException", update, **named, loadBalancerInfo=pairs)
