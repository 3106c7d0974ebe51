"""`tidegate logs`: what hooks wrote, whole, and as it comes."""

import sys
from collections.abc import Iterator, Sequence
from threading import Event
from typing import Annotated, Final

import typer

from tidegate.clock import monotonic
from tidegate_cli import client
from tidegate_cli.client import Document, Service
from tidegate_cli.errors import OutOfTouch, Refused, Unavailable
from tidegate_cli.options import Profile
from tidegate_cli.output import say
from tidegate_cli.verdict import is_final
from tidegate_cli.waiting import PATIENCE

PAUSE: Final = 1.0

Key = tuple[str, str]


def logs(
    deployment_id: Annotated[str, typer.Argument(metavar="ID", help="The deployment.")],
    target: Annotated[
        str | None, typer.Option("--target", metavar="HOST", help="Only of this host.")
    ] = None,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="EVENT", help="Only of this lifecycle event."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the deployment has ended.")
    ] = False,
    profile: Profile = None,
) -> None:
    """Print what the hooks of a deployment wrote."""
    with client.connect(profile) as service:
        reader = LogReader(service, deployment_id, target=target, event=event)
        if follow:
            _follow(service, reader, deployment_id)
        else:
            reader.print_new()
        if not reader.printed:
            yet = "" if follow or reader.ended() else " yet"
            say(f"No hook of {deployment_id} has written anything{yet}.")


class LogReader:
    """Prints what is new in the logs of a deployment, each behind a line that says whose it is."""

    def __init__(
        self, service: Service, deployment_id: str, *, target: str | None, event: str | None
    ) -> None:
        self._service = service
        self._path = ("deployments", deployment_id)
        self._target = target
        self._event = event
        self._seen: dict[Key, int] = {}
        self._last: Key | None = None

    @property
    def printed(self) -> bool:
        return self._last is not None

    def ended(self) -> bool:
        """Tell whether nothing more will be written."""
        deployment = self._service.get(*self._path)
        return is_final(deployment) and not (deployment.get("overview") or {}).get("InProgress")

    def print_new(self) -> None:
        """Print what was written since the last time.

        Raises:
            Refused: A target has no lifecycle event of the name that was asked for.
        """
        for target in self._targets():
            events = target.get("lifecycle_events") or ()
            self._check(events)
            for event in events:
                if self._event in (None, event.get("name")):
                    self._print_event(str(target["id"]), event)

    def _check(self, events: Sequence[Document]) -> None:
        names = [str(event.get("name")) for event in events]
        if self._event is not None and names and self._event not in names:
            there = ", ".join(names)
            raise Refused(f"There is no lifecycle event {self._event!r}; there are {there}.")

    def _targets(self) -> Iterator[Document]:
        if self._target is not None:
            yield self._service.get(*self._path, "targets", self._target)
        else:
            yield from self._service.items(*self._path, "targets")

    def _print_event(self, target: str, event: Document) -> None:
        key = (target, str(event.get("name")))
        seen = self._seen.get(key, 0)
        if int(event.get("log_size") or 0) <= seen:
            return
        path = (*self._path, "targets", target, "log")
        fresh, self._seen[key] = self._service.log(*path, event=key[1], after=seen)
        if fresh:
            self._write(key, fresh)

    def _write(self, key: Key, fresh: bytes) -> None:
        out = sys.stdout
        if key != self._last:
            gap = "\n" if self.printed else ""
            out.write(f"{gap}==> {key[0]} {key[1]} <==\n")
            self._last = key
        out.write(fresh.decode(errors="replace"))
        out.flush()


def _follow(service: Service, reader: LogReader, deployment_id: str) -> None:
    """Print what is new until the deployment has ended, also while the service restarts."""
    pauses, heard_at = Event(), monotonic()
    reader.print_new()
    while True:
        try:
            # Asked before the logs are read: what came in between is in them.
            ended = reader.ended()
            reader.print_new()
        except Unavailable:
            if monotonic() - heard_at >= PATIENCE.total_seconds():
                raise OutOfTouch(service.url, deployment_id, PATIENCE) from None
        else:
            heard_at = monotonic()
            if ended:
                return
        pauses.wait(PAUSE)
