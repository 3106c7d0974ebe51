"""What Systems Manager says of an instance or a command, and what to do about it.

Statuses: "Understanding command statuses" of the Systems Manager user guide. None of them proves
that the script did not run but those that are said to; only the runner's journal decides. What may
have run has the code `lost`: it is looked back at.
"""

from collections.abc import Mapping
from typing import Final

from tidegate.drivers.hosts.lines import quoted
from tidegate.drivers.hosts.ssm_calls import Invocation, Seen
from tidegate.drivers.hosts.ssm_wants import Trouble

AWAITED: Final = frozenset({"pending", "delayed"})
UNFINISHED: Final = AWAITED | {"inprogress", "cancelling"}
SUCCESS: Final = "success"
_ONLINE: Final = "Online"
_LINUX: Final = "Linux"
_STRANGERS: Final = frozenset(
    {
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    }
)
_NOEXEC: Final = 126
_NO_PYTHON: Final = 127


def unmanaged(seen: Seen | None, instance: str, region: str) -> Trouble | None:
    """Return why an instance cannot be sent a command; None where it can."""
    if seen is None and instance.startswith("mi-"):
        return Trouble(
            code="unreachable",
            message=f"is not managed by Systems Manager in {region}: it was deregistered, or "
            "activated in another region; register its SSM Agent there by a hybrid activation",
        )
    if seen is None:
        return Trouble(
            code="unreachable",
            message=f"is not managed by Systems Manager in {region}: it is stopped or terminated, "
            "its SSM Agent has not registered, or it lacks an instance profile with "
            "AmazonSSMManagedInstanceCore",
        )
    if seen.platform and seen.platform != _LINUX:
        return Trouble(
            code="refused",
            message=f"runs {quoted(seen.platform, 40)}, and Tidegate deploys to Linux over SSM; "
            "take it out of the deployment group",
            passes=False,
        )
    if seen.ping != _ONLINE:
        return Trouble(
            code="unreachable",
            message=f"has an SSM Agent that is offline ({quoted(seen.ping, 40)}); start "
            "amazon-ssm-agent there, and let it reach ssm, ssmmessages and ec2messages by HTTPS",
        )
    return None


MEANINGS: Final[Mapping[str, Trouble]] = {
    "deliverytimedout": Trouble(
        code="lost",
        message="did not take the command in time (Delivery Timed Out); see whether "
        "amazon-ssm-agent runs there",
    ),
    "undeliverable": Trouble(
        code="unreachable",
        message="could not be given the command (Undeliverable): it does not exist or its "
        "SSM Agent does not answer; see whether it runs",
    ),
    "terminated": Trouble(
        code="unreachable",
        message="was not given the command, which was ended before its turn (Terminated)",
    ),
    "invalidplatform": Trouble(
        code="refused",
        message="has a platform that cannot run shell scripts (Invalid Platform); take it out of "
        "the deployment group",
        passes=False,
    ),
    "accessdenied": Trouble(
        code="permission_denied",
        message="may not be sent commands by Tidegate (Access Denied); allow ssm:SendCommand for "
        "this instance and its tags",
        passes=False,
    ),
    "rateexceeded": Trouble(
        code="unreachable",
        message="was not given the command (Rate Exceeded): there are more commands under way than "
        "AWS allows this account; have its quota raised, or deploy to fewer hosts at a time",
    ),
    "executiontimedout": Trouble(
        code="lost",
        message="did not end the command in its time (Execution Timed Out)",
    ),
    "cancelled": Trouble(
        code="lost",
        message="was not heard to the end, as the command was cancelled (Cancelled); whoever did "
        "so did not stop the run",
    ),
}


def trouble_with(invocation: Invocation) -> Trouble:
    """Return what it means that a command did not succeed on an instance."""
    if invocation.status in MEANINGS:
        return MEANINGS[invocation.status]
    if invocation.status == "failed":
        return _failed(invocation)
    return Trouble(
        code="protocol",
        message=f"has a command of the status {quoted(invocation.status, 40)!r}, which Tidegate "
        "does not know",
    )


def _failed(invocation: Invocation) -> Trouble:
    words = quoted(invocation.output)
    if invocation.code == _NO_PYTHON or ("python3" in words and "not found" in words):
        return Trouble(
            code="no_python",
            message="has no python3 where root looks for programs; install Python 3.6 or newer "
            "there",
            passes=False,
        )
    if invocation.code == _NOEXEC:
        return Trouble(
            code="refused",
            message="does not let its SSM Agent run scripts (status 126); mount the file system "
            "of /var/lib/amazon without noexec",
            passes=False,
        )
    if invocation.code == -1:
        return Trouble(
            code="protocol",
            message="did not start the command (Failed): its SSM Agent was ended, or the machine "
            "was, meanwhile",
        )
    saying = f" and said {words!r}" if words else " without a word"
    return Trouble(
        code="protocol", message=f"ended the command with status {invocation.code}{saying}"
    )


def not_valid(region: str) -> Trouble:
    """Return what it means that an instance may not be named in a command, though it is seen."""
    return Trouble(
        code="unreachable",
        message=f"cannot be sent commands in {region} (InvalidInstanceId): it is not running, its "
        "SSM Agent is not registered, or Tidegate may not see it",
    )


def refused(code: str, sentence: str, *, sent: bool = False) -> Trouble:
    """Return what it means that a call was refused for good; *sent* is whether one had gone out."""
    what = "was sent a command, and cannot be heard" if sent else "cannot be sent commands"
    permission = "AccessDenied" in code or code == "UnauthorizedOperation"
    remedy = "; give Tidegate the rights that docs/hosts.md lists for SSM" if permission else ""
    if code in _STRANGERS:
        remedy = "; correct the AWS credentials of the workers for the queue hosts"
    if code == "InvalidOutputFolder":
        remedy = "; correct the output bucket and prefix of the deployment group"
    return Trouble(
        code="permission_denied" if permission else "misconfigured",
        message=f"{what}: {sentence}{remedy}",
        passes=False,
    )


def unheard(why: str) -> Trouble:
    """Return what it means that Systems Manager did not tell how a command fared."""
    return Trouble(code="lost", message=f"was sent a command, and nobody says how it fares: {why}")


def unfetched(bucket: str) -> Trouble:
    """Return what it means that an output is nowhere to be had whole."""
    where = f"the bucket {bucket}; let its instance profile s3:PutObject there" if bucket else "SSM"
    return Trouble(
        code="protocol", message=f"answered the command, and its output is not whole in {where}"
    )


SILENT: Final = Trouble(
    code="lost",
    message="has not answered the command; see whether amazon-ssm-agent runs there",
)
UNTAKEN: Final = Trouble(
    code="unreachable",
    message="has not taken the command; see whether amazon-ssm-agent runs there",
)
NOTHING_SAID: Final = Trouble(
    code="protocol", message="ran the command, and printed nothing that the runner prints"
)
OUR_FAULT: Final = Trouble(
    code="protocol",
    message="could not be asked, as Tidegate failed at that itself; the log of the worker says how",
)
ABANDONED: Final = Trouble(code="lost", message="was asked by a worker that has ended meanwhile")
