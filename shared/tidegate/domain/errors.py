"""Situations in which a request is refused: each says what is so and what can be done."""

from collections.abc import Sequence
from typing import ClassVar


class Refused(Exception):
    """Base of all refusals that a user can act on."""

    code: ClassVar[str] = "Refused"
    http_status: ClassVar[int] = 400


class Stale(Exception):
    """Somebody else changed the row first; reload and decide again."""


class IllegalTransition(Refused):
    code = "InvalidDeploymentStatusException"
    http_status = 409

    def __init__(self, machine: str, status: str, event: str, possible: Sequence[str]) -> None:
        can = ", ".join(possible) or "nothing, it is final"
        super().__init__(f"A {machine} that is {status} cannot {event}; it can: {can}.")
        self.status = status
        self.event = event


class NotFound(Refused):
    """Base of all that is not there."""

    http_status = 404
    kind: ClassVar[str] = "thing"
    remedy: ClassVar[str] = ""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no {self.kind} {name!r}.{self.remedy}")
        self.name = name


class AlreadyExists(Refused):
    http_status = 409
    kind: ClassVar[str] = "thing"
    remedy: ClassVar[str] = "choose another name"

    def __init__(self, name: str) -> None:
        article = "An" if self.kind[0] in "aeiou" else "A"
        super().__init__(f"{article} {self.kind} {name!r} already exists; {self.remedy}.")


class ApplicationNotFound(NotFound):
    code = "ApplicationDoesNotExistException"
    kind = "application"
    remedy = " `tidegate app list` shows those that exist."


class ApplicationExists(AlreadyExists):
    code = "ApplicationAlreadyExistsException"
    kind = "application"


class GroupNotFound(NotFound):
    code = "DeploymentGroupDoesNotExistException"
    kind = "deployment group"
    remedy = " `tidegate group list` shows those that exist."


class GroupExists(AlreadyExists):
    code = "DeploymentGroupAlreadyExistsException"
    kind = "deployment group"


class EcsServiceTaken(Refused):
    code = "ECSServiceMappingLimitExceededException"
    http_status = 409

    def __init__(self, service: str) -> None:
        super().__init__(
            f"The ECS service {service!r} is in another deployment group already; "
            "take it out there first."
        )


class ConfigNotFound(NotFound):
    code = "DeploymentConfigDoesNotExistException"
    kind = "deployment config"
    remedy = " `tidegate config list` shows those that exist."


class ConfigExists(AlreadyExists):
    code = "DeploymentConfigAlreadyExistsException"
    kind = "deployment config"


class HostNotFound(NotFound):
    code = "InstanceDoesNotExistException"
    kind = "host"
    remedy = " `tidegate host list` shows those that exist."


class HostExists(AlreadyExists):
    code = "InstanceNameAlreadyRegisteredException"
    kind = "host"


class InstanceNotRegistered(NotFound):
    code = "InstanceNotRegisteredException"
    kind = "registered instance"


class IamArnTaken(Refused):
    http_status = 409

    def __init__(self, arn: str, holder: str = "", *, is_user: bool) -> None:
        who = f"The instance {holder!r}" if holder else "Another instance"
        super().__init__(f"{who} is registered as {arn} already; deregister that one first.")
        kind = "User" if is_user else "Session"
        self.situation = f"Iam{kind}ArnAlreadyRegisteredException"


class RevisionNotFound(NotFound):
    code = "RevisionDoesNotExistException"
    kind = "revision"
    remedy = " `tidegate push` uploads one and prints its id."


class DeploymentNotFound(NotFound):
    code = "DeploymentDoesNotExistException"
    kind = "deployment"
    remedy = " `tidegate deployments` shows those that exist."


class TargetNotFound(NotFound):
    code = "DeploymentTargetDoesNotExistException"
    kind = "target"


class TokenNotFound(NotFound):
    code = "TokenDoesNotExist"
    kind = "token"
    remedy = " `tidegate token list` shows those that exist."


class AccessKeyNotFound(NotFound):
    code = "AccessKeyDoesNotExist"
    kind = "access key"
    remedy = " `tidegate access-key list` shows those that exist."


class AccessKeyExists(AlreadyExists):
    code = "AccessKeyAlreadyExists"
    kind = "access key"


