"""Hooks of deployments that move traffic: called here, and answering later and elsewhere.

Whether the function that was called ends well is nobody's concern: what counts is the status that
is put for the execution id.
"""

import json
from datetime import timedelta
from typing import Final

from tidegate.clock import Clock, SystemClock
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.aws_calls import READ, CallFailed, Clients, aws_errors
from tidegate.drivers.traffic import Failed
from tidegate.drivers.traffic.refusals import failed
from tidegate.drivers.traffic.webhook import is_url, post

_TRIES: Final = 2
_UNSIGNED: Final = (
    "The hook {} cannot be called: nothing would tell it that Tidegate calls. "
    "Set TIDEGATE_WEBHOOK_SECRET for the workers."
)
_WAITING_HELPS: Final = (
    "CodeArtifactUserPendingException",
    "ResourceConflictException",
    "SnapStartNotReadyException",
)
"""The function is being made or changed."""


class Hooks:
    """Calls hooks: functions by Lambda, and addresses by HTTP. Any number of threads may share it.

    A call that is repeated, because nobody knows whether it arrived, has the same ids.
    """

    def __init__(
        self, *, assume_role: bool = False, timeout: timedelta = READ, clock: Clock | None = None
    ) -> None:
        self._clients = Clients("lambda", read=timeout, tries=_TRIES, assume_role=assume_role)
        self._timeout = timeout
        self._clock = clock or SystemClock()

    def call_hook(
        self,
        hook: str,
        deployment_id: str,
        execution_id: str,
        *,
        region: str,
        role_arn: str,
        key: str,
    ) -> Failed | None:
        """Call a hook by its name, ARN or URL; None says that it was taken.

        The *role_arn* is what Lambda is called by where roles are assumed, the *key* what signs
        calls by HTTP.
        """
        body = _body(deployment_id, execution_id)
        if is_url(hook):
            if not key:
                unsigned = _UNSIGNED.format(hook)
                return Failed(code=ErrorCode.HOOK_EXECUTION_FAILURE, message=unsigned)
            now = self._clock.now()
            return post(hook, body, key=key, at=now, timeout=self._timeout)
        role = self._clients.role_for(role_arn)
        try:
            with aws_errors("Lambda", f"the hook {hook}", call="Invoke", role=role):
                self._clients.of(region, role).invoke(
                    FunctionName=hook, InvocationType="Event", Payload=body
                )
        except CallFailed as failure:
            return _refused(failure)
        return None


def _body(deployment_id: str, execution_id: str) -> bytes:
    ids = {"DeploymentId": deployment_id, "LifecycleEventHookExecutionId": execution_id}
    return json.dumps(ids, separators=(",", ":")).encode()


def _refused(failure: CallFailed) -> Failed:
    return failed(
        failure,
        {},
        permission="lambda:InvokeFunction",
        otherwise=ErrorCode.HOOK_EXECUTION_FAILURE,
        passing=_WAITING_HELPS,
    )
