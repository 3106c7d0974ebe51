"""What can go wrong with bundles and their stores."""

from tidegate.domain.errors import Refused


class BadArchive(Refused):
    """A bundle that cannot or must not be unpacked."""

    code = "InvalidBundle"
    http_status = 422


class AppSpecMissing(BadArchive):
    """A sound archive without an AppSpec where the agent looks for it."""


class ArtifactMissing(Refused):
    code = "ArtifactMissing"
    http_status = 404

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"The artifact store holds no bundle with the sha256 {sha256}; upload it again."
        )


class StoreUnavailable(Refused):
    """The artifact store itself cannot be used at present."""

    code = "ArtifactStoreUnavailable"
    http_status = 503


class NoSuchStore(Refused):
    code = "NoSuchArtifactStore"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url!r} names no artifact store; it is a folder (/path or file:///path) "
            "or s3://bucket/prefix."
        )


class FetchFailed(Refused):
    """A revision could not be fetched from where it lies."""

    code = "FetchFailed"
    http_status = 422


class SourceUnreachable(FetchFailed):
    """Where a revision lies does not answer just now; a later try may go well."""

    code = "SourceUnreachable"
    http_status = 503


class WrongDigest(FetchFailed):
    """What lies there is not what was registered."""

    def __init__(self, where: str, expected: str, found: str) -> None:
        super().__init__(
            f"{where} has the sha256 {found}, not {expected} as registered; "
            "register the revision again if the new content is wanted."
        )
