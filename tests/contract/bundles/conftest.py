"""A stand-in for S3 on loopback, and an HTTP server that serves what a test says."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from parts.github import CODELOAD, TARBALL, TOKEN, gives, leads_to
from parts.s3 import S3Server
from parts.tls import Certificate
from parts.web import Web
from tidegate.drivers.bundles.aws import s3_client
from tidegate.drivers.bundles.github import GitHub


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def aws(s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of a process that finds S3 at the stand-in."""
    s3.point_to(monkeypatch, tmp_path)


_buckets = count()


@pytest.fixture
def bucket(aws: None) -> str:
    name = f"bucket-{next(_buckets)}"
    s3_client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure_web(certificate: Certificate) -> Iterator[Web]:
    """One that speaks https, with a certificate that nobody trusts by itself."""
    server = Web(certificate)
    yield server
    server.close()


@pytest.fixture
def other_web(certificate: Certificate) -> Iterator[Web]:
    """Another one that speaks https."""
    server = Web(certificate)
    yield server
    server.close()


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, certificate: Certificate) -> None:
    """An environment that takes our own certificate for a good one."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))


@pytest.fixture
def github(trusting: None, secure_web: Web) -> GitHub:
    return GitHub(f"{secure_web.url}/api/v3", token=TOKEN, timeout=timedelta(seconds=5))


@pytest.fixture
def everybody(trusting: None, secure_web: Web) -> GitHub:
    """GitHub for who has no token."""
    return GitHub(f"{secure_web.url}/api/v3", timeout=timedelta(seconds=5))


@pytest.fixture
def codeload(other_web: Web, secure_web: Web) -> Web:
    """The host that GitHub leads to, with a secret of its own in the address."""
    secure_web.answers[TARBALL] = leads_to(f"{other_web.url}{CODELOAD}?token=hunter3")
    other_web.answers[CODELOAD] = gives()
    return other_web
