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


def test_codedeploy_leaves_several_pairs_alone_and_takes_none_itself(quick_aws: Aws):
    shop = Shop(quick_aws, platform="ECS", **ECS)
    quick_aws.service.ask("PUT", GROUP, json={"target_group_pairs": several()})
    pairs = shop.groups.get()["loadBalancerInfo"]
    update = shop.client.update_deployment_group
    named = {"applicationName": "shop", "currentDeploymentGroupName": "prod"}

    update(**named, autoRollbackConfiguration={"enabled": False})

    assert shop.groups.get()["loadBalancerInfo"] == pairs
    refused("InvalidTargetGroupPairException", update, **named, loadBalancerInfo=pairs)
