"""State changes, put on an EventBridge event bus."""

from datetime import timedelta
from typing import Final

from tidegate.domain.notices import EVENT_BUS, EVENT_SOURCE, Notice
from tidegate.drivers.aws_calls import refusal
from tidegate.drivers.notices import NoticeRefused
from tidegate.drivers.notices.aws import TIMEOUT, aws_errors, clients_of, meaning

_FOREIGN_SOURCE: Final = "NotAuthorizedForSourceException"


class EventBridgeSender:
    """Puts events on the bus that a notice names, in its region.

    AWS itself lets nobody else say `aws.codedeploy`; there, *source* must be another, and rules
    must ask for that.
    """

    def __init__(
        self,
        *,
        source: str = EVENT_SOURCE,
        assume_role: bool = False,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        self._source = source
        self._clients = clients_of("events", timeout, assume_role=assume_role)

    def send(self, notice: Notice) -> None:
        if not EVENT_BUS.fullmatch(notice.target):
            raise NoticeRefused(f"{notice.target[:200]!r} is no event bus; give its name or ARN.")
        entry = {
            "EventBusName": notice.target,
            "Source": self._source,
            "DetailType": notice.subject,
            "Detail": notice.body,
            "Resources": list(notice.resources),
            "Time": notice.at,
        }
        with aws_errors("EventBridge", notice.target):
            events = self._clients.of(notice.region, notice.role_arn)
            answer = events.put_events(Entries=[entry])
        self._check(answer, notice.target)

    def _check(self, answer: dict[str, object], target: str) -> None:
        """See that the one entry was taken: that it was not is no error of the call."""
        entries = answer.get("Entries")
        entry = entries[0] if isinstance(entries, list) and entries else {}
        if entry.get("EventId"):
            return
        code = entry.get("ErrorCode", "InternalFailure")
        if code == _FOREIGN_SOURCE:
            raise NoticeRefused(
                f"EventBridge takes no events of {self._source} from others than AWS for {target}; "
                "choose another source."
            )
        message = entry.get("ErrorMessage", "")
        raise meaning(refusal("EventBridge", "PutEvents", target, code, message))
