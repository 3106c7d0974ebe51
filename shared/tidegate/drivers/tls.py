"""Certificates that are not trusted, found in what an HTTP client raises."""

import ssl


def distrust_in(error: BaseException | None) -> str | None:
    """Return what is wrong with the certificate that led to an error, or None if nothing is."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None
