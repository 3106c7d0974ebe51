"""Messages of triggers, published to SNS topics."""

import re
from datetime import timedelta
from typing import Final

from tidegate.domain.notices import Notice
from tidegate.drivers.notices import NoticeRefused
from tidegate.drivers.notices.aws import TIMEOUT, aws_errors, clients_of

_TOPIC: Final = re.compile(r"arn:[\w-]+:sns:[\w-]+:[0-9]{12}:[\w.-]{1,256}", re.ASCII)


class SnsSender:
    """Publishes in the region of the topic, with subject and message and no attributes."""

    def __init__(self, *, assume_role: bool = False, timeout: timedelta = TIMEOUT) -> None:
        self._clients = clients_of("sns", timeout, assume_role=assume_role)

    def send(self, notice: Notice) -> None:
        if not _TOPIC.fullmatch(notice.target):
            raise NoticeRefused(
                f"{notice.target[:200]!r} is no ARN of a topic; correct the group's trigger."
            )
        with aws_errors("SNS", notice.target):
            self._clients.of(notice.region, notice.role_arn).publish(
                TopicArn=notice.target, Subject=notice.subject, Message=notice.body
            )
