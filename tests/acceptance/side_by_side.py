"""Scenarios that go on at the same time, each reported as a test of its own."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from acceptance.cloud import Cloud, running_cloud
from parts.databases import Databases

Scenario = Callable[[], object]


class SideBySide:
    """All scenarios of a module that this run has selected; each is begun once.

    Those that take long come first: where there are more than go on *at_once*, the rest waits.
    """

    def __init__(self, scenarios: Mapping[str, Scenario], *, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="scenario")
        self._begun: dict[str, Future[Any]] = {
            name: self._pool.submit(scenario) for name, scenario in scenarios.items()
        }

    def ends(self, name: str) -> None:
        """Wait for the end of a scenario; where it failed, so does this."""
        self._begun[name].result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def selected(request: pytest.FixtureRequest, argument: str) -> set[str]:
    """Return the values of an argument with which tests of this module will be run."""
    specs = (
        getattr(item, "callspec", None)
        for item in request.session.items
        if item.path == request.path
    )
    return {spec.params[argument] for spec in specs if spec and argument in spec.params}


def slow_but(scenarios: Iterable[Any], *quick: Any) -> list[Any]:
    """Return *scenarios* as parameters, of which only the *quick* ones are tried in every run.

    The others are tried where there is time; in every run, by tests of parts of a system.
    """
    scenarios = list(scenarios)
    assert set(quick) <= set(scenarios)
    return [one if one in quick else pytest.param(one, marks=pytest.mark.slow) for one in scenarios]


@contextmanager
def all_begun(
    scenarios: Mapping[str, Callable[[Cloud], object]],
    *,
    at_once: int,
    request: pytest.FixtureRequest,
    databases: Databases,
    folder: Path,
) -> Iterator[SideBySide]:
    """Have those scenarios go on that were selected, in one cloud whose system is on PostgreSQL."""
    wanted = selected(request, "scenario")
    with databases.empty("postgresql") as url, running_cloud(folder, database_url=url) as cloud:
        going = SideBySide(
            {name: partial(run, cloud) for name, run in scenarios.items() if name in wanted},
            at_once=at_once,
        )
        yield going
        going.close()
