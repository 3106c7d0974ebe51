"""CodeDeploy's API behind a real socket, and boto3 clients that check every answer on the way."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import OperationModel, Shape, StructureShape

from component.api.conftest import Service, serve
from parts.databases import Databases
from tidegate.domain.access import Role
from tidegate.engine.access_keys import create_access_key
from tidegate.store.sealing import Seal

REGION = "us-east-1"
SECRET_KEY = "a key for tests that is long enough"
SESSION = boto3.session.Session()
"""One for all: reading the models is most of what a client costs."""
MODEL = botocore.session.get_session().get_service_model("codedeploy")
GENERIC = {
    "AccessDeniedException",
    "IncompleteSignatureException",
    "InternalFailure",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestEntityTooLargeException",
    "SerializationException",
    "ServiceUnavailable",
    "UnknownOperationException",
    "UnrecognizedClientException",
}
SCALARS = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": float,
    "timestamp": float,
}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Aws:
    """A running service as AWS's clients see it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.url = str(service.http.base_url).rstrip("/")
        self.keys = {role: self.new_key(role.value, role) for role in Role}

    def new_key(self, name: str, role: Role = Role.ADMIN) -> tuple[str, str]:
        with self.service.parts.store.write() as uow:
            key, secret = create_access_key(name, role, seal=Seal([SECRET_KEY]), uow=uow)
        return key.id, secret

    def client(
        self,
        role: Role = Role.ADMIN,
        *,
        region: str = REGION,
        key: tuple[str, str] | None = None,
        token: str | None = None,
    ) -> Any:
        key_id, secret = key or self.keys[role]
        client = SESSION.client(
            "codedeploy",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )
        client.meta.events.register("after-call.codedeploy", check_answer)
        return client


def check_answer(http_response: Any, parsed: Any, model: OperationModel, **_: Any) -> None:
    """Hold every answer against botocore's model: all required members, and none unknown."""
    assert UUID.fullmatch(http_response.headers["x-amzn-requestid"])
    assert http_response.headers["content-type"] == "application/x-amz-json-1.1"
    if http_response.status_code != 200:
        code = json.loads(http_response.content)["__type"]
        declared = {shape.name for shape in model.error_shapes}
        assert code in declared | GENERIC, f"{model.name} declares no {code}"
        assert parsed["Error"]["Message"]
    elif model.output_shape is None:
        assert http_response.content == b""
    else:
        check_value(json.loads(http_response.content), model.output_shape, model.name)


def check_value(value: Any, shape: Shape, where: str) -> None:
    match shape.type_name:
        case "structure":
            assert isinstance(shape, StructureShape)
            assert isinstance(value, dict), where
            assert set(shape.required_members) <= set(value), where
            for name, member in value.items():
                assert name in shape.members, f"{where} knows no {name}"
                check_value(member, shape.members[name], f"{where}.{name}")
        case "list":
            assert isinstance(value, list), where
            for one in value:
                check_value(one, shape.member, where)
        case "map":
            for key, one in value.items():
                assert isinstance(key, str), where
                check_value(one, shape.value, where)
        case kind:
            assert type(value) is SCALARS[kind], where
            enum = getattr(shape, "enum", None)
            # CodeDeploy's own OneAtATime has this value beyond the enum.
            assert not enum or value in {*enum, "MOST_CONCURRENCY"}, where


def refused(code: str, call: Callable[..., Any], **arguments: Any) -> str:
    """Return the message that *call* is refused with under *code*."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


def seen(call: Callable[..., Any], key: str, **arguments: Any) -> list[Any]:
    """Return the entries of all pages, and see to it that there is no page without an end."""
    found: list[Any] = []
    token: dict[str, str] = {}
    for _ in range(20):
        page = call(**arguments, **token)
        found += page[key]
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}
    raise AssertionError("there is no end of pages")


@contextmanager
def running(url: str, folder: Path, **settings: Any) -> Iterator[Aws]:
    with serve(url, folder, {"secret_key": SECRET_KEY, **settings}) as service:
        yield Aws(service)


@pytest.fixture
def aws(database_url: str, tmp_path: Path) -> Iterator[Aws]:
    """The service on a database of each kind."""
    with running(database_url, tmp_path / "data") as aws:
        yield aws


@pytest.fixture
def codedeploy(aws: Aws) -> BaseClient:
    """A client that may do everything."""
    return aws.client()


@pytest.fixture
def quick_aws(databases: Databases, tmp_path: Path) -> Iterator[Aws]:
    """The service on SQLite alone, for what no database has a say in."""
    with databases.fresh("sqlite") as url, running(url, tmp_path / "data") as aws:
        yield aws
