"""GitHub tokens: what opens private repositories, by the names of what they open."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tidegate.domain.errors import Invalid

MOST_CHARACTERS_OF_A_SECRET: Final = 4000
_NAME: Final = re.compile(r"(?!\.{1,2}(/|$))[\w.-]{1,100}(/(?!\.{1,2}$)[\w.-]{1,100})?", re.ASCII)
_SECRET: Final = re.compile(rf"[!-~]{{1,{MOST_CHARACTERS_OF_A_SECRET}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubAccountToken:
    """What is told of a GitHub token; its secret is not."""

    name: str
    """An owner, or an owner's repository as `owner/repository`."""
    created_at: datetime
    last_used_at: datetime | None = None


def kept_name(name: str) -> str:
    """Return a name as it is kept: GitHub tells no upper case from lower.

    Raises:
        Invalid: Nothing on GitHub is called so.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:120]!r} cannot be the name of a GitHub token; it must be OWNER or "
            "OWNER/REPOSITORY, each of 1 to 100 letters, digits or any of ._- "
            "and more than a dot or two.",
            code="InvalidGitHubAccountTokenNameException",
        )
    return name.lower()


def check_secret(secret: str) -> None:
    """Refuse what GitHub gives nobody as a token. The sentence does not repeat it.

    Raises:
        Invalid: It is empty, too long, or has blanks or other than ASCII characters.
    """
    if not _SECRET.fullmatch(secret):
        raise Invalid(
            f"What was given as a GitHub token has {len(secret)} characters; one has 1 to "
            f"{MOST_CHARACTERS_OF_A_SECRET:,} ASCII characters, none of them a blank or a line's "
            "end. Copy it again from GitHub."
        )


def names_for(repository: str) -> tuple[str, str]:
    """Return the names of the tokens that open a repository, the one to try first in front."""
    name = repository.lower()
    return name, name.partition("/")[0]
