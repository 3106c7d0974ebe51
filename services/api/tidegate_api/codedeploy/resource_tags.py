"""Operations on the tags of applications, deployment groups and deployment configs."""

from collections.abc import Sequence

from tidegate.domain.arn import Arn
from tidegate.engine.resource_tags import add_tags, remove_tags, tags_of
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.shapes.resource_tags import (
    ListTagsForResourceInput,
    ListTagsForResourceOutput,
    TagResourceInput,
    TagResourceOutput,
    UntagResourceInput,
    UntagResourceOutput,
)
from tidegate_api.codedeploy.shapes.tags import Tag


def tag(call: Call, wanted: TagResourceInput) -> TagResourceOutput:
    arn = _arn(call, wanted.resource_arn)
    if not wanted.tags:
        raise AwsError("TagRequiredException", "At least one tag must be specified")
    add_tags(arn, tags_to_add(wanted.tags), uow=call.uow)
    return TagResourceOutput()


def untag(call: Call, wanted: UntagResourceInput) -> UntagResourceOutput:
    arn = _arn(call, wanted.resource_arn)
    if not wanted.tag_keys:
        raise AwsError("TagRequiredException", "At least one tag key must be specified")
    remove_tags(arn, wanted.tag_keys, uow=call.uow)
    return UntagResourceOutput()


def list_(call: Call, wanted: ListTagsForResourceInput) -> ListTagsForResourceOutput:
    # The 50 tags that a resource may have are one page, so that no token is ever given.
    found = tags_of(_arn(call, wanted.resource_arn), uow=call.uow)
    return ListTagsForResourceOutput(
        tags=[Tag(key=key, value=value) for key, value in sorted(found.items())]
    )


def tags_to_add(tags: Sequence[Tag]) -> dict[str, str]:
    """Return tags by their keys.

    Raises:
        AwsError: One has no key, or two have the same.
    """
    found: dict[str, str] = {}
    for one in tags:
        if not one.key:
            raise _invalid("A tag needs a Key.")
        if one.key in found:
            raise _invalid(f"The key {one.key[:40]!r} is there twice.")
        found[one.key] = one.value or ""
    return found


def _arn(call: Call, text: str | None) -> Arn:
    if not text:
        raise AwsError("ResourceArnRequiredException", "The ResourceArn must be specified")
    return call.arn(text)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidTagsToAddException", message)
