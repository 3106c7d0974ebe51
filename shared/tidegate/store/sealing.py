"""Secrets that have to be known again: encrypted with a key that the database does not have."""

import base64
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tidegate.domain.errors import Refused

_PURPOSE: Final = b"tidegate: secrets in the database"


class NoSecretKey(Refused):
    code = "NoSecretKey"
    http_status = 503

    def __init__(self) -> None:
        super().__init__(
            "There is no key to encrypt secrets with: set TIDEGATE_SECRET_KEY to 32 characters "
            "or more, the same for all processes."
        )


class WrongSecretKey(Refused):
    code = "WrongSecretKey"
    http_status = 503

    def __init__(self) -> None:
        super().__init__(
            "A secret in the database was encrypted with another key than TIDEGATE_SECRET_KEY; "
            "add that one behind a comma, or make the access key or GitHub token anew."
        )


class Seal:
    """Encrypts secrets for the database with the first of several keys; any of them opens."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([_fernet(key) for key in keys]) if keys else None

    def close(self, secret: str) -> bytes:
        """Return *secret* as the database may know it.

        Raises:
            NoSecretKey: There is no key.
        """
        if self._fernet is None:
            raise NoSecretKey
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """Return the secret again.

        Raises:
            NoSecretKey: There is no key.
            WrongSecretKey: It was sealed with another one.
        """
        if self._fernet is None:
            raise NoSecretKey
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise WrongSecretKey from None


def _fernet(key: str) -> Fernet:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return Fernet(base64.urlsafe_b64encode(derive.derive(key.encode())))
