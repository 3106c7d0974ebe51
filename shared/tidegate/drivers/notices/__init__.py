"""Notices: how what happened reaches those who asked to be told."""

from typing import Protocol

from tidegate.domain.notices import EVENT_SOURCE, Channel, Notice


class NoticeRefused(Exception):
    """It will not pass, however often it is sent; the sentence says what must change first."""


class NoticeUndelivered(Exception):
    """It did not pass now; a later try may go well."""


class NoticeSender(Protocol):
    """Sends notices through one channel; any number of threads may share it.

    One that was sent twice arrives twice: there is nothing in it that would tell.
    """

    def send(self, notice: Notice) -> None:
        """Send one, within some ten seconds.

        Raises:
            NoticeRefused: It will not pass.
            NoticeUndelivered: It may pass later.
        """


def notice_sender(
    channel: Channel, *, source: str = EVENT_SOURCE, assume_role: bool = False
) -> NoticeSender:
    """Return what sends through a channel; events say that they come from *source*.

    Where it is to *assume_role*, what a notice names as such is what AWS is called by.
    """
    # boto3 takes long to import, and who has no triggers does not need it.
    from tidegate.drivers.notices.eventbridge import EventBridgeSender  # noqa: PLC0415
    from tidegate.drivers.notices.sns import SnsSender  # noqa: PLC0415

    match channel:
        case Channel.SNS:
            return SnsSender(assume_role=assume_role)
        case Channel.EVENTBRIDGE:
            return EventBridgeSender(source=source, assume_role=assume_role)
