"""A deployment as lines: one for each transition, for pipes and logs of pipelines."""

from collections.abc import Sequence
from typing import IO

from tidegate.clock import Clock, SystemClock
from tidegate_cli.client import Document
from tidegate_cli.output import write
from tidegate_cli.progress import Progress
from tidegate_cli.traffic_view import bar, coming, percent
from tidegate_cli.verdict import sentence


class PlainView:
    """Prints a line whenever something happened."""

    def __init__(self, out: IO[str], clock: Clock | None = None) -> None:
        self._out = out
        self._clock = clock or SystemClock()
        self._trouble: str | None = None
        self._next: object = None
        self._weights: dict[str, object] = {}
        self._messages: list[object] = []

    def begin(self, progress: Progress) -> None:
        self._print(headline(progress.deployment))

    def note(self, progress: Progress, events: Sequence[Document]) -> None:
        # They were asked for before these events came.
        self._note_messages(progress)
        for event in events:
            self._print(line(event, str(progress.deployment.get("id"))))
        self._note_traffic(progress)

    def _note_messages(self, progress: Progress) -> None:
        """Tell what else there is to say, such as why nothing begins just now."""
        messages = list(progress.deployment.get("status_messages") or ())
        for message in messages:
            if message not in self._messages:
                self._print(str(message))
        self._messages = messages

    def _note_traffic(self, progress: Progress) -> None:
        """Tell of weights that were read anew, and of what comes next as soon as it has a time."""
        for name, traffic in progress.traffic.items():
            found = traffic.get("found")
            if found and self._weights.get(name) != found.get("weight"):
                self._weights[name] = found.get("weight")
                self._print(weight_line(name, found))
        next_ = progress.deployment.get("next")
        if next_ and next_.get("at") and next_ != self._next:
            self._next = next_
            self._print(coming(progress.deployment, self._clock.now()))

    def worry(self, trouble: str | None) -> None:
        if trouble and self._trouble is None:
            self._print(f"{trouble} Trying again.")
        elif self._trouble and trouble is None:
            self._print("The service answers again.")
        self._trouble = trouble

    def end(self, progress: Progress) -> None:
        self._print(sentence(progress.deployment))

    def _print(self, text: str) -> None:
        write(text, self._out)


def headline(deployment: Document) -> str:
    """Return what a deployment is about."""
    rolled_back = (deployment.get("rollback") or {}).get("rollback_triggering_deployment_id")
    why = f", to roll back {rolled_back}" if rolled_back else ""
    return (
        f"Deployment {deployment.get('id')}: {deployment.get('revision')} to "
        f"{deployment.get('application')}/{deployment.get('deployment_group')}, "
        f"{deployment.get('deployment_config')}{why}"
    )


def weight_line(target: str, found: Document) -> str:
    """Return the share of the traffic that a replacement was found to have; the time is UTC."""
    _, _, time = str(found.get("read_at") or "").partition("T")
    weight = float(found.get("weight") or 0)
    return f"{time[:8]}  {target}  [{bar(weight, plain=True)}] {percent(weight)}"


def line(event: Document, deployment_id: str) -> str:
    """Return a transition as one line; the time is UTC."""
    _, _, time = str(event.get("at") or "").partition("T")
    words = [time[:8], str(event.get("target") or deployment_id)]
    is_note = event.get("from") == event.get("to")
    if event.get("subject") == "alarm":
        words.append("alarm")
    if event.get("subject") in {"lifecycle_event", "step", "alarm"} or is_note:
        words.append(str(event.get("name") or ""))
    words.append(str(event.get("to") or ""))
    text = "  ".join(word for word in words if word)
    reason = " ".join(str(event.get("reason") or "").split())
    return f"{text}  {reason}" if reason else text
