"""Who is asking: a signature is checked against the access keys that Tidegate issued."""

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from sqlalchemy.exc import DBAPIError

from tidegate.domain.access import Role
from tidegate.domain.arn import partition_of
from tidegate.domain.errors import Invalid, NoSpace
from tidegate.domain.region import check_region
from tidegate.settings import Settings, is_loopback
from tidegate.store.sealing import Seal
from tidegate.store.unit_of_work import Store, UnitOfWork
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.signature import (
    STAMP,
    Claim,
    SignedRequest,
    check_body,
    check_headers,
    parse_claim,
    proves,
)

SERVICE: Final = "codedeploy"
SKEW: Final = timedelta(minutes=5)
_NOTED_EVERY: Final = timedelta(minutes=1)
_KEY_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_UNKNOWN_KEY: Final = "The security token included in the request is invalid."
_WRONG: Final = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking, as the audit names it."""

    name: str
    role: Role
    access_key_id: str | None
    last_seen_at: datetime | None = None


ANYBODY: Final = Caller(name="anonymous", role=Role.ADMIN, access_key_id=None)
"""Whoever asks a system that was told to let everybody in."""


class Gate:
    """Lets those in whose signature proves that they know the secret of an access key."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._seal: Seal | None = None
        self._open = lru_cache(maxsize=256)(self._opened)

    def claim(self, request: SignedRequest, *, now: datetime) -> Claim | None:
        """Return what a request claims, if it claims it at the right time and for this service.

        Where everybody is let in that is None.

        Raises:
            AwsError: It does not.
        """
        if self._settings.insecure_no_auth:
            check_host(request)
            return None
        claim = parse_claim(request)
        check_scope(claim)
        check_time(claim, now)
        check_headers(request, claim)
        check_body(request)
        return claim

    def region(self, request: SignedRequest, claim: Claim | None) -> str:
        """Return the region that a request was signed for."""
        if claim is not None:
            return claim.region
        with contextlib.suppress(AwsError, Invalid):
            return check_region(parse_claim(request).region)
        return self._settings.region

    def caller(self, request: SignedRequest, claim: Claim | None, *, uow: UnitOfWork) -> Caller:
        """Return who signed a request.

        Raises:
            AwsError: Nobody whom we know.
            NoSecretKey, WrongSecretKey: The secrets in the database cannot be read.
        """
        if claim is None:
            return ANYBODY
        found = uow.access_keys.by_id(claim.key_id) if _KEY_ID.fullmatch(claim.key_id) else None
        if found is None or found[0].revoked_at is not None:
            raise AwsError("UnrecognizedClientException", _UNKNOWN_KEY)
        key, sealed = found
        if not proves(request, claim, self._open(sealed)):
            raise AwsError("InvalidSignatureException", _WRONG)
        return Caller(
            name=key.name, role=key.role, access_key_id=key.id, last_seen_at=key.last_used_at
        )

    def note_use(self, caller: Caller) -> None:
        """Note that a key was used, once a minute; no transaction may be open."""
        now, last = self._store.clock.now(), caller.last_seen_at
        if caller.access_key_id is None or (last is not None and now - last < _NOTED_EVERY):
            return
        # A full disk or a busy database must not keep anybody from reading.
        with contextlib.suppress(NoSpace, DBAPIError), self._store.write() as uow:
            uow.access_keys.touch(caller.access_key_id, at=now)

    def _opened(self, sealed: bytes) -> str:
        # A key that is made after the start, by another process, is found here too.
        seal = self._seal or Seal(self._settings.secret_keys)
        secret = seal.open(sealed)
        self._seal = seal
        return secret


def check_host(request: SignedRequest) -> None:
    """Refuse a request that was sent to another name than this machine's own for itself.

    Where everybody is let in, a page in a browser could come in by a name that leads here.

    Raises:
        AwsError: It was.
    """
    host = request.headers.get("host", "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if not is_loopback(name):
        raise AwsError(
            "AccessDeniedException",
            "Where any signature is taken, requests must be sent to localhost or its address.",
        )


def check_scope(claim: Claim) -> None:
    """Refuse a signature that was made for something else.

    Raises:
        AwsError: It was.
    """
    if claim.service != SERVICE:
        raise _invalid(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if claim.date != claim.stamp[:8]:
        raise _invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{claim.date[:20]}' != '{claim.stamp[:8]}', from '{claim.stamp}'."
        )
    try:
        check_region(claim.region)
    except Invalid:
        raise _invalid("Credential should be scoped to a valid region.") from None


def check_time(claim: Claim, now: datetime) -> None:
    """Refuse a signature that is too old or of the future.

    Raises:
        AwsError: It is.
    """
    stamp, present = claim.stamp, now.strftime(STAMP)
    if claim.signed_at > now + SKEW:
        latest = (now + SKEW).strftime(STAMP)
        raise _invalid(
            f"Signature not yet current: {stamp} is still later than {latest} ({present} + 5 min.)"
        )
    if claim.good_for is not None:
        if claim.signed_at + claim.good_for < now:
            end = (claim.signed_at + claim.good_for).strftime(STAMP)
            raise _invalid(f"Signature expired: {end} is now earlier than {present}.")
    elif claim.signed_at < now - SKEW:
        earliest = (now - SKEW).strftime(STAMP)
        raise _invalid(
            f"Signature expired: {stamp} is now earlier than {earliest} ({present} - 5 min.)"
        )


def check_role(caller: Caller, needed: Role, operation: str, *, region: str, account: str) -> None:
    """Refuse what the caller's role does not include.

    Raises:
        AwsError: It does not.
    """
    if not caller.role.includes(needed):
        user = f"arn:{partition_of(region)}:iam::{account}:user/{caller.name}"
        raise AwsError(
            "AccessDeniedException",
            f"User: {user} is not authorized to perform: {SERVICE}:{operation}; the access key "
            f"has the role '{caller.role}', and this needs '{needed}'.",
        )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidSignatureException", message)
