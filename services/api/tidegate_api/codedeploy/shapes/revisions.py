"""Revisions."""

from tidegate_api.codedeploy.shapes.shape import Moment, Shape, Text


class AppSpecContent(Shape):
    content: Text | None = None
    sha256: Text | None = None


class GitHubLocation(Shape):
    repository: Text | None = None
    commit_id: Text | None = None


class RawString(Shape):
    content: Text | None = None
    sha256: Text | None = None


class S3Location(Shape):
    bucket: Text | None = None
    key: Text | None = None
    bundle_type: Text | None = None
    version: Text | None = None
    e_tag: Text | None = None


class RevisionLocation(Shape):
    revision_type: Text | None = None
    s3_location: S3Location | None = None
    git_hub_location: GitHubLocation | None = None
    string: RawString | None = None
    app_spec_content: AppSpecContent | None = None


class GenericRevisionInfo(Shape):
    description: Text | None = None
    deployment_groups: list[Text] | None = None
    first_used_time: Moment | None = None
    last_used_time: Moment | None = None
    register_time: Moment | None = None


class RevisionInfo(Shape):
    revision_location: RevisionLocation | None = None
    generic_revision_info: GenericRevisionInfo | None = None


class RegisterApplicationRevisionInput(Shape):
    application_name: Text | None = None
    description: Text | None = None
    revision: RevisionLocation | None = None


class GetApplicationRevisionInput(Shape):
    application_name: Text | None = None
    revision: RevisionLocation | None = None


class GetApplicationRevisionOutput(Shape):
    application_name: Text | None = None
    revision: RevisionLocation | None = None
    revision_info: GenericRevisionInfo | None = None


class BatchGetApplicationRevisionsInput(Shape):
    application_name: Text | None = None
    revisions: list[RevisionLocation] | None = None


class BatchGetApplicationRevisionsOutput(Shape):
    application_name: Text | None = None
    error_message: Text | None = None
    revisions: list[RevisionInfo] | None = None


class ListApplicationRevisionsInput(Shape):
    application_name: Text | None = None
    sort_by: Text | None = None
    sort_order: Text | None = None
    s3_bucket: Text | None = None
    s3_key_prefix: Text | None = None
    deployed: Text | None = None
    next_token: Text | None = None


class ListApplicationRevisionsOutput(Shape):
    revisions: list[RevisionLocation] | None = None
    next_token: Text | None = None
