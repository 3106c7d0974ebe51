"""What a call of AWS that did not go well means for a deployment, and what can be done."""

from collections.abc import Collection, Mapping
from typing import Final

from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.aws_calls import CallFailed
from tidegate.drivers.aws_roles import ASSUME_ROLE
from tidegate.drivers.traffic import Failed

_THROTTLED: Final = (
    "429",
    "RequestLimitExceeded",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
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


def failed(
    failure: CallFailed,
    codes: Mapping[str, ErrorCode],
    *,
    permission: str = "",
    otherwise: ErrorCode = ErrorCode.INTERNAL_ERROR,
    passing: Collection[str] = (),
) -> Failed:
    """Return what a call that went wrong means.

    *codes* tells what AWS's words mean at this service, *permission* what has to be allowed for the
    call where it is not named as the call is, and *passing* which words pass by themselves here.
    """
    failure.may_pass |= failure.code in passing
    code = failure.code
    if failure.operation == ASSUME_ROLE and not failure.may_pass:
        advice = "; let Tidegate's own credentials assume it, and have it trust them"
        return _of(failure, ErrorCode.IAM_ROLE_PERMISSIONS, advice)
    if code in _DENIED:
        advice = f"; allow {permission or failure.operation} on it"
        return _of(failure, ErrorCode.IAM_ROLE_PERMISSIONS, advice)
    if code in _NOT_SIGNED or not (code or failure.may_pass):
        advice = "; correct the credentials that Tidegate's workers have" if code else ""
        return _of(failure, ErrorCode.IAM_ROLE_PERMISSIONS, advice)
    if code in _THROTTLED:
        advice = "; start fewer deployments at once, or ask AWS for a higher quota"
        return _of(failure, ErrorCode.THROTTLED, advice)
    return _of(failure, codes.get(code, otherwise), _advice(failure))


def _advice(failure: CallFailed) -> str:
    if failure.may_pass:
        return "; deploy again when it answers"
    if failure.code.endswith("NotFoundException"):
        return "; see that its name and its region are right"
    return ""


def _of(failure: CallFailed, code: ErrorCode, advice: str) -> Failed:
    return Failed(code=code, message=f"{failure}{advice}.", may_pass=failure.may_pass)
