"""Real parts that tests of every layer may ask for, and the rule that CI skips nothing."""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from parts.databases import Databases
from parts.redis import RedisServer
from parts.sshd import SshdFarm, require_sshd

# Looked for as often as usual, garbage takes a third of the time: there is little of it, and AWS's
# clients have a million objects that stay.
gc.set_threshold(50_000, 20, 100)

# A shell lets what runs in its background ignore Ctrl-C, and so would all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# As the services do; its own way shows the locals of each frame, and takes half a minute for that.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer(colors=False),
    ]
)

# How long one example takes is nothing that a property is about.
settings.register_profile("tidegate", deadline=None)
settings.load_profile("tidegate")

FAIL_ON_SKIP = os.environ.get("TIDEGATE_FAIL_ON_SKIP") == "1"


def pytest_collection_finish() -> None:
    """What tests are made of is no garbage."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if FAIL_ON_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if FAIL_ON_SKIP and report.skipped:
        refuse_skip(report)
    return report


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Where everything can be had, a test that was skipped is a test that failed."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"TIDEGATE_FAIL_ON_SKIP=1 and this was skipped: {reason}"


WHOLE_SYSTEMS = ("acceptance", "up")
"""Folders of tests that wait for most of their time."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have what takes long begin first, so that nothing is waited for at the end."""
    items.sort(key=lambda item: item.path.parent.name not in WHOLE_SYSTEMS)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """The code that makes a data folder keeps all that comes after it to its user."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis of this run; a test that kills or restarts one starts its own `RedisServer`."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty Redis."""
    redis_server.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Fresh databases of both kinds."""
    from tidegate.store.migrate import upgrade

    databases = Databases(tmp_path_factory.mktemp("databases"), upgrade)
    yield databases
    databases.close()


@pytest.fixture
def sshd_farm(tmp_path: Path) -> Iterator[SshdFarm]:
    """A farm without hosts: `sshd_farm.start(3)` gives three."""
    require_sshd()
    with SshdFarm(tmp_path / "hosts") as farm:
        yield farm
