"""Names of things, and where new ones come from."""

import hashlib
import random
import re
import string
import uuid
from typing import Final, NewType, Protocol

DeploymentId = NewType("DeploymentId", str)
"""`d-` and nine upper-case letters or digits, as CodeDeploy writes it."""

GroupId = NewType("GroupId", str)
ApplicationId = NewType("ApplicationId", str)
HostId = NewType("HostId", str)
RevisionId = NewType("RevisionId", str)
TargetId = NewType("TargetId", str)
"""What a target is called within its deployment: for servers, the name of the host."""

DEPLOYMENT_ID_PATTERN: Final = re.compile(r"d-[A-Z0-9]{9}")
NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9+=,.@_-]{1,100}")
_ID_CHARACTERS: Final = string.ascii_uppercase + string.digits
_KEY_CHARACTERS: Final = string.ascii_uppercase + "234567"


class IdSource(Protocol):
    """Makes ids that nobody had before."""

    def deployment(self) -> DeploymentId:
        """Return a new deployment id."""

    def unique(self) -> str:
        """Return a new UUID as text."""

    def secret(self) -> str:
        """Return a token that cannot be guessed."""

    def access_key(self) -> tuple[str, str]:
        """Return the id of an access key, and a secret that cannot be guessed."""


class RandomIds:
    """Ids by chance, from the operating system's source unless another one is given."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.SystemRandom()

    def deployment(self) -> DeploymentId:
        return DeploymentId("d-" + "".join(self._chance.choices(_ID_CHARACTERS, k=9)))

    def unique(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def secret(self) -> str:
        return "tg_" + "".join(self._chance.choices(string.ascii_letters + string.digits, k=43))

    def access_key(self) -> tuple[str, str]:
        key_id = "TGAK" + "".join(self._chance.choices(_KEY_CHARACTERS, k=16))
        secret = "".join(self._chance.choices(string.ascii_letters + string.digits + "+/", k=40))
        return key_id, secret


def run_key(deployment_id: DeploymentId, target_id: TargetId, segment: str) -> str:
    """Return the name of a run on a host, safe as the name of a folder there."""
    digest = hashlib.sha256(f"{target_id}\n{segment}".encode()).hexdigest()
    return f"{deployment_id}.{digest}"


def revision_id(application_id: ApplicationId, source_key: str) -> RevisionId:
    """Return the id of a revision: the same source in the same application has the same id."""
    digest = hashlib.sha256(f"{application_id}\n{source_key}".encode()).hexdigest()
    return RevisionId(f"r-{digest[:20]}")
