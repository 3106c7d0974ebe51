"""What a call of AWS that did not go well means for a deployment, and what can be done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.aws_calls import THROTTLED, CallFailed, LetGo
from tidegate.drivers.aws_roles import ASSUME_ROLE
from tidegate.drivers.traffic import Failed

TRIES: Final = 2
"""Two at most within a call, for the engine tries again anyway."""
_DENIED: Final = (
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
)
_NOT_SIGNED: Final = (
    "401",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
"""Who calls is not known to AWS, or not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the words of one service mean."""

    codes: Mapping[str, ErrorCode] = field(default_factory=dict)
    otherwise: ErrorCode
    """For all words that are not among the *codes*."""
    away: ErrorCode = ErrorCode.INTERNAL_ERROR
    """For all words, and for silence, that may pass."""
    passing: Collection[str] = ()
    """Words that pass by themselves here."""
    actions: Mapping[str, str] = field(default_factory=dict)
    """What IAM has to allow, where that is not called as the operation is."""
    advice: Mapping[str, str] = field(default_factory=dict)
    """What to do about an answer in which a phrase stands."""
    later: str = "; deploy again when it answers"
    """What to do about what may pass, and has not passed in time."""

    def on_the_way_back(self) -> Self:
        """Return the same for a rollback, which nobody wants to deploy again."""
        return replace(self, later="")


LAMBDA: Final = Words(
    codes={
        "InvalidParameterValueException": ErrorCode.INVALID_LAMBDA_CONFIGURATION,
        "ResourceConflictException": ErrorCode.INVALID_LAMBDA_CONFIGURATION,
        "ResourceNotFoundException": ErrorCode.INVALID_LAMBDA_FUNCTION,
        "ValidationException": ErrorCode.INVALID_LAMBDA_CONFIGURATION,
    },
    otherwise=ErrorCode.INTERNAL_ERROR,
    # Another operation is in progress.
    passing=("ResourceConflictException",),
    actions={
        operation: f"lambda:{operation}"
        for operation in ("GetAlias", "GetFunctionConfiguration", "UpdateAlias")
    },
)
HOOKS: Final = Words(
    otherwise=ErrorCode.HOOK_EXECUTION_FAILURE,
    away=ErrorCode.HOOK_EXECUTION_FAILURE,
    # The function is being made or changed.
    passing=(
        "CodeArtifactUserPendingException",
        "ResourceConflictException",
        "SnapStartNotReadyException",
    ),
    actions={"Invoke": "lambda:InvokeFunction"},
)
SERVICES: Final = Words(
    codes={
        "ClusterNotFoundException": ErrorCode.INVALID_ECS_SERVICE,
        "ServiceNotActiveException": ErrorCode.INVALID_ECS_SERVICE,
        "ServiceNotFoundException": ErrorCode.INVALID_ECS_SERVICE,
        "ListenerNotFound": ErrorCode.ELASTIC_LOAD_BALANCING_INVALID,
        "LoadBalancerNotFound": ErrorCode.ELASTIC_LOAD_BALANCING_INVALID,
        "TargetGroupNotFound": ErrorCode.ELASTIC_LOAD_BALANCING_INVALID,
        "RuleNotFound": ErrorCode.ECS_UPDATE_ERROR,
        "UpdateInProgressException": ErrorCode.ECS_UPDATE_ERROR,
    },
    otherwise=ErrorCode.ECS_UPDATE_ERROR,
    # Rules are listed before they are changed: one that went in between is not found again.
    passing=("RuleNotFound", "UpdateInProgressException"),
    advice={
        "deployment controller": (
            "; ECS keeps the task sets of this service to AWS CodeDeploy, so"
            " recreate the service with the deployment controller EXTERNAL"
        )
    },
)
"""Of ECS and its load balancers."""


class Refused(Exception):
    """What was found cannot be moved; its text is a sentence without its full stop."""

    def __init__(self, code: ErrorCode, sentence: str, *, may_pass: bool = False) -> None:
        super().__init__(sentence)
        self.code = code
        self.may_pass = may_pass


def failed(error: CallFailed | Refused, words: Words) -> Failed:
    """Return what a driver answers after this error."""
    if isinstance(error, Refused):
        return Failed(code=error.code, message=f"{error}.", may_pass=error.may_pass)
    may_pass = error.may_pass or error.code in words.passing
    code, advice = _meaning(error, words, may_pass=may_pass)
    return Failed(code=code, message=f"{error}{advice}.", may_pass=may_pass)


def is_denied(error: CallFailed) -> bool:
    """Tell whether it was the right to call that was missing."""
    return error.code in _DENIED


def _meaning(error: CallFailed, words: Words, *, may_pass: bool) -> tuple[ErrorCode, str]:
    """Return the code of an error, and what can be done."""
    code, permissions = error.code, ErrorCode.IAM_ROLE_PERMISSIONS
    if error.operation == ASSUME_ROLE and not may_pass:
        return permissions, "; let Tidegate's own credentials assume it, and have it trust them"
    if code in _DENIED:
        action = words.actions.get(error.operation, error.operation)
        return permissions, f"; allow {action} on it"
    if code in _NOT_SIGNED:
        return permissions, "; correct the credentials that Tidegate's workers have"
    if not (code or may_pass):
        return permissions, ""
    if code in THROTTLED:
        advice = "; start fewer deployments at once, or ask AWS for a higher quota"
        return ErrorCode.THROTTLED, advice
    otherwise = words.away if may_pass else words.otherwise
    return words.codes.get(code, otherwise), _advice(error, words, may_pass=may_pass)


def _advice(error: CallFailed, words: Words, *, may_pass: bool) -> str:
    for phrase, advice in words.advice.items():
        if phrase in str(error):
            return advice
    if isinstance(error, LetGo):
        return ""
    if may_pass:
        return words.later
    if error.code.endswith(("NotFoundException", "NotFound")):
        return "; see that its name and its region are right"
    return ""
