"""Operations on revisions."""

from typing import Final

from tidegate.domain.errors import RevisionNotFound
from tidegate.domain.revision import Revision
from tidegate.engine.revisions import (
    RevisionRequest,
    check_description,
    find_revision,
    register_revision,
)
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.locations import location_of, read_location
from tidegate_api.codedeploy.names import application_name, batch
from tidegate_api.codedeploy.paging import PAGE
from tidegate_api.codedeploy.revision_lists import read_key, read_list, token_of
from tidegate_api.codedeploy.shapes.revisions import (
    BatchGetApplicationRevisionsInput,
    BatchGetApplicationRevisionsOutput,
    GenericRevisionInfo,
    GetApplicationRevisionInput,
    GetApplicationRevisionOutput,
    ListApplicationRevisionsInput,
    ListApplicationRevisionsOutput,
    RegisterApplicationRevisionInput,
    RevisionInfo,
)

MOST_AT_ONCE: Final = 25
MOST_DESCRIPTION: Final = 256


def register(call: Call, wanted: RegisterApplicationRevisionInput) -> None:
    name = application_name(wanted.application_name)
    source = read_location(wanted.revision)
    check_description(wanted.description or "", most=MOST_DESCRIPTION)
    request = RevisionRequest(source=source, description=wanted.description)
    try:
        register_revision(name, request, uow=call.uow)
    except RevisionNotFound as unknown:
        # What names a digest alone registers nothing, and this operation declares only this code.
        raise AwsError(
            "InvalidRevisionException", f"The content of {unknown.name} is not known; send it."
        ) from None


def get(call: Call, wanted: GetApplicationRevisionInput) -> GetApplicationRevisionOutput:
    name = application_name(wanted.application_name)
    source = read_location(wanted.revision)
    revision = find_revision(call.uow.catalog.application(name), source, uow=call.uow)
    return GetApplicationRevisionOutput(
        application_name=name,
        revision=location_of(revision, with_content=True),
        revision_info=_info(revision),
    )


def batch_get(
    call: Call, wanted: BatchGetApplicationRevisionsInput
) -> BatchGetApplicationRevisionsOutput:
    name = application_name(wanted.application_name)
    asked = batch(wanted.revisions, most=MOST_AT_ONCE, what="revisions", required="Revision")
    sources = [read_location(location) for location in asked]
    application = call.uow.catalog.application(name)
    found: dict[str, Revision] = {}
    unknown: dict[str, None] = {}
    for source in sources:
        try:
            revision = find_revision(application, source, uow=call.uow)
        except RevisionNotFound as missing:
            unknown[missing.name] = None
        else:
            found[revision.id] = revision
    return BatchGetApplicationRevisionsOutput(
        application_name=name,
        revisions=[
            RevisionInfo(revision_location=location_of(one), generic_revision_info=_info(one))
            for one in found.values()
        ],
        error_message=f"No revision found for: {', '.join(unknown)}" if unknown else "",
    )


def list_(call: Call, wanted: ListApplicationRevisionsInput) -> ListApplicationRevisionsOutput:
    name = application_name(wanted.application_name)
    asked = read_list(wanted)
    after = read_key(wanted.next_token, asked)
    query = asked.of(call.uow.catalog.application(name).id)
    found = call.uow.catalog.sorted_revisions(query, limit=PAGE + 1, after=after)
    locations = [location_of(one) for one in found[:PAGE]]
    return ListApplicationRevisionsOutput(
        revisions=[location for location in locations if location is not None],
        next_token=token_of(found[PAGE - 1], asked) if len(found) > PAGE else None,
    )


def _info(revision: Revision) -> GenericRevisionInfo:
    return GenericRevisionInfo(
        description=revision.description or None,
        deployment_groups=list(revision.groups),
        register_time=revision.registered_at,
        first_used_time=revision.first_used_at,
        last_used_time=revision.last_used_at,
    )
