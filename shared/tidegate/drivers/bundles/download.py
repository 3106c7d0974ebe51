"""How a bundle is read from somewhere else: within bounds, and with errors as sentences."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx2

from tidegate.clock import monotonic
from tidegate.domain.errors import TooLarge
from tidegate.drivers.bundles.errors import FetchFailed, SourceUnreachable, WrongDigest
from tidegate.drivers.bundles.files import SETTING
from tidegate.drivers.tls import distrust_in

REDIRECTS: Final = 5
LONGEST: Final = timedelta(minutes=30)


def public_address(url: str) -> str:
    """Return *url* without what may be secret in it: user, password, query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "this address"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def check_size(size: int, limit: int) -> None:
    """Refuse an announced size that is too large.

    Raises:
        TooLarge: It is more than *limit* bytes.
    """
    if size > limit:
        raise TooLarge("bundle", limit, SETTING)


@contextmanager
def http_errors(where: str) -> Iterator[None]:
    """Turn the HTTP client's exceptions into ours; its texts may hold secrets of the address.

    Raises:
        FetchFailed: A later try would end alike.
        SourceUnreachable: It may go well.
    """
    try:
        yield
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, UnicodeError):
        # The last is Python's own word for a host that cannot be looked up, as in http://a..b/.
        sentence = f"{where} is, or leads to, no http or https address"
        raise FetchFailed(f"{sentence}; correct it.") from None
    except httpx2.TooManyRedirects:
        raise FetchFailed(f"{where} redirects more than {REDIRECTS} times.") from None
    except httpx2.TimeoutException:
        raise SourceUnreachable(f"{where} did not answer in time.") from None
    except httpx2.HTTPError as error:
        if (distrust := distrust_in(error)) is not None:
            sentence = f"The certificate of {where} is not trusted ({distrust})"
            raise FetchFailed(f"{sentence}; SSL_CERT_FILE names authorities that are.") from None
        kind = type(error).__name__
        raise SourceUnreachable(f"{where} cannot be read ({kind}).") from None


def in_time(chunks: Iterable[bytes], where: str, longest: timedelta) -> Iterator[bytes]:
    """Pass the chunks on as they come, but give up on a source that drips for ever.

    Raises:
        SourceUnreachable: It took longer than *longest*.
    """
    begun = monotonic()
    for chunk in chunks:
        if monotonic() - begun > longest.total_seconds():
            minutes = longest.total_seconds() / 60
            raise SourceUnreachable(f"{where} took longer than {minutes:.0f} minutes to send.")
        yield chunk


def verified(chunks: Iterable[bytes], sha256: str, where: str) -> Iterator[bytes]:
    """Pass the chunks on, and fail before the store takes them if their digest is another.

    Raises:
        WrongDigest: It is.
    """
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise WrongDigest(where, sha256, digest.hexdigest())
