"""AWS in the name of whom a call is made: Tidegate's own credentials, or a role that it assumes."""

from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from typing import Any, Final

import boto3
import botocore.session
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from typing_extensions import override

from tidegate.drivers.aws_calls import attend, aws_errors, call_config
from tidegate.drivers.aws_lines import Line

SESSION_NAME: Final = "tidegate"
"""How CloudTrail names who acts by a role."""
ASSUME_ROLE: Final = "AssumeRole"
"""The operation that a failure names when it was the role that could not be had."""
_TRIES: Final = 2


def account_of(role_arn: str) -> str:
    """Return the account of a role, or nothing for Tidegate's own credentials."""
    parts = role_arn.split(":", 5)
    return parts[4] if len(parts) == 6 else role_arn


class Sessions:
    """One session for each role, made when it is first needed; threads may share all of them.

    A role's credentials are asked for with the first call that needs them, and again shortly before
    they expire. If that fails, that call raises `CallFailed` in the name of STS.
    """

    def __init__(self, *, assume_role: bool = False, timeout: timedelta) -> None:
        self._assume_role = assume_role
        self._config = call_config(read=timeout, tries=_TRIES)
        self._sessions: dict[str, boto3.session.Session] = {}
        self._lines: dict[str, Line] = {}
        self._lock = Lock()

    def role_for(self, role_arn: str) -> str:
        """Return the role that calls are made by: the one that is given, or none at all."""
        return role_arn if self._assume_role else ""

    def of(self, role_arn: str, *, region: str) -> boto3.session.Session:
        """Return the session for calls by a role, or by Tidegate's own credentials for none."""
        role = self.role_for(role_arn)
        with self._lock:
            if role not in self._sessions:
                self._sessions[role] = self._assumed(role, region) if role else _own()
            return self._sessions[role]

    def _assumed(self, role_arn: str, region: str) -> boto3.session.Session:
        own = _own()
        # Botocore lets in one thread after the other of those that want the same role.
        line = self._lines.setdefault(region, Line())

        def credentials() -> dict[str, str]:
            with aws_errors("STS", f"the role {role_arn}"):
                sts = own.client("sts", region_name=region, config=self._config)
                attend(sts, line)
                answer: Any = sts.assume_role(RoleArn=role_arn, RoleSessionName=SESSION_NAME)
            given = answer["Credentials"]
            return {
                "access_key": given["AccessKeyId"],
                "secret_key": given["SecretAccessKey"],
                "token": given["SessionToken"],
                "expiry_time": given["Expiration"].isoformat(),
            }

        inner = botocore.session.get_session()
        inner.register_component("credential_provider", CredentialResolver([_Role(credentials)]))
        return boto3.session.Session(botocore_session=inner)


class _Role(CredentialProvider):
    """Gives credentials that renew themselves."""

    METHOD = "assume-role"

    def __init__(self, assume: Callable[[], dict[str, str]]) -> None:
        super().__init__()
        self._assume = assume

    @override
    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(refresh_using=self._assume, method=self.METHOD)


def _own() -> boto3.session.Session:
    return boto3.session.Session()
