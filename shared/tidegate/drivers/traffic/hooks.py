"""Hooks of deployments that move traffic: called here, and answering later and elsewhere.

Whether the function that was called ends well is nobody's concern: what counts is the status that
is put for the execution id.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from tidegate.clock import Clock, SystemClock
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import always
from tidegate.drivers.aws_calls import READ, CallFailed, LetGo, aws_errors
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.bundles.download import public_address
from tidegate.drivers.traffic import Failed
from tidegate.drivers.traffic.aws_failures import HOOKS, TRIES, failed
from tidegate.drivers.traffic.webhook import is_url, post

_UNSIGNED: Final = (
    "The hook {} cannot be called: nothing would tell it that Tidegate calls. "
    "Set TIDEGATE_WEBHOOK_SECRET for the workers."
)


class Hooks:
    """Calls hooks: functions by Lambda, and addresses by HTTP. Any number of threads may share it.

    A call that is repeated, because nobody knows whether it arrived, has the same ids.
    """

    def __init__(
        self, *, assume_role: bool = False, timeout: timedelta = READ, clock: Clock | None = None
    ) -> None:
        self._clients = Clients("lambda", read=timeout, tries=TRIES, assume_role=assume_role)
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
        still_mine: Callable[[], bool] = always,
        key: str,
    ) -> Failed | None:
        """Call a hook by its name, ARN or URL; None says that it was taken.

        The *role_arn* is what Lambda is called by where roles are assumed, the *key* what signs
        calls by HTTP. Nothing is called that is not *still_mine*.
        """
        body = _body(deployment_id, execution_id)
        if is_url(hook):
            if not key:
                unsigned = _UNSIGNED.format(public_address(hook))
                return Failed(code=ErrorCode.HOOK_EXECUTION_FAILURE, message=unsigned)
            if not still_mine():
                return failed(LetGo("POST", f"the hook {public_address(hook)}"), HOOKS)
            now = self._clock.now()
            return post(hook, body, key=key, at=now, timeout=self._timeout)
        try:
            with aws_errors("Lambda", f"the hook {hook}", still_mine=still_mine):
                answer = self._clients.of(region, role_arn).invoke(
                    FunctionName=hook, InvocationType="Event", Payload=body
                )
                # It is empty; until it was read, no other call goes by the same connection.
                answer["Payload"].read()
        except CallFailed as failure:
            return failed(failure, HOOKS)
        return None


def _body(deployment_id: str, execution_id: str) -> bytes:
    ids = {"DeploymentId": deployment_id, "LifecycleEventHookExecutionId": execution_id}
    return json.dumps(ids, separators=(",", ":")).encode()
