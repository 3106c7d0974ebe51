"""A request for each error that an operation declares: which one, and what is wrong with it.

Most follow from the members that a request has; an operation that is new has them at once.
"""

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import OperationModel, StructureShape

from component.codedeploy import wrongs_of_deployments
from component.codedeploy.bodies import KNOWN, PREFIX, USER
from component.codedeploy.conftest import MODEL
from component.codedeploy.groups import ECS, ROLE, ec2_filter
from component.codedeploy.test_group_rules import WRONG
from component.codedeploy.test_revisions import PLAIN
from component.codedeploy.wrongs_of_deployments import ABSENT, DONE

Request = dict[str, Any]
TAG: Final = {"Key": "team", "Value": "blue"}
MINIMUM: Final = {"type": "HOST_COUNT", "value": 1}
FULL_REGION: Final = "eu-west-1"
"""Where there is as much of everything as may be."""

BY_MEMBER: Final[tuple[tuple[str, str, Any], ...]] = (
    ("ApplicationNameRequired", "applicationName", ABSENT),
    ("ApplicationNameRequired", "applicationNames", []),
    ("InvalidApplicationName", "applicationName", "a b"),
    ("InvalidApplicationName", "applicationNames", ["shop", "a b"]),
    ("ApplicationDoesNotExist", "applicationName", "none"),
    ("ApplicationDoesNotExist", "applicationNames", ["shop", "none"]),
    ("ApplicationDoesNotExist", "ResourceArn", f"{PREFIX}:application:none"),
    ("DeploymentGroupNameRequired", "deploymentGroupName", ABSENT),
    ("DeploymentGroupNameRequired", "currentDeploymentGroupName", ABSENT),
    ("DeploymentGroupNameRequired", "deploymentGroupNames", []),
    ("InvalidDeploymentGroupName", "deploymentGroupName", "a/b"),
    ("InvalidDeploymentGroupName", "currentDeploymentGroupName", "a/b"),
    ("InvalidDeploymentGroupName", "deploymentGroupNames", ["prod", "a/b"]),
    ("DeploymentGroupDoesNotExist", "deploymentGroupName", "none"),
    ("DeploymentGroupDoesNotExist", "currentDeploymentGroupName", "none"),
    ("DeploymentGroupDoesNotExist", "ResourceArn", f"{PREFIX}:deploymentgroup:shop/none"),
    ("DeploymentConfigNameRequired", "deploymentConfigName", ABSENT),
    ("InvalidDeploymentConfigName", "deploymentConfigName", "a b"),
    ("DeploymentConfigDoesNotExist", "deploymentConfigName", "none"),
    ("DeploymentConfigDoesNotExist", "ResourceArn", f"{PREFIX}:deploymentconfig:none"),
    ("DeploymentIdRequired", "deploymentId", ABSENT),
    ("DeploymentIdRequired", "deploymentIds", []),
    ("InvalidDeploymentId", "deploymentId", "d-1"),
    ("InvalidDeploymentId", "deploymentIds", ["d-1"]),
    ("DeploymentDoesNotExist", "deploymentId", "d-NOBODYS00"),
    ("InstanceNameRequired", "instanceName", ABSENT),
    ("InstanceNameRequired", "instanceNames", []),
    ("InvalidInstanceName", "instanceName", "a b"),
    ("InvalidInstanceName", "instanceNames", ["web-1", "a b"]),
    ("InstanceNotRegistered", "instanceName", "nobody"),
    ("InstanceNotRegistered", "instanceNames", ["web-1", "nobody"]),
    ("InstanceLimitExceeded", "instanceNames", ["web-1"] * 101),
    ("BatchLimitExceeded", "applicationNames", ["shop"] * 101),
    ("BatchLimitExceeded", "deploymentGroupNames", ["prod"] * 101),
    ("BatchLimitExceeded", "deploymentIds", ["d-NOBODYS00"] * 101),
    ("BatchLimitExceeded", "instanceNames", ["web-1"] * 101),
    ("BatchLimitExceeded", "revisions", [PLAIN] * 26),
    ("InvalidNextToken", "nextToken", "x"),
    ("InvalidComputePlatform", "computePlatform", "EC2"),
    ("ResourceArnRequired", "ResourceArn", ABSENT),
    ("InvalidArn", "ResourceArn", "shop"),
    ("ArnNotSupported", "ResourceArn", f"{PREFIX}:instance:web-1_ABCDEFGHIJ"),
    ("TagRequired", "Tags", []),
    ("TagRequired", "TagKeys", []),
    ("TagRequired", "tags", []),
    ("InvalidTagsToAdd", "Tags", [{"Key": "aws:a", "Value": "b"}]),
    ("InvalidTagsToAdd", "tags", [{"Key": "aws:a", "Value": "b"}]),
    ("InvalidTag", "tags", [{"Key": "", "Value": "b"}]),
    ("TagLimitExceeded", "tags", [{"Key": str(n), "Value": "b"} for n in range(51)]),
    ("RevisionRequired", "revision", ABSENT),
    ("RevisionRequired", "revisions", []),
    ("InvalidRevision", "revision", {"revisionType": "S3"}),
    ("InvalidRevision", "revisions", [{"revisionType": "S3"}]),
    ("DescriptionTooLong", "description", "a" * 257),
)
"""The error, the member of the request, and what is wrong in it."""

