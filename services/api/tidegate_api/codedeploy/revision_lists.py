"""What a list of revisions is asked for: filters, order, and where it goes on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tidegate.domain.ids import ApplicationId
from tidegate.domain.revision import Revision, SourceType
from tidegate.domain.revision_rules import LONGEST_KEY, is_bucket
from tidegate.store.revision_lists import RevisionQuery, RevisionTime
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.paging import read_moment, read_token
from tidegate_api.codedeploy.shapes.revisions import ListApplicationRevisionsInput
from tidegate_api.cursors import write_cursor

_LIST: Final = "ListApplicationRevisions"
_TIMES: Final = {
    "registerTime": RevisionTime.REGISTERED,
    "firstUsedTime": RevisionTime.FIRST_USED,
    "lastUsedTime": RevisionTime.LAST_USED,
}
_ORDERS: Final = {"ascending": False, "descending": True}
_STATES: Final = {"include": True, "exclude": False, "ignore": None}
_NAMEABLE: Final = (
    SourceType.S3,
    SourceType.GITHUB,
    SourceType.STRING,
    SourceType.APPSPEC_CONTENT,
)
"""What these clients have locations for: uploads and addresses of `/v1` are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionList:
    """A list that was asked for, of whichever application."""

    sort_by: RevisionTime
    descending: bool
    s3_bucket: str | None
    s3_key_prefix: str
    is_target: bool | None

    def of(self, application_id: ApplicationId) -> RevisionQuery:
        """Return what the store is asked for."""
        return RevisionQuery(
            application_id=application_id,
            types=_NAMEABLE,
            s3_bucket=self.s3_bucket,
            s3_key_prefix=self.s3_key_prefix,
            is_target=self.is_target,
            sort_by=self.sort_by,
            descending=self.descending,
        )

    @property
    def name(self) -> str:
        """What its tokens are known by: in another order they would lead anywhere."""
        return f"{_LIST} {self.sort_by} {'down' if self.descending else 'up'}"


def read_list(wanted: ListApplicationRevisionsInput) -> RevisionList:
    """Return the list that a request asks for.

    Raises:
        AwsError: One of its words is none, or a filter cannot be met.
    """
    if wanted.sort_by not in {None, *_TIMES}:
        raise _no_word("SortBy", wanted.sort_by, list(_TIMES))
    if wanted.sort_order not in {None, *_ORDERS}:
        raise _no_word("SortOrder", wanted.sort_order, list(_ORDERS))
    if wanted.deployed not in {None, *_STATES}:
        raise _no_word("DeployedStateFilter", wanted.deployed, list(_STATES))
    _check_filters(wanted.s3_bucket, wanted.s3_key_prefix or "")
    return RevisionList(
        sort_by=_TIMES[wanted.sort_by or "registerTime"],
        descending=_ORDERS[wanted.sort_order or "ascending"],
        s3_bucket=wanted.s3_bucket,
        s3_key_prefix=wanted.s3_key_prefix or "",
        is_target=_STATES[wanted.deployed or "ignore"],
    )


def read_key(token: str | None, asked: RevisionList) -> tuple[datetime | None, str] | None:
    """Return the time and the id that a token stands behind; None at the start.

    Raises:
        AwsError: The token is none that this list gave in this order.
    """
    key = read_token(asked.name, token, size=2)
    if key is not None and not key[0] and asked.sort_by is not RevisionTime.REGISTERED:
        return None, key[1]
    return read_moment(asked.name, token)


def token_of(last: Revision, asked: RevisionList) -> str:
    """Return the token that stands behind the last revision of a page."""
    at = asked.sort_by.of(last)
    return write_cursor([asked.name, "" if at is None else at.isoformat(), last.id])


def _check_filters(bucket: str | None, prefix: str) -> None:
    if bucket is None and prefix:
        raise AwsError(
            "BucketNameFilterRequiredException",
            "An s3KeyPrefix needs the s3Bucket that it is for.",
        )
    if bucket is not None and not is_bucket(bucket):
        raise AwsError(
            "InvalidBucketNameFilterException",
            f"{bucket[:80]!r} cannot be the name of an S3 bucket.",
        )
    if len(prefix.encode()) > LONGEST_KEY:
        raise AwsError(
            "InvalidKeyPrefixFilterException",
            f"No key of an S3 object has more than {LONGEST_KEY:,} bytes, and so no prefix of one.",
        )


def _no_word(stem: str, word: str | None, known: list[str]) -> AwsError:
    return AwsError(
        f"Invalid{stem}Exception",
        f"{(word or '')[:80]!r} is none of {', '.join(known)}.",
    )
