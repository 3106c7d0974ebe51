"""A stand-in for AWS whose Systems Manager runs what it is sent, and a bucket there."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import boto3
import pytest

from parts.s3 import LIKE_AWS, S3Server
from tidegate.testing.aws.ssm.handle import RunCommand

_buckets = count()


@pytest.fixture(scope="session")
def aws_that_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("aws"), program=LIKE_AWS) as server:
        yield server


@pytest.fixture
def run_command(
    aws_that_runs: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[RunCommand]:
    """Hosts of a test, in an environment in which AWS is the stand-in."""
    aws_that_runs.point_to(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", aws_that_runs.url)
    run_command = RunCommand(aws_that_runs.url, tmp_path / "hosts")
    yield run_command
    run_command.reset()


@pytest.fixture
def exchange(run_command: RunCommand) -> str:
    """The URL of a folder in a bucket of its own."""
    name = f"exchange-{next(_buckets)}"
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/exchange"
