"""Use cases on the tags of applications, deployment groups and deployment configs."""

from collections.abc import Mapping, Sequence

from tidegate.domain.arn import Arn, ResourceKind
from tidegate.domain.configs import PREDEFINED
from tidegate.domain.errors import Invalid, NotFound
from tidegate.domain.resource_tags import check_resource_tags
from tidegate.store.unit_of_work import UnitOfWork


def add_tags(arn: Arn, tags: Mapping[str, str], *, uow: UnitOfWork) -> None:
    """Give a resource more tags; one whose key it has is replaced.

    Raises:
        Invalid: One of them cannot be taken, or they would be too many.
        ApplicationNotFound, GroupNotFound, ConfigNotFound: There is no such resource.
    """
    check_resource_tags(tags)
    _refuse_predefined(arn)
    together = {**uow.resource_tags.of(arn, lock=True), **tags}
    check_resource_tags(together)
    uow.resource_tags.put(arn, together)


def remove_tags(arn: Arn, keys: Sequence[str], *, uow: UnitOfWork) -> None:
    """Take tags from a resource; keys that it does not have are passed over.

    Raises:
        ApplicationNotFound, GroupNotFound, ConfigNotFound: There is no such resource.
    """
    _refuse_predefined(arn)
    kept = uow.resource_tags.of(arn, lock=True)
    uow.resource_tags.put(arn, {key: kept[key] for key in kept if key not in keys})


def tags_of(arn: Arn, *, uow: UnitOfWork) -> dict[str, str]:
    """Return the tags of a resource; what is not there has none, as under CodeDeploy."""
    try:
        return uow.resource_tags.of(arn)
    except NotFound:
        return {}


def _refuse_predefined(arn: Arn) -> None:
    if arn.kind is ResourceKind.CONFIG and arn.name in PREDEFINED:
        raise Invalid(
            f"The deployment config {arn.name!r} is predefined and takes no tags.",
            code="ArnNotSupportedException",
        )
