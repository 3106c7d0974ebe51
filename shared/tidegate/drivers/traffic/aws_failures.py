"""What went wrong at ECS or a load balancer, and what that means to a move of traffic."""

from typing import Final

from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.aws_calls import CallFailed
from tidegate.drivers.traffic import Failed, refusals

TRIES: Final = 2
"""Two at most within a call, for the engine tries again anyway."""
_CODES: Final = {
    "ClusterNotFoundException": ErrorCode.INVALID_ECS_SERVICE,
    "ServiceNotActiveException": ErrorCode.INVALID_ECS_SERVICE,
    "ServiceNotFoundException": ErrorCode.INVALID_ECS_SERVICE,
    "ListenerNotFound": ErrorCode.ELASTIC_LOAD_BALANCING_INVALID,
    "LoadBalancerNotFound": ErrorCode.ELASTIC_LOAD_BALANCING_INVALID,
    "TargetGroupNotFound": ErrorCode.ELASTIC_LOAD_BALANCING_INVALID,
}
_RULE_GONE: Final = "RuleNotFound"
_CONTROLLER: Final = "deployment controller"


class Refused(Exception):
    """What was found cannot be moved; its text is a sentence without its full stop."""

    def __init__(self, code: ErrorCode, sentence: str, *, may_pass: bool = False) -> None:
        super().__init__(sentence)
        self.code = code
        self.may_pass = may_pass


def failed(error: CallFailed | Refused) -> Failed:
    """Return what a driver answers after this error."""
    if isinstance(error, Refused):
        return Failed(code=error.code, message=f"{error}.", may_pass=error.may_pass)
    if error.code == _RULE_GONE:
        # Rules are listed before they are changed: one that went in between is not found again.
        return Failed(code=ErrorCode.ECS_UPDATE_ERROR, message=f"{error}.", may_pass=True)
    if _CONTROLLER in str(error):
        return Failed(
            code=ErrorCode.ECS_UPDATE_ERROR,
            message=f"{error}; ECS keeps the task sets of this service to AWS CodeDeploy, so"
            " recreate the service with the deployment controller EXTERNAL.",
        )
    otherwise = ErrorCode.INTERNAL_ERROR if error.may_pass else ErrorCode.ECS_UPDATE_ERROR
    return refusals.failed(error, _CODES, otherwise=otherwise)


def is_denied(error: CallFailed) -> bool:
    """Return whether it was the right to call that was missing."""
    return refusals.failed(error, {}).code is ErrorCode.IAM_ROLE_PERMISSIONS
