"""What the API is asked in the bench: the rows that are there, and requests, signed beforehand."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from sqlalchemy import Connection, Table, insert, select, update

from tidegate.clock import SystemClock
from tidegate.domain.access import Role
from tidegate.domain.deployment import ComputePlatform, DeploymentStatus
from tidegate.domain.ids import RandomIds
from tidegate.domain.revision import Source, SourceType
from tidegate.domain.target import TargetStatus
from tidegate.engine.access_keys import create_access_key
from tidegate.engine.applications import create_application
from tidegate.engine.deployments import DeploymentRequest, create_deployment
from tidegate.engine.groups import GroupRequest, create_group
from tidegate.engine.revisions import RevisionRequest, register_revision
from tidegate.store.database import connect
from tidegate.store.migrate import upgrade
from tidegate.store.outbox import NoSender
from tidegate.store.sealing import Seal
from tidegate.store.statements import plain_table
from tidegate.store.tables import DeploymentRow, GroupRow, OutboxRow, TargetRow
from tidegate.store.unit_of_work import Store

REGION = "us-east-1"
APPLICATION = "bench"
BUCKET, KEY = "bundles", "shop/1.0.tgz"
GROUPS = 1000
"""A group has one deployment at a time, so that each is asked for one only in a round."""
SECRET_KEY = "a key for the bench that is long enough"
MEDIA_TYPE = "application/x-amz-json-1.1"
REVISION = {
    "revisionType": "S3",
    "s3Location": {"bucket": BUCKET, "key": KEY, "bundleType": "tgz"},
}
AT_ONCE = 5000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

Body = Mapping[str, object]


def deployment_id(number: int) -> str:
    return f"d-{number:09d}"


def group_name(number: int) -> str:
    return f"group-{number:04d}"


def get_bodies(count: int, deployments: int) -> list[Body]:
    chosen = random.Random(count)
    return [{"deploymentId": deployment_id(chosen.randrange(deployments))} for _ in range(count)]


def create_bodies() -> list[Body]:
    return [
        {
            "applicationName": APPLICATION,
            "deploymentGroupName": group_name(number),
            "revision": REVISION,
        }
        for number in range(GROUPS)
    ]


def signed(
    operation: str, bodies: Sequence[Body], *, port: int, key: tuple[str, str]
) -> list[bytes]:
    """Return requests as they go over the wire, signed for this moment as boto3 signs them."""
    signer = SigV4Auth(Credentials(*key), "codedeploy", REGION)
    return [_signed(signer, operation, json.dumps(body).encode(), port) for body in bodies]


def _signed(signer: SigV4Auth, operation: str, body: bytes, port: int) -> bytes:
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Content-Type": MEDIA_TYPE,
        "X-Amz-Target": f"CodeDeploy_20141006.{operation}",
        "User-Agent": "Boto3/1.44.5 md/Botocore#1.44.5 lang/python#3.11",
        "Accept-Encoding": "identity",
    }
    request = AWSRequest("POST", f"http://127.0.0.1:{port}/", headers=headers, data=body)
    signer.add_auth(request)
    request.headers["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body


class Data:
    """A database with so many deployments that have ended, written in bulk, and a key."""

    def __init__(self, url: str, deployments: int) -> None:
        upgrade(url)
        self.deployments = deployments
        self._engine = connect(url)
        store = Store(self._engine, sender=NoSender(), clock=SystemClock(), ids=RandomIds())
        with store.write() as uow:
            key, secret = create_access_key("bench", Role.ADMIN, seal=Seal([SECRET_KEY]), uow=uow)
            self.key = (key.id, secret)
            create_application(APPLICATION, ComputePlatform.SERVER, uow=uow)
            create_group(APPLICATION, group_name(0), GroupRequest(), uow=uow)
            source = Source(type=SourceType.S3, bucket=BUCKET, key=KEY, bundle_type="tgz")
            revision, _ = register_revision(APPLICATION, RevisionRequest(source=source), uow=uow)
            request = DeploymentRequest(
                application=APPLICATION, group=group_name(0), revision_id=revision.id
            )
            create_deployment(request, uow=uow, actor="bench")
        with self._engine.begin() as connection:
            _multiply(connection, deployments)
        self.free()

    def free(self) -> None:
        """End what was created in a round: its groups are free again, and nothing waits."""
        groups, deployments = plain_table(GroupRow), plain_table(DeploymentRow)
        with self._engine.begin() as connection:
            connection.execute(update(groups).values(active_deployment_id=None))
            connection.execute(plain_table(OutboxRow).delete())
            ended = {"status": DeploymentStatus.SUCCEEDED, "wake_at": None}
            created = deployments.c.status == DeploymentStatus.CREATED
            connection.execute(update(deployments).where(created).values(ended))

    def close(self) -> None:
        self._engine.dispose()


def _multiply(connection: Connection, deployments: int) -> None:
    groups = plain_table(GroupRow)
    group = _only(connection, groups)
    copies = [{"id": f"{n:036d}", "name": group_name(n)} for n in range(1, GROUPS)]
    _insert(connection, groups, [{**group, **copy} for copy in copies])
    history = plain_table(DeploymentRow)
    one = _only(connection, history)
    connection.execute(history.delete())
    for start in range(0, deployments, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, deployments))
        _insert(connection, history, [{**one, **_ended(number)} for number in numbers])
        _insert(connection, plain_table(TargetRow), [_target(number) for number in numbers])


def _only(connection: Connection, table: Table) -> dict[str, Any]:
    return dict(connection.execute(select(table)).mappings().one())


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _ended(number: int) -> dict[str, Any]:
    at = FIRST + timedelta(seconds=number)
    return {
        "id": deployment_id(number),
        "status": DeploymentStatus.SUCCEEDED,
        "created_at": at,
        "started_at": at + timedelta(seconds=1),
        "completed_at": at + timedelta(seconds=20),
        "total_targets": 1,
        "minimum_healthy": 0,
        "wake_at": None,
    }


def _target(number: int) -> dict[str, Any]:
    at = FIRST + timedelta(seconds=number)
    return {
        "deployment_id": deployment_id(number),
        "target_id": "web-1",
        "host_id": f"{1:036d}",
        "position": 0,
        "segment": "host",
        "status": TargetStatus.SUCCEEDED,
        "dispatched": True,
        "attempt": 1,
        "lease_owner": None,
        "due_at": None,
        "sends": 1,
        "segment_done": True,
        "cancel_requested": False,
        "lost": False,
        "journal_offset": 0,
        "message": "",
        "started_at": at,
        "finished_at": at,
        "last_updated_at": at,
    }


def numbered(count: int) -> Iterator[str]:
    return map(deployment_id, range(count))
