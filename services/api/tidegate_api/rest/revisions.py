"""`/v1/applications/{application}/revisions`."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from typing_extensions import override

from tidegate.domain.access import Role
from tidegate.domain.ids import RevisionId
from tidegate.domain.revision import Revision, Source, SourceType
from tidegate.domain.revision_rules import APPSPECS
from tidegate.engine.appspecs import digest_of, register_appspec
from tidegate.engine.revisions import RevisionRequest, register_revision
from tidegate_api.auth import needs
from tidegate_api.bodies import is_json
from tidegate_api.parts import Parts, TheParts
from tidegate_api.problems import Problem
from tidegate_api.rest.paging import page_of, read_moment
from tidegate_api.rest.shapes import Cursor, In, Limit, Page
from tidegate_api.uploads import receive_upload

BundleType = Literal["tar", "tgz", "zip", "YAML", "JSON"]
router: Final = APIRouter(prefix="/applications/{application}/revisions", tags=["revisions"])


class S3In(In):
    type: Literal["s3"]
    bucket: str
    key: str
    version: str = ""
    etag: str = ""
    bundle_type: BundleType | None = None
    """YAML or JSON of an AppSpec for Lambda or ECS; of a bundle it is found out."""

    @property
    def is_pinned(self) -> bool:
        """Whether its digest must be said; that of an AppSpec may be left to each deployment."""
        return self.bundle_type not in APPSPECS

    def source(self, sha256: str) -> Source:
        return Source(
            type=SourceType.S3,
            sha256=sha256,
            bucket=self.bucket,
            key=self.key,
            version=self.version,
            etag=self.etag,
            bundle_type=self.bundle_type or "",
        )


class HttpIn(In):
    type: Literal["http"]
    url: str

    @property
    def is_pinned(self) -> bool:
        return True

    def source(self, sha256: str) -> Source:
        return Source(type=SourceType.HTTP, sha256=sha256, url=self.url)


class AppSpecIn(In):
    """The text of an AppSpec for Lambda or ECS, in YAML or JSON.

    One for Lambda may name several functions, whose aliases move together.
    """

    type: Literal["appspec_content"]
    content: Annotated[str, Field(min_length=1)]

    def source(self, sha256: str) -> Source:
        return Source(
            type=SourceType.APPSPEC_CONTENT,
            sha256=sha256 or digest_of(self.content),
            content=self.content,
        )


class RegisterIn(In):
    """A revision that lies elsewhere, where a worker fetches it, or the text of an AppSpec."""

    source: Annotated[S3In | HttpIn | AppSpecIn, Field(discriminator="type")]
    sha256: Annotated[str, Field(validate_default=True)] = ""
    """Must be there for a bundle that lies elsewhere."""
    description: str = ""

    @field_validator("sha256")
    @classmethod
    def _pins_what_lies_elsewhere(cls, sha256: str, info: ValidationInfo) -> str:
        source = info.data.get("source")
        if not sha256 and isinstance(source, S3In | HttpIn) and source.is_pinned:
            raise PydanticCustomError("missing", "Field required")
        return sha256

    def request(self) -> RevisionRequest:
        source = self.source.source(self.sha256.lower())
        return RevisionRequest(source=source, description=self.description or None)


class SourceOut(BaseModel):
    type: SourceType
    bucket: str | None = None
    key: str | None = None
    version: str | None = None
    etag: str | None = None
    url: str | None = None
    repository: str | None = None
    commit: str | None = None

    @classmethod
    def of(cls, source: Source) -> "SourceOut":
        return cls(
            type=source.type,
            bucket=source.bucket or None,
            key=source.key or None,
            version=source.version or None,
            etag=source.etag or None,
            url=source.url or None,
            repository=source.repository or None,
            commit=source.commit or None,
        )


class RevisionOut(BaseModel):
    id: str
    application: str
    source: SourceOut
    sha256: str | None
    """Null where each deployment finds it anew, as CodeDeploy's clients do not say it."""
    size: int | None
    """Null until a worker has fetched it."""
    bundle_type: str | None
    description: str
    registered_at: datetime
    first_used_at: datetime | None
    last_used_at: datetime | None
    deployment_groups: list[str]
    """Those whose last successful deployment was of this revision."""

    @classmethod
    def of(cls, revision: Revision) -> "RevisionOut":
        return cls(**_fields(revision))


