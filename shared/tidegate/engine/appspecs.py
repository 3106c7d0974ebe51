"""AppSpecs that come as texts: those that hosts have, and those that are revisions."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from tidegate.appspec import InvalidAppSpec, parse_appspec
from tidegate.domain.revision import Revision
from tidegate.domain.revision_rules import check_platform
from tidegate.engine.revisions import BundleFacts, RevisionRequest, register_revision
from tidegate.store.unit_of_work import UnitOfWork


def read_appspec(text: bytes) -> Mapping[str, object]:
    """Return what an AppSpec says, or the agent's words for what is wrong with it."""
    try:
        return {"appspec": parse_appspec(text).as_json()}
    except InvalidAppSpec as invalid:
        return {"error": invalid.message}


def register_appspec(
    application_name: str, request: RevisionRequest, *, uow: UnitOfWork
) -> tuple[Revision, bool]:
    """Register the text of an AppSpec that is sound, and tell whether it is new.

    Raises:
        ApplicationNotFound: There is no such application.
        InvalidAppSpec: It is wrong; it names every problem.
        Invalid: It is for servers, or another value cannot be taken.
    """
    platform = uow.catalog.application(application_name).compute_platform
    check_platform(request.source, platform)
    appspec = parse_appspec(request.source.content, platform=platform.value)
    known = replace(request, facts=BundleFacts(appspec=appspec.as_json()))
    return register_revision(application_name, known, uow=uow)


def digest_of(text: str) -> str:
    """Return the sha256 by which a text is known."""
    return hashlib.sha256(text.encode()).hexdigest()
