"""How a deployment ended, with its rollback: as words, as JSON, as an exit code."""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_cli.errors import ExitCode

FINAL: Final = frozenset({"Succeeded", "Failed", "Stopped"})


Document = Mapping[str, Any]


def is_final(deployment: Document) -> bool:
    """Tell whether nothing more happens to it."""
    return deployment.get("status") in FINAL


def rollback_of(deployment: Document) -> str | None:
    """Return the id of the deployment that rolls this one back."""
    found = (deployment.get("rollback") or {}).get("rollback_deployment_id")
    return str(found) if found else None


def expects_rollback(deployment: Document) -> bool:
    """Tell whether a rollback was asked for that has neither begun nor been called off."""
    setting = deployment.get("auto_rollback") or {}
    return (
        deployment.get("creator") != "codeDeployRollback"
        and not deployment.get("rollback")
        and bool(setting.get("enabled"))
        and _ended_by(deployment) in setting.get("events", ())
    )


def _ended_by(deployment: Document) -> str | None:
    """Return what a group may ask to be rolled back after, of a deployment that has ended so."""
    match deployment.get("status"):
        case "Failed":
            return "DEPLOYMENT_FAILURE"
        case "Stopped" if (deployment.get("error") or {}).get("code") == "ALARM_ACTIVE":
            return "DEPLOYMENT_STOP_ON_ALARM"
        case "Stopped":
            return "DEPLOYMENT_STOP_ON_REQUEST"
        case _:
            return None


def exit_code(deployment: Document, rollback: Document | None) -> ExitCode:
    """Return what a deployment that has ended, and its rollback, mean to the shell."""
    ended = rollback.get("status") if rollback else None
    match deployment.get("status"):
        case "Succeeded":
            return ExitCode.DONE
        case "Stopped":
            return ExitCode.FAILED if ended == "Failed" else ExitCode.STOPPED
        case _:
            return ExitCode.ROLLED_BACK if ended == "Succeeded" else ExitCode.FAILED


def summary(deployment: Document) -> dict[str, object]:
    """Return what `--json` prints."""
    return {
        "deployment_id": deployment.get("id"),
        "status": deployment.get("status"),
        "error": deployment.get("error"),
        "rollback_deployment_id": rollback_of(deployment),
    }


def sentence(deployment: Document) -> str:
    """Return in one sentence how it stands."""
    error = deployment.get("error") or {}
    words = f"Deployment {deployment.get('id')} is {deployment.get('status')}"
    if error:
        reason = str(error.get("message") or "").rstrip(".")
        return (
            f"{words} ({error.get('code')}): {reason}."
            if reason
            else f"{words} ({error.get('code')})."
        )
    return f"{words}."
