"""Requests about deployments that are refused: which one, and what is wrong with it."""

from collections.abc import Mapping
from typing import Any, Final

from component.codedeploy.test_revisions import APPSPEC, S3, SHA256

ABSENT: Final = object()
"""The value of a member that is not there."""
DONE: Final = "<the one that succeeded>"
BUSY: Final = "<the one that has not started>"
OF_ECS: Final = "<the one that moves traffic>"
HOOKED: Final = "<the one whose hook has spoken>"
CALL: Final = "<what that hook was called as>"
TRAFFIC: Final = {"applicationName": "tasks", "revision": APPSPEC}
ONE_ID: Final = {"deploymentId": DONE}
HAS_NOT_STARTED: Final = {"deploymentId": BUSY}
MOVES_TRAFFIC: Final = {"deploymentId": OF_ECS}
HAS_SPOKEN: Final = {"deploymentId": HOOKED, "lifecycleEventHookExecutionId": CALL}
WORD: Final = {"status": "Succeeded"}

WHOLE: Final[Mapping[str, dict[str, Any]]] = {
    "CreateDeployment": {
        "applicationName": "shop",
        "deploymentGroupName": "prod",
        "revision": S3,
    },
    "ListDeployments": {"applicationName": "shop", "deploymentGroupName": "prod"},
    "GetDeploymentTarget": {"targetId": "web-1"},
    "BatchGetDeploymentTargets": {"targetIds": ["web-1"]},
    "GetDeploymentInstance": {"instanceId": "web-1"},
    "BatchGetDeploymentInstances": {"instanceIds": ["web-1"]},
    "ContinueDeployment": ONE_ID,
    "SkipWaitTimeForInstanceTermination": ONE_ID,
    "PutLifecycleEventHookExecutionStatus": {
        **MOVES_TRAFFIC,
        "lifecycleEventHookExecutionId": "x",
        "status": "Succeeded",
    },
}
_CREATING: Final[dict[str, dict[str, Any]]] = {
    "InvalidTargetInstances": {"targetInstances": {"autoScalingGroups": ["asg-1"]}},
    "InvalidAlarmConfig": {"overrideAlarmConfiguration": {"enabled": True}},
    "AlarmsLimitExceeded": {
        "overrideAlarmConfiguration": {"alarms": [{"name": str(n)} for n in range(51)]}
    },
    "InvalidAutoRollbackConfig": {"autoRollbackConfiguration": {"enabled": True}},
    "InvalidFileExistsBehavior": {"fileExistsBehavior": "MAYBE"},
    "InvalidInput": {"deploymentMode": "SLEEP"},
    "InvalidAutoScalingGroupProcessToSuspend": {
        "ec2DeploymentOptions": {"autoScalingGroupProcessesToSuspend": ["Sleep"]}
    },
    "DeploymentLimitExceeded": {"deploymentGroupName": "busy"},
    "InvalidLoadBalancerInfo": {**TRAFFIC, "deploymentGroupName": "bare"},
    "InvalidComputePlatform": {**TRAFFIC, "revision": ABSENT, "deploymentMode": "RESTART"},
    "InvalidUpdateOutdatedInstancesOnlyValue": {**TRAFFIC, "updateOutdatedInstancesOnly": True},
    "InvalidIgnoreApplicationStopFailuresValue": {
        **TRAFFIC,
        "ignoreApplicationStopFailures": True,
    },
    "RevisionDoesNotExist": {
        **TRAFFIC,
        "revision": {**APPSPEC, "appSpecContent": {"sha256": SHA256[::-1]}},
    },
}
_LISTING: Final[dict[str, dict[str, Any]]] = {
    "InvalidTimeRange": {"createTimeRange": {"start": 2, "end": 1}},
    "InvalidDeploymentStatus": {"includeOnlyStatuses": ["Lost"]},
    "InvalidExternalId": {"externalId": ""},
    "InvalidInput": {"externalId": "x"},
}
_TARGETS: Final[dict[str, dict[str, Any]]] = {
    "DeploymentNotStarted": HAS_NOT_STARTED,
    "InvalidInstanceStatus": {"targetFilters": {"TargetStatus": ["Lost"]}},
    "InvalidInstanceType": {"targetFilters": {"ServerInstanceLabel": ["Red"]}},
    "InvalidDeploymentInstanceType": {"targetFilters": {"ServerInstanceLabel": ["Blue"]}},
    "InvalidTargetFilterName": {"targetFilters": {"Colour": ["Red"]}},
}
_INSTANCES: Final[dict[str, dict[str, Any]]] = {
    "DeploymentNotStarted": HAS_NOT_STARTED,
    "InvalidInstanceStatus": {"instanceStatusFilter": ["Lost"]},
    "InvalidInstanceType": {"instanceTypeFilter": ["Red"]},
    "InvalidDeploymentInstanceType": {"instanceTypeFilter": ["Blue"]},
    "InvalidComputePlatform": MOVES_TRAFFIC,
}
_BY_OPERATION: Final[Mapping[str, dict[str, dict[str, Any]]]] = {
    "CreateDeployment": _CREATING,
    "ListDeployments": _LISTING,
    "ListDeploymentTargets": _TARGETS,
    "ListDeploymentInstances": _INSTANCES,
    "GetDeploymentTarget": {
        "DeploymentNotStarted": HAS_NOT_STARTED,
        "DeploymentTargetIdRequired": {"targetId": ABSENT},
        "InvalidDeploymentTargetId": {"targetId": "a/b"},
        "DeploymentTargetDoesNotExist": {"targetId": "none"},
    },
    "BatchGetDeploymentTargets": {
        "DeploymentNotStarted": HAS_NOT_STARTED,
        "DeploymentTargetIdRequired": {"targetIds": []},
        "InvalidDeploymentTargetId": {"targetIds": ["web-1", "a/b"]},
        "DeploymentTargetDoesNotExist": {"targetIds": ["web-1", "none"]},
        "DeploymentTargetListSizeExceeded": {"targetIds": ["web-1"] * 26},
    },
    "GetDeploymentInstance": {
        "InstanceIdRequired": {"instanceId": ABSENT},
        "InvalidInstanceName": {"instanceId": "a/b"},
        "InstanceDoesNotExist": {"instanceId": "none"},
        "InvalidComputePlatform": MOVES_TRAFFIC,
    },
    "BatchGetDeploymentInstances": {
        "InstanceIdRequired": {"instanceIds": []},
        "InvalidInstanceName": {"instanceIds": ["web-1", "a/b"]},
        "BatchLimitExceeded": {"instanceIds": ["web-1"] * 26},
        "InvalidComputePlatform": MOVES_TRAFFIC,
    },
    "StopDeployment": {"DeploymentAlreadyCompleted": {}},
    "ContinueDeployment": {
        "DeploymentAlreadyCompleted": {},
        "UnsupportedActionForDeploymentType": HAS_NOT_STARTED,
        "DeploymentIsNotInReadyState": MOVES_TRAFFIC,
        "InvalidDeploymentWaitType": {"deploymentWaitType": "LUNCH"},
    },
    "SkipWaitTimeForInstanceTermination": {
        "DeploymentAlreadyCompleted": {},
        "UnsupportedActionForDeploymentType": HAS_NOT_STARTED,
        "DeploymentNotStarted": MOVES_TRAFFIC,
    },
    "PutLifecycleEventHookExecutionStatus": {
        "InvalidLifecycleEventHookExecutionId": {},
        "LifecycleEventAlreadyCompleted": HAS_SPOKEN,
        "InvalidLifecycleEventHookExecutionStatus": {"status": "Pending"},
        "UnsupportedActionForDeploymentType": HAS_NOT_STARTED,
    },
}
ONES: Final[Mapping[tuple[str, str], dict[str, Any]]] = {
    (operation, code): changes
    for operation, wrongs in _BY_OPERATION.items()
    for code, changes in wrongs.items()
}
