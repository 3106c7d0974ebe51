"""Signature Version 4: what a request claims, and whether its signature proves it. Pure."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from tidegate_api.codedeploy.errors import AwsError

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
STAMP: Final = "%Y%m%dT%H%M%SZ"
LONGEST_LIFE: Final = 7 * 24 * 3600
"""Seconds for which a presigned request may be good."""
_UNHASHED: Final = re.compile(r"UNSIGNED-|STREAMING-")
_WHOLE: Final = re.compile(r"[0-9]{1,6}")
_PARTS_OF_STAMP: Final = re.compile(
    r"([0-9]{4})" + r"([0-9]{2})" * 2 + "T" + r"([0-9]{2})" * 3 + "Z"
)
_SPACES: Final = re.compile(r" +")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request as it came in."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    """Decoded."""
    headers: Mapping[str, str]
    """By lower-case name, read as Latin-1; what came several times is joined by commas."""
    body: bytes

    def parameter(self, name: str) -> str | None:
        """Return a query parameter, if it is there once."""
        found = [value for key, value in self.query if key == name]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a request says of its signature."""

    key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    signed_at: datetime
    good_for: timedelta | None
    """How long a presigned request may be used; None where the header has the signature."""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"

    @property
    def stamp(self) -> str:
        return self.signed_at.strftime(STAMP)


def parse_query(raw: bytes) -> list[tuple[str, str]]:
    """Return the parameters of a query string as it stands on the wire."""
    pairs = (pair.partition("=") for pair in raw.decode("latin-1").split("&") if pair)
    return [(unquote(key), unquote(value)) for key, _, value in pairs]


def parse_claim(request: SignedRequest) -> Claim:
    """Return what *request* claims, in its header or its query.

    Raises:
        AwsError: It claims nothing, or only in part.
    """
    header = request.headers.get("authorization")
    if header is not None:
        return _from_header(request, header)
    if request.parameter("X-Amz-Algorithm") is not None:
        return _from_query(request)
    raise AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token")


def check_body(request: SignedRequest) -> None:
    """Refuse a body that its signature does not cover.

    Raises:
        AwsError: It is unsigned, signed in chunks, or not the one that was signed.
    """
    declared = request.headers.get("x-amz-content-sha256", "")
    if _UNHASHED.match(declared) or "aws-chunked" in request.headers.get("content-encoding", ""):
        raise _invalid("The payload must be signed as a whole; unsigned and chunked ones are not.")
    if declared and declared != hashlib.sha256(request.body).hexdigest():
        raise _invalid(
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        )


def check_headers(request: SignedRequest, claim: Claim) -> None:
    """Refuse a request that leaves open where it goes or what it asks for.

    Raises:
        AwsError: Its host or one of its `x-amz-` headers is not signed.
    """
    for name in ("host", *sorted(n for n in request.headers if n.startswith("x-amz-"))):
        if name not in claim.signed_headers:
            raise _invalid(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def proves(request: SignedRequest, claim: Claim, secret: str) -> bool:
    """Tell whether whoever signed *request* knew *secret*."""
    key = _signing_key(secret, claim.date, claim.region, claim.service)
    wanted = hmac.new(key, string_to_sign(request, claim).encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), claim.signature.encode("utf-8", "replace"))


def string_to_sign(request: SignedRequest, claim: Claim) -> str:
    """Return what is signed in the end."""
    digest = hashlib.sha256(canonical_request(request, claim).encode("utf-8", "surrogateescape"))
    return f"{ALGORITHM}\n{claim.stamp}\n{claim.scope}\n{digest.hexdigest()}"


def canonical_request(request: SignedRequest, claim: Claim) -> str:
    """Return a request in the one form that both sides can arrive at."""
    headers = "".join(
        f"{name}:{_SPACES.sub(' ', _as_sent(request.headers.get(name, '')).strip())}\n"
        for name in claim.signed_headers
    )
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            _canonical_query(request.query),
            headers,
            ";".join(claim.signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _as_sent(value: str) -> str:
    """Return a header as its bytes have it: read as Latin-1, and signed as the UTF-8 that it is."""
    return value.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _canonical_query(query: Iterable[tuple[str, str]]) -> str:
    pairs = sorted(
        (quote(key, safe="-_.~"), quote(value, safe="-_.~"))
        for key, value in query
        if key != "X-Amz-Signature"
    )
    return "&".join(f"{key}={value}" for key, value in pairs)


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.new(key, part.encode("utf-8", "replace"), hashlib.sha256).digest()
    return key


def _from_header(request: SignedRequest, header: str) -> Claim:
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm[:40]}'.")
    parts = dict(_named(part) for part in rest.split(","))
    stamp = request.headers.get("x-amz-date") or _stamp_of(request.headers.get("date", ""))
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    if not stamp:
        missing.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if missing:
        raise _incomplete(" ".join(missing))
    return _claim(parts["Credential"], parts["SignedHeaders"], parts["Signature"], stamp, None)


def _from_query(request: SignedRequest) -> Claim:
    if request.parameter("X-Amz-Algorithm") != ALGORITHM:
        raise _incomplete("Unsupported AWS 'algorithm'.")
    found = {
        name: request.parameter(f"X-Amz-{name}") or ""
        for name in ("Credential", "SignedHeaders", "Signature", "Date", "Expires")
    }
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise _incomplete(
            " ".join(f"AWS query-string parameters must include 'X-Amz-{one}'." for one in missing)
        )
    life = int(found["Expires"]) if _WHOLE.fullmatch(found["Expires"]) else 0
    if not 1 <= life <= LONGEST_LIFE:
        raise _incomplete(f"'X-Amz-Expires' must be 1 to {LONGEST_LIFE} seconds.")
    return _claim(
        found["Credential"],
        found["SignedHeaders"],
        found["Signature"],
        found["Date"],
        timedelta(seconds=life),
    )


def _claim(
    credential: str, headers: str, signature: str, stamp: str, good_for: timedelta | None
) -> Claim:
    parts = credential.split("/")
    if len(parts) != 5:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term."
        )
    key_id, date, region, service, terminator = parts
    if terminator != TERMINATOR:
        raise _invalid(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    return Claim(
        key_id=key_id,
        date=date,
        region=region,
        service=service,
        signed_headers=tuple(headers.split(";")),
        signature=signature,
        signed_at=_moment(stamp),
        good_for=good_for,
    )


def _stamp_of(date: str) -> str:
    """Return the Date of HTTP in the form in which it is signed."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime(STAMP)
    except (ValueError, TypeError, OverflowError):
        return date


def _moment(stamp: str) -> datetime:
    found = _PARTS_OF_STAMP.fullmatch(stamp)
    try:
        if found is not None:
            year, month, day, hour, minute, second = map(int, found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        pass
    raise _incomplete("Date must be in ISO-8601 'basic format', YYYYMMDD'T'HHMMSS'Z'.")


def _named(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value


def _incomplete(message: str) -> AwsError:
    return AwsError("IncompleteSignatureException", message)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidSignatureException", message)