class GitHubTokenNotFound(NotFound):
    code = "GitHubAccountTokenDoesNotExistException"
    kind = "GitHub token"
    remedy = " `tidegate github-token list` shows those that exist."


class GitHubTokenExists(AlreadyExists):
    code = "GitHubTokenAlreadyExists"
    kind = "GitHub token"
    remedy = "delete it before you add another"


class Invalid(Refused):
    """A value that cannot be taken, with the reason."""

    code = "InvalidInput"
    http_status = 422

    def __init__(self, sentence: str, *, code: str = "InvalidInput") -> None:
        super().__init__(sentence)
        self.situation = code


class InUse(Refused):
    """What cannot be deleted while others need it."""

    code = "InUse"
    http_status = 409

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)


class ConfigPredefined(InUse):
    def __init__(self, name: str) -> None:
        super().__init__(f"The deployment config {name!r} is predefined and cannot be deleted.")


class ConfigInUse(InUse):
    """A deployment config that a group or an active deployment goes by."""


class DeploymentActive(Refused):
    code = "DeploymentLimitExceededException"
    http_status = 409

    def __init__(self, group: str, deployment_id: str) -> None:
        super().__init__(
            f"The Deployment Group '{group}' already has an active Deployment '{deployment_id}'; "
            f"wait for it or stop it with `tidegate stop {deployment_id}`."
        )
        self.group = group
        self.deployment_id = deployment_id


class DeploymentAlreadyCompleted(Refused):
    code = "DeploymentAlreadyCompletedException"
    http_status = 409

    def __init__(self, deployment_id: str, status: str, verb: str = "stop") -> None:
        super().__init__(
            f"The deployment {deployment_id} is {status} already; there is nothing to {verb}."
        )


class TooLateToRollBack(Refused):
    code = "DeploymentAlreadyCompletedException"
    http_status = 409

    def __init__(self, deployment_id: str, status: str, remedy: str) -> None:
        super().__init__(
            f"The deployment {deployment_id} is {status} already, and only one that goes on is "
            f"rolled back. {remedy}"
        )


class DeploymentNotStarted(Refused):
    code = "DeploymentNotStartedException"
    http_status = 409

    def __init__(
        self,
        deployment_id: str,
        status: str,
        begins: str = "what it deploys to is settled when it starts",
    ) -> None:
        super().__init__(f"The deployment {deployment_id} is {status}: {begins}; ask again then.")


class DeploymentNotReady(Refused):
    """Nothing waits for the word that was given."""

    code = "DeploymentIsNotInReadyStateException"
    http_status = 409

    def __init__(self, deployment_id: str, status: str, wait: str) -> None:
        super().__init__(
            f"The deployment {deployment_id} is {status} and is in no {wait} that could be ended."
        )


class HookHasEnded(Refused):
    """What a hook says after it is known how it went."""

    code = "LifecycleEventAlreadyCompletedException"
    http_status = 409

    def __init__(self, deployment_id: str, event: str) -> None:
        super().__init__(
            f"The hook of {event} has ended already in the deployment {deployment_id}; "
            "only its first word counts, and only within an hour."
        )


class NotNow(Refused):
    """What could be done to a deployment at another time."""

    code = "InvalidDeploymentStatusException"
    http_status = 409

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)


class UnsupportedAction(Refused):
    """What deployments of this kind never do."""

    code = "UnsupportedActionForDeploymentTypeException"
    http_status = 409

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)


class NotAllowed(Refused):
    code = "AccessDenied"
    http_status = 403

    def __init__(self, role: str, needed: str) -> None:
        super().__init__(
            f"This token has the role '{role}'; this needs '{needed}'. "
            f"An admin makes one with `tidegate token create --role {needed}`."
        )


class NotAuthenticated(Refused):
    code = "Unauthenticated"
    http_status = 401


class TooLarge(Refused):
    code = "TooLarge"
    http_status = 413

    def __init__(self, what: str, limit: int, setting: str) -> None:
        super().__init__(
            f"The {what} is larger than the limit of {limit:,} bytes; "
            f"make it smaller or raise {setting}."
        )


class NoSpace(Refused):
    code = "NoSpace"
    http_status = 507

    def __init__(self, where: str) -> None:
        super().__init__(
            f"There is no space left for this under {where}; free some and send it again."
        )