WHOLE: Final[Mapping[str, Request]] = {
    "CreateApplication": {"applicationName": "new"},
    "CreateDeploymentConfig": {"deploymentConfigName": "new", "minimumHealthyHosts": MINIMUM},
    "CreateDeploymentGroup": {
        "applicationName": "shop",
        "deploymentGroupName": "new",
        "serviceRoleArn": ROLE,
    },
    "RegisterOnPremisesInstance": {"instanceName": "web-9", "iamUserArn": f"{USER}-9"},
    "TagResource": {"ResourceArn": KNOWN["ResourceArn"][0], "Tags": [TAG]},
    "UntagResource": {"ResourceArn": KNOWN["ResourceArn"][0], "TagKeys": ["team"]},
    "UpdateApplication": {"applicationName": "shop", "newApplicationName": "store"},
    **wrongs_of_deployments.WHOLE,
}
"""Requests in which nothing is wrong, where that needs more than what the model requires."""

ONES: Final[Mapping[tuple[str, str], Request]] = {
    ("CreateApplication", "ApplicationAlreadyExists"): {"applicationName": "shop"},
    ("UpdateApplication", "ApplicationAlreadyExists"): {"newApplicationName": "fn"},
    ("CreateDeploymentConfig", "DeploymentConfigAlreadyExists"): {"deploymentConfigName": "mine"},
    ("CreateDeploymentConfig", "InvalidMinimumHealthyHostValue"): {
        "minimumHealthyHosts": {**MINIMUM, "value": -1}
    },
    ("CreateDeploymentConfig", "InvalidTrafficRoutingConfiguration"): {
        "trafficRoutingConfig": {"type": "AllAtOnce"}
    },
    ("CreateDeploymentConfig", "InvalidZonalDeploymentConfiguration"): {
        "zonalConfig": {"monitorDurationInSeconds": -1}
    },
    ("DeleteDeploymentConfig", "DeploymentConfigInUse"): {"deploymentConfigName": "used"},
    ("DeleteDeploymentConfig", "InvalidOperation"): {
        "deploymentConfigName": "CodeDeployDefault.AllAtOnce"
    },
    ("CreateDeploymentGroup", "DeploymentGroupAlreadyExists"): {"deploymentGroupName": "prod"},
    ("UpdateDeploymentGroup", "DeploymentGroupAlreadyExists"): {"newDeploymentGroupName": "used"},
    ("UpdateDeploymentGroup", "DeploymentConfigDoesNotExist"): {"deploymentConfigName": "none"},
    ("UpdateDeploymentGroup", "InvalidBlueGreenDeploymentConfiguration"): {
        "blueGreenDeploymentConfiguration": {"greenFleetProvisioningOption": {}}
    },
    ("CreateDeploymentGroup", "ECSServiceMappingLimitExceeded"): {
        "applicationName": "tasks",
        **ECS,
    },
    ("UpdateDeploymentGroup", "ECSServiceMappingLimitExceeded"): {
        "applicationName": "tasks",
        "currentDeploymentGroupName": "other",
        "ecsServices": ECS["ecsServices"],
    },
    ("RegisterOnPremisesInstance", "InstanceNameAlreadyRegistered"): {"instanceName": "web-1"},
    ("RegisterOnPremisesInstance", "IamArnRequired"): {"iamUserArn": ABSENT},
    ("RegisterOnPremisesInstance", "MultipleIamArnsProvided"): {
        "iamSessionArn": KNOWN["iamSessionArn"][0]
    },
    ("RegisterOnPremisesInstance", "InvalidIamUserArn"): {"iamUserArn": "web"},
    ("RegisterOnPremisesInstance", "IamUserArnAlreadyRegistered"): {"iamUserArn": USER},
    ("RegisterOnPremisesInstance", "InvalidIamSessionArn"): {
        "iamUserArn": ABSENT,
        "iamSessionArn": "web",
    },
    ("RegisterOnPremisesInstance", "IamSessionArnAlreadyRegistered"): {
        "iamUserArn": ABSENT,
        "iamSessionArn": KNOWN["iamSessionArn"][0],
    },
    ("ListOnPremisesInstances", "InvalidRegistrationStatus"): {"registrationStatus": "Gone"},
    ("ListOnPremisesInstances", "InvalidTagFilter"): {"tagFilters": [{"Type": "KEY_ONLY"}]},
    ("GetApplicationRevision", "RevisionDoesNotExist"): {"revision": PLAIN},
    ("ListApplicationRevisions", "InvalidSortBy"): {"sortBy": "colour"},
    ("ListApplicationRevisions", "InvalidSortOrder"): {"sortOrder": "up"},
    ("ListApplicationRevisions", "InvalidBucketNameFilter"): {"s3Bucket": "Not A Bucket"},
    ("ListApplicationRevisions", "InvalidKeyPrefixFilter"): {
        "s3Bucket": "bundles",
        "s3KeyPrefix": "a" * 1025,
    },
    ("ListApplicationRevisions", "BucketNameFilterRequired"): {"s3KeyPrefix": "a"},
    ("ListApplicationRevisions", "InvalidDeployedStateFilter"): {"deployed": "maybe"},
    **wrongs_of_deployments.ONES,
    ("DeleteGitHubAccountToken", "GitHubAccountTokenNameRequired"): {"tokenName": ABSENT},
    ("DeleteGitHubAccountToken", "InvalidGitHubAccountTokenName"): {"tokenName": "a\nb"},
    ("DeleteGitHubAccountToken", "GitHubAccountTokenDoesNotExist"): {"tokenName": "none"},
}
"""What is wrong in one operation alone, on top of its whole request."""

