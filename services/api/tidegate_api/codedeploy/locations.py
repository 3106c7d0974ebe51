"""Where revisions lie, as CodeDeploy's clients are told."""

from tidegate.domain.revision import Revision, SourceType
from tidegate_api.codedeploy.shapes.revisions import RevisionLocation, S3Location


def location_of(revision: Revision) -> RevisionLocation | None:
    """Return the location of a revision; one that was uploaded by `/v1` has none on AWS."""
    source = revision.source
    if source.type is not SourceType.S3:
        return None
    return RevisionLocation(
        revision_type="S3",
        s3_location=S3Location(
            bucket=source.bucket,
            key=source.key,
            bundle_type=revision.bundle_type,
            version=source.version or None,
        ),
    )
