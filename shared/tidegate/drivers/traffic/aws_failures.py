"""What a call of AWS that did not go well means to a move of traffic."""

from typing import Final

from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.aws_calls import CallFailed
from tidegate.drivers.traffic import Failed

_DENIED: Final = (
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "InvalidClientTokenId",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
)
_BUSY: Final = (
    "RequestLimitExceeded",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
_NO_SERVICE: Final = (
    "ClusterNotFoundException",
    "ServiceNotActiveException",
    "ServiceNotFoundException",
)
_NO_LOAD_BALANCING: Final = ("ListenerNotFound", "LoadBalancerNotFound", "TargetGroupNotFound")
_CHANGED_MEANWHILE: Final = ("RuleNotFound",)
_DENIED_REMEDY: Final = "; allow it to the role or the credentials that Tidegate calls by"
_CONTROLLER: Final = "deployment controller"
_CONTROLLER_REMEDY: Final = (
    "; ECS keeps the task sets of this service to AWS CodeDeploy, so recreate the service with the"
    " deployment controller EXTERNAL"
)


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
    # The listing of the rules comes first: one that was removed since is not found the next time.
    may_pass = error.may_pass or error.code in _CHANGED_MEANWHILE
    return Failed(code=_code_of(error), message=f"{error}{_remedy(error)}.", may_pass=may_pass)


def _code_of(error: CallFailed) -> ErrorCode:
    if error.code in _DENIED or not (error.code or error.may_pass):
        return ErrorCode.IAM_ROLE_PERMISSIONS
    if error.code in _BUSY:
        return ErrorCode.THROTTLED
    if error.code in _NO_SERVICE:
        return ErrorCode.INVALID_ECS_SERVICE
    if error.code in _NO_LOAD_BALANCING:
        return ErrorCode.ELASTIC_LOAD_BALANCING_INVALID
    return ErrorCode.INTERNAL_ERROR if error.may_pass else ErrorCode.ECS_UPDATE_ERROR


def _remedy(error: CallFailed) -> str:
    if error.code in _DENIED:
        return _DENIED_REMEDY
    return _CONTROLLER_REMEDY if _CONTROLLER in str(error) else ""
