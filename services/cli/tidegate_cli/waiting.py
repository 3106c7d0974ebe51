"""Waiting for a deployment and its rollback, through restarts of the service, up to a deadline."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Any, Final, Protocol, TypeVar

from tidegate.clock import monotonic
from tidegate_cli.client import Document, Service
from tidegate_cli.errors import ExitCode, OutOfTouch, Unavailable
from tidegate_cli.feed import Feed
from tidegate_cli.progress import Progress
from tidegate_cli.traffic_view import moves_traffic
from tidegate_cli.verdict import exit_code, expects_rollback, is_final, rollback_of

T = TypeVar("T")

TICK: Final = 0.25
POLL: Final = 3.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 5.0
PATIENCE: Final = timedelta(minutes=10)
LINK_WITHIN: Final = 10.0
DETAILS: Final = 50
_CHANGE_IT: Final = frozenset({"deployment", "step", "alarm"})
"""Subjects of events after which the deployment itself reads otherwise."""


class View(Protocol):
    """Somebody who is told how it goes."""

    def begin(self, progress: Progress) -> None:
        """Hear that a deployment is followed from here on."""

    def note(self, progress: Progress, events: Sequence[Document]) -> None:
        """Hear that time went by, and what happened in it."""

    def worry(self, trouble: str | None) -> None:
        """Hear that the service does not answer, or (None) answers again."""

    def end(self, progress: Progress) -> None:
        """Hear that the deployment is followed no more."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the waiting ended."""

    deployment: Document
    rollback: Document | None
    code: ExitCode


class DeadlinePassed(Exception):
    """The time that was given is over; the deployment goes on."""


class Wait:
    """Follows one deployment, then its rollback."""

    def __init__(self, service: Service, view: View, *, deadline: timedelta | None = None) -> None:
        self._service = service
        self._view = view
        now = monotonic()
        self._deadline = None if deadline is None else now + deadline.total_seconds()
        self._heard_at = now
        self._pauses = Event()
        self._known: Document | None = None

    def for_end_of(self, deployment_id: str, *, known: Document | None = None) -> Ending:
        """Wait until the deployment and its rollback have ended, or the deadline passes.

        A service that was met (*known* is what it said) may go away for a while; one that never
        answered is not waited for.

        Raises:
            Refused: The service says no.
            Unavailable: It never answered.
            OutOfTouch: It has been away for too long.
        """
        self._known = known
        rollback: Document | None = None
        try:
            deployment = self._linked(self._follow(deployment_id))
            following = rollback_of(deployment)
            if following:
                rollback = self._follow(following)
        except DeadlinePassed:
            return Ending(self._known or {"id": deployment_id}, None, ExitCode.DEADLINE)
        return Ending(deployment, rollback, exit_code(deployment, rollback))

    def _follow(self, deployment_id: str) -> Document:
        """Show a deployment until it is final; return it."""
        progress = Progress(self._ask(lambda: self._deployment(deployment_id), deployment_id))
        feed = Feed(self._service, deployment_id)
        progress.expect(self._ask(lambda: self._targets(deployment_id), deployment_id))
        self._look_at_steps(progress, deployment_id)
        feed.start()
        self._view.begin(progress)
        try:
            while not is_final(progress.deployment):
                self._step(progress, feed, deployment_id)
            self._look_at_steps(progress, deployment_id)
            self._take(progress, feed.rest())
        finally:
            feed.close()
            self._view.end(progress)
        return progress.deployment

    def _step(self, progress: Progress, feed: Feed, deployment_id: str) -> None:
        """Take in what comes until the next poll, then ask the service itself."""
        poll_at = monotonic() + POLL
        while monotonic() < poll_at:
            events = feed.take(TICK)
            self._take(progress, events)
            self._check_clock(deployment_id)
            if any(event.get("subject") in _CHANGE_IT for event in events):
                break
        with suppress(Unavailable):
            progress.deployment = self._hear(lambda: self._deployment(deployment_id))
            if progress.lacks_targets:
                progress.expect(self._hear(lambda: self._targets(deployment_id)))
            progress.refresh(self._hear(lambda: self._waiting_targets(deployment_id)))
        if not is_final(progress.deployment):
            self._look_at_steps(progress, deployment_id)

    def _look_at_steps(self, progress: Progress, deployment_id: str) -> None:
        """Ask for steps, and for how the traffic stands, where traffic moves."""
        if not moves_traffic(progress.deployment):
            return
        with suppress(Unavailable):
            progress.steps = self._hear(lambda: self._steps(deployment_id))
            progress.expect(self._hear(lambda: self._targets(deployment_id)))

    def _take(self, progress: Progress, events: Sequence[Document]) -> None:
        if events:
            self._heard()
        for event in events:
            progress.note(event)
        self._view.note(progress, events)

    def _linked(self, deployment: Document) -> Document:
        """Return the deployment with its rollback, which may be written a moment later."""
        give_up_at = monotonic() + LINK_WITHIN
        name = str(deployment["id"])
        while expects_rollback(deployment) and monotonic() < give_up_at:
            self._pauses.wait(FIRST_PAUSE)
            deployment = self._ask(lambda: self._deployment(name), name)
            self._check_clock(name)
        return deployment

    def _ask(self, question: Callable[[], T], deployment_id: str) -> T:
        """Ask until there is an answer, if there ever was one."""
        pause = FIRST_PAUSE
        while True:
            try:
                return self._hear(question)
            except Unavailable:
                if self._known is None:
                    raise
            self._check_clock(deployment_id)
            self._pauses.wait(self._until_deadline(pause))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _hear(self, question: Callable[[], T]) -> T:
        try:
            answer = question()
        except Unavailable as trouble:
            if self._known is not None:
                self._view.worry(str(trouble))
            raise
        self._heard()
        return answer

    def _heard(self) -> None:
        self._heard_at = monotonic()
        self._view.worry(None)

    def _deployment(self, deployment_id: str) -> Document:
        deployment = self._service.get("deployments", deployment_id)
        if self._known is None or self._known.get("id") == deployment_id:
            self._known = deployment
        return deployment

    def _targets(self, deployment_id: str) -> list[Document]:
        return list(self._service.items("deployments", deployment_id, "targets"))

    def _steps(self, deployment_id: str) -> list[Mapping[str, Any]]:
        return list(self._service.get("deployments", deployment_id, "steps")["items"])

    def _waiting_targets(self, deployment_id: str) -> list[Document]:
        targets = self._service.items(
            "deployments", deployment_id, "targets", status="InProgress", limit=DETAILS
        )
        return [target for target in targets if target.get("status") == "InProgress"]

    def _until_deadline(self, pause: float) -> float:
        return pause if self._deadline is None else max(min(pause, self._deadline - monotonic()), 0)

    def _check_clock(self, deployment_id: str) -> None:
        now = monotonic()
        if self._deadline is not None:
            if now >= self._deadline:
                raise DeadlinePassed
        elif now - self._heard_at >= PATIENCE.total_seconds():
            raise OutOfTouch(self._service.url, deployment_id, PATIENCE)