AT_THE_LIMIT: Final[Mapping[tuple[str, str], Request]] = {
    ("CreateApplication", "ApplicationLimitExceeded"): {},
    ("CreateDeploymentConfig", "DeploymentConfigLimitExceeded"): {},
    ("CreateDeploymentGroup", "DeploymentGroupLimitExceeded"): {"applicationName": "app-0000"},
}
"""What goes wrong only where there is as much as may be."""


def _of_groups() -> dict[tuple[str, str], Request]:
    """The first request for each rule of a deployment group, on servers and then on ECS."""
    found: dict[tuple[str, str], Request] = {}
    for application, platform in (("shop", "Server"), ("tasks", "ECS")):
        for code, said in WRONG[platform]:
            base = {"applicationName": application, **(ECS if platform == "ECS" else {})}
            found.setdefault(("CreateDeploymentGroup", code), {**base, **said})
            changed = {"applicationName": application, **said}
            found.setdefault(("UpdateDeploymentGroup", code), changed)
    both = {
        "ec2TagFilters": [ec2_filter("a")],
        "ec2TagSet": {"ec2TagSetList": [[ec2_filter("b")]]},
    }
    assert found["CreateDeploymentGroup", "InvalidEC2TagCombination"].keys() >= both.keys()
    return found


OF_GROUPS: Final = _of_groups()


def wrong_request(operation: str, code: str) -> tuple[str, Request] | None:
    """Return a region and a request that is refused there under *code*; None if there is none."""
    model = MODEL.operation_model(operation)
    pair = operation, code
    region = FULL_REGION if pair in AT_THE_LIMIT else "us-east-1"
    changes = AT_THE_LIMIT.get(pair, ONES.get(pair, OF_GROUPS.get(pair)))
    if changes is None:
        changes = _by_member(model, code)
    if changes is None:
        return None
    request = {**whole_request(model), **changes}
    return region, {name: value for name, value in request.items() if value is not ABSENT}


def whole_request(model: OperationModel) -> Request:
    """Return a request in which nothing is wrong, as far as the model can tell."""
    if model.input_shape is None:
        return {}
    return {**_required(model.input_shape), **WHOLE.get(model.name, {})}


def _required(shape: StructureShape) -> Request:
    return {name: _value(name, shape.members[name]) for name in shape.required_members}


def _value(name: str, shape: Any) -> Any:
    match shape.type_name:
        case "list":
            return [_value(name.removesuffix("s"), shape.member)]
        case "structure":
            return PLAIN if shape.name == "RevisionLocation" else TAG
    return DONE if name == "deploymentId" else KNOWN.get(name, ["x"])[0]


def _by_member(model: OperationModel, code: str) -> Request | None:
    members = model.input_shape.members if model.input_shape else {}
    for wrong, member, value in BY_MEMBER:
        if wrong == code and member in members:
            return {member: value}
    return None
