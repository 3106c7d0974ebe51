"""Calls by a role that is assumed: against a server that tells who signed what."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from tidegate.domain.notices import Channel, Notice
from tidegate.drivers.notices import NoticeRefused, NoticeUndelivered, notice_sender

ROLE = "arn:aws:iam::123456789012:role/CodeDeploy"
NOTICE = Notice(
    channel=Channel.SNS,
    target="arn:aws:sns:eu-central-1:123456789012:some-topic",
    region="eu-central-1",
    subject="s",
    body="{}",
    at=datetime(2026, 11, 3, tzinfo=UTC),
    role_arn=ROLE,
)
ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>ASSUMED{n}</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token{n}</SessionToken>
<Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
PUBLISHED = (
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
    "<PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
)
REFUSED = "<ErrorResponse><Error><Code>{code}</Code><Message>No.</Message></Error></ErrorResponse>"


@dataclass
class Aws:
    """STS and SNS, and what they were asked."""

    roles: list[str] = field(default_factory=list)
    signers: list[str] = field(default_factory=list)
    lasts: timedelta = timedelta(hours=1)
    refusal: tuple[int, str] | None = None

    def answer(self, asked: dict[str, list[str]], key: str) -> tuple[int, str]:
        if asked["Action"] != ["AssumeRole"]:
            self.signers.append(key)
            return 200, PUBLISHED
        if self.refusal:
            status, code = self.refusal
            return status, REFUSED.format(code=code)
        self.roles += asked["RoleArn"]
        until = (datetime.now(UTC) + self.lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, ASSUMED.format(n=len(self.roles), until=until)


@pytest.fixture
def aws(environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    aws = Aws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            key = re.search(r"Credential=(\w+)/", self.headers["Authorization"])
            assert key is not None
            status, text = aws.answer(asked, key[1])
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    for service in ("SNS", "STS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{server.server_port}")
    yield aws
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_role_of_a_notice_is_assumed_once_for_many(aws):
    sender = notice_sender(Channel.SNS, assume_role=True)

    for _ in range(3):
        sender.send(NOTICE)

    assert aws.roles == [ROLE]
    assert aws.signers == ["ASSUMED1"] * 3


def test_each_role_has_its_own_credentials(aws):
    sender = notice_sender(Channel.SNS, assume_role=True)

    for name in ("one", "two", "one"):
        sender.send(replace(NOTICE, role_arn=f"{ROLE}/{name}"))

    assert aws.roles == [f"{ROLE}/one", f"{ROLE}/two"]
    assert aws.signers == ["ASSUMED1", "ASSUMED2", "ASSUMED1"]


def test_credentials_are_renewed_before_they_expire(aws):
    aws.lasts = timedelta(minutes=9)
    sender = notice_sender(Channel.SNS, assume_role=True)

    sender.send(NOTICE)
    sender.send(NOTICE)

    assert len(aws.roles) >= 2
    assert aws.signers[0] != aws.signers[1]


@pytest.mark.parametrize(("assume_role", "role"), [(False, ROLE), (True, "")])
def test_without_a_role_or_the_wish_tidegate_signs_itself(aws, assume_role, role):
    notice_sender(Channel.SNS, assume_role=assume_role).send(replace(NOTICE, role_arn=role))

    assert aws.roles == []
    assert aws.signers == ["testing"]


def test_a_role_that_may_not_be_assumed_is_named(aws):
    aws.refusal = (403, "AccessDenied")

    with pytest.raises(NoticeRefused) as refusal:
        notice_sender(Channel.SNS, assume_role=True).send(NOTICE)

    assert str(refusal.value) == (
        f"STS answered AccessDenied to AssumeRole for the role {ROLE} (No); it is not sent again."
    )
    assert aws.signers == []


def test_a_busy_sts_is_asked_again_later(aws):
    aws.refusal = (400, "Throttling")

    with pytest.raises(
        NoticeUndelivered, match=f"STS answered Throttling to AssumeRole for the role {ROLE}"
    ):
        notice_sender(Channel.SNS, assume_role=True).send(NOTICE)


def test_what_was_refused_once_is_asked_anew(aws):
    sender = notice_sender(Channel.SNS, assume_role=True)
    aws.refusal = (403, "AccessDenied")
    with pytest.raises(NoticeRefused):
        sender.send(NOTICE)

    aws.refusal = None
    sender.send(NOTICE)

    assert aws.signers == ["ASSUMED1"]
