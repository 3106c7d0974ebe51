"""Deployment groups of an application, for tests: whole ones of each platform, and short calls."""

from typing import Any

from component.codedeploy.conftest import Aws, refused

ROLE = "arn:aws:iam::000000000000:role/codedeploy"
STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
TOPIC = {
    "triggerName": "news",
    "triggerTargetArn": "arn:aws:sns:us-east-1:000000000000:news",
    "triggerEvents": ["DeploymentFailure", "InstanceReady"],
}
PAIR = {
    "targetGroups": [{"name": "blue"}, {"name": "green"}],
    "prodTrafficRoute": {"listenerArns": ["arn:prod"]},
    "testTrafficRoute": {"listenerArns": ["arn:test"]},
}
FULL: dict[str, Any] = {
    "deploymentConfigName": "CodeDeployDefault.HalfAtATime",
    "ec2TagFilters": [{"Key": "role", "Value": "web", "Type": "KEY_AND_VALUE"}],
    "onPremisesInstanceTagFilters": [{"Key": "zone", "Type": "KEY_ONLY"}],
    "autoScalingGroups": ["asg-1", "asg-2"],
    "triggerConfigurations": [TOPIC],
    "alarmConfiguration": {
        "enabled": True,
        "ignorePollAlarmFailure": True,
        "alarms": [{"name": "hot"}, {"name": "cold"}],
    },
    "autoRollbackConfiguration": {
        "enabled": True,
        "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
    },
    "outdatedInstancesStrategy": "IGNORE",
    "terminationHookEnabled": True,
    "ec2DeploymentOptions": {"autoScalingGroupProcessesToSuspend": ["Terminate", "AZRebalance"]},
}
BLUE_GREEN: dict[str, Any] = {
    "deploymentStyle": STYLE,
    "loadBalancerInfo": {"targetGroupInfoList": [{"name": "web"}]},
    "autoScalingGroups": ["asg-1"],
    "blueGreenDeploymentConfiguration": {
        "greenFleetProvisioningOption": {"action": "COPY_AUTO_SCALING_GROUP"},
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "KEEP_ALIVE"},
    },
}
LAMBDA: dict[str, Any] = {"deploymentStyle": STYLE}
ECS: dict[str, Any] = {
    "deploymentStyle": STYLE,
    "ecsServices": [{"clusterName": "main", "serviceName": "web"}],
    "loadBalancerInfo": {"targetGroupPairInfoList": [PAIR]},
    "blueGreenDeploymentConfiguration": {
        "deploymentReadyOption": {
            "actionOnTimeout": "CONTINUE_DEPLOYMENT",
            "waitTimeInMinutes": 0,
        },
        "terminateBlueInstancesOnDeploymentSuccess": {
            "action": "TERMINATE",
            "terminationWaitTimeInMinutes": 5,
        },
    },
}


def ec2_filter(key: str) -> dict[str, str]:
    return {"Key": key, "Value": "x", "Type": "KEY_AND_VALUE"}


class Groups:
    """The groups of the application `shop`, which is made with them."""

    def __init__(self, aws: Aws, *, platform: str = "Server", client: Any = None) -> None:
        self.client = client or aws.client()
        if client is None:
            self.client.create_application(applicationName="shop", computePlatform=platform)
        application = self.client.get_application(applicationName="shop")["application"]
        self.application_id = application["applicationId"]

    def create(self, name: str = "prod", **said: Any) -> Any:
        return self.client.create_deployment_group(
            applicationName="shop",
            deploymentGroupName=name,
            **{"serviceRoleArn": ROLE, **said},
        )

    def refuses(self, code: str, name: str = "prod", **said: Any) -> str:
        return refused(code, lambda: self.create(name, **said))

    def get(self, name: str = "prod") -> Any:
        return self.client.get_deployment_group(applicationName="shop", deploymentGroupName=name)[
            "deploymentGroupInfo"
        ]

    def update(self, name: str = "prod", **said: Any) -> Any:
        return self.client.update_deployment_group(
            applicationName="shop", currentDeploymentGroupName=name, **said
        )

    def refuses_update(self, code: str, name: str = "prod", **said: Any) -> str:
        return refused(code, lambda: self.update(name, **said))

    def delete(self, name: str = "prod") -> Any:
        return self.client.delete_deployment_group(applicationName="shop", deploymentGroupName=name)

    def names(self) -> list[str]:
        return self.client.list_deployment_groups(applicationName="shop")["deploymentGroups"]
