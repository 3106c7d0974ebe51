"""Secrets from files: `TIDEGATE_<NAME>_FILE` names where the value of a secret setting lies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource
from typing_extensions import override

LARGEST: Final = 64 * 1024
"""Bytes of a secret's file: many times what a key or a URL needs."""
SUFFIX: Final = "_file"


def secret_names(settings: type[BaseSettings]) -> list[str]:
    """Return which settings are secrets, and so may lie in files."""
    fields = settings.model_fields.items()
    return sorted(name for name, field in fields if field.annotation is SecretStr)


def given_to(environment: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which *values* are what counts, and no file that it named before."""
    files = {f"{name}{SUFFIX}".upper() for name in values}
    return {**{n: v for n, v in environment.items() if n.upper() not in files}, **values}


class UnfitFile(Exception):
    """A file holds no secret; the text says why, without its full stop."""


def read_secret(path: str) -> str:
    """Return the secret that a file holds, without the space around it.

    Raises:
        UnfitFile: It is missing, unreadable, empty, too large, or no text.
    """
    try:
        with Path(path).open("rb") as file:
            # One more than is allowed tells that there is too much, however much there is.
            found = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UnfitFile(f"it cannot be read ({why})") from None
    if len(found) > LARGEST:
        raise UnfitFile(f"it is larger than {LARGEST} bytes")
    try:
        secret = found.decode().strip()
    except UnicodeDecodeError:
        raise UnfitFile("it holds no text in UTF-8") from None
    if not secret:
        raise UnfitFile("it is empty; write the secret into it")
    return secret


class SecretFiles(EnvSettingsSource):
    """Reads the files that the environment names, before what the environment itself holds."""

    @override
    def __call__(self) -> dict[str, Any]:
        """Return the secrets that lie in files.

        Raises:
            pydantic.ValidationError: A file cannot be taken, or its secret is given twice.
        """
        return {
            name: self._secret(name, path)
            for name in secret_names(self.settings_cls)
            if (path := self._given(f"{name}{SUFFIX}"))
        }

    def _given(self, name: str) -> str | None:
        return self.env_vars.get(f"{self.env_prefix}{name}".lower())

    def _secret(self, name: str, path: str) -> str:
        if self._given(name):
            variable = f"{self.env_prefix}{name}".upper()
            raise self._refusal(name, path, f"with {variable} it is given twice; give one")
        try:
            return read_secret(path)
        except UnfitFile as unfit:
            raise self._refusal(name, path, str(unfit)) from None

    def _refusal(self, name: str, path: str, why: str) -> ValidationError:
        problem = InitErrorDetails(
            # In braces, the text would be a template.
            type=PydanticCustomError("secret_file", "{why}", {"why": why}),
            loc=(f"{name}{SUFFIX}",),
            input=path,
        )
        return ValidationError.from_exception_data(self.settings_cls.__name__, [problem])
