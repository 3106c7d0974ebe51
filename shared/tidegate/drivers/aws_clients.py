"""Clients of AWS: one for each service, region and role.

The environment says where AWS is: `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` are honoured.
"""

from datetime import timedelta
from threading import Lock
from typing import Any

from tidegate.drivers.aws_calls import READ, CallFailed, attend, call_config
from tidegate.drivers.aws_lines import Line
from tidegate.drivers.aws_roles import Sessions


class BadEndpoint(CallFailed):
    """The environment says nonsense of where AWS is."""


class Clients:
    """One client of a service for each region and role, made when it is first needed.

    *read* is how long an answer may take, *tries* how often is tried at most within one call.
    """

    def __init__(
        self, service: str, *, read: timedelta = READ, tries: int = 3, assume_role: bool = False
    ) -> None:
        self._service: Any = service
        self._config = call_config(read=read, tries=tries)
        self._sessions = Sessions(assume_role=assume_role, timeout=read)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lines: dict[str, Line] = {}
        self._lock = Lock()

    def role_for(self, role_arn: str) -> str:
        """Return the role that calls are made by: the one that is given, or none at all."""
        return self._sessions.role_for(role_arn)

    def of(self, region: str, role_arn: str = "") -> Any:
        """Return the client of a region that calls by a role, where roles are assumed.

        Raises:
            BadEndpoint: The environment says nonsense of where AWS is.
        """
        key = region, self._sessions.role_for(role_arn)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._made(*key)
            return self._clients[key]

    def _made(self, region: str, role_arn: str) -> Any:
        try:
            session = self._sessions.of(role_arn, region=region)
            client = session.client(self._service, region_name=region, config=self._config)
        except ValueError:
            raise BadEndpoint(
                "AWS_ENDPOINT_URL or the one of the service is no address; correct it"
            ) from None
        attend(client, self._lines.setdefault(region, Line()))
        return client