class RevisionWithAppSpecOut(RevisionOut):
    appspec: dict[str, Any] | None
    """The AppSpec as it was understood; null until a worker has fetched the bundle."""
    content: str | None
    """The AppSpec as it was sent, where it came with the request."""

    @override
    @classmethod
    def of(cls, revision: Revision) -> "RevisionWithAppSpecOut":
        appspec = None if revision.appspec is None else dict(revision.appspec)
        content = revision.source.content or None
        return cls(**_fields(revision), appspec=appspec, content=content)


_REGISTER: Final = TypeAdapter(RegisterIn)
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {"schema": RegisterIn.model_json_schema()},
        },
    }
}


@router.post(
    "",
    status_code=201,
    summary="Upload a bundle (zip, tar or tgz as the body), register one, or send an AppSpec",
    dependencies=[Depends(needs(Role.DEPLOYER))],
    openapi_extra=_BODY,
    responses={
        200: {"model": RevisionWithAppSpecOut, "description": "It was there already."},
        413: {"model": Problem, "description": "The bundle is too large."},
        507: {"model": Problem, "description": "There is no space left."},
    },
)
async def create(
    request: Request,
    application: str,
    parts: TheParts,
    response: Response,
    description: Annotated[str, Query(description="For uploads; JSON has its own.")] = "",
) -> RevisionWithAppSpecOut:
    if is_json(request.headers):
        body = _registration(await request.body())
        revision, is_new = await to_thread.run_sync(_register, application, body, parts)
    else:
        revision, is_new = await receive_upload(request, application, description, parts)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/applications/{application}/revisions/{revision.id}"
    return RevisionWithAppSpecOut.of(revision)


@router.get("", summary="List revisions, newest first", dependencies=[Depends(needs(Role.VIEWER))])
def list_(
    application: str, parts: TheParts, limit: Limit = 100, cursor: Cursor = None
) -> Page[RevisionOut]:
    after = read_moment(cursor)
    with parts.store.read() as uow:
        owner = uow.catalog.application(application)
        found = uow.catalog.revisions_page(owner.id, limit=limit + 1, after=after)
    return page_of(
        found,
        limit,
        key=lambda one: [one.registered_at.isoformat(), one.id],
        shape=RevisionOut.of,
    )


@router.get(
    "/{revision}",
    summary="Show a revision with its AppSpec",
    dependencies=[Depends(needs(Role.VIEWER))],
)
def show(application: str, revision: str, parts: TheParts) -> RevisionWithAppSpecOut:
    with parts.store.read() as uow:
        owner = uow.catalog.application(application)
        return RevisionWithAppSpecOut.of(uow.catalog.revision(owner.id, RevisionId(revision)))


def _registration(body: bytes) -> RegisterIn:
    try:
        return _REGISTER.validate_json(body)
    except ValidationError as invalid:
        errors = [
            {**error, "loc": ("body", *error["loc"])}
            for error in invalid.errors(include_url=False, include_input=False)
        ]
        raise RequestValidationError(errors) from None


def _register(application: str, body: RegisterIn, parts: Parts) -> tuple[Revision, bool]:
    register = register_appspec if isinstance(body.source, AppSpecIn) else register_revision
    with parts.store.write() as uow:
        return register(application, body.request(), uow=uow)


def _fields(revision: Revision) -> dict[str, Any]:
    return {
        "id": revision.id,
        "application": revision.application,
        "source": SourceOut.of(revision.source),
        "sha256": revision.source.sha256 or None,
        "size": revision.size,
        "bundle_type": revision.bundle_type or revision.source.bundle_type or None,
        "description": revision.description,
        "registered_at": revision.registered_at,
        "first_used_at": revision.first_used_at,
        "last_used_at": revision.last_used_at,
        "deployment_groups": list(revision.groups),
    }
