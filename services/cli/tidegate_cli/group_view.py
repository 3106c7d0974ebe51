"""Facts of a deployment group in words."""

from typing import Any

from tidegate_cli.options import EVENTS
from tidegate_cli.output import Row


def summary(last: Any) -> str:
    """Return id and status of a deployment."""
    if not isinstance(last, dict):
        return str(last or "")
    return f"{last.get('deployment_id') or last.get('id') or ''} {last.get('status') or ''}".strip()


def how(options: Row) -> list[tuple[str, object]]:
    """Return the facts on how deployments are carried out on the hosts."""
    return [
        ("scripts run in", options.get("working_directory")),
        ("by sudo", _yes_or_no(options.get("sudo"))),
        ("set-id bits kept", _yes_or_no(options.get("allow_setid"))),
        ("at a stop, scripts", options.get("on_stop")),
        ("revisions kept", options.get("max_revisions")),
    ]


def _yes_or_no(value: object) -> str:
    return "yes" if value else "no"


def rolls_back_on(setting: Any) -> str:
    """Return after what is rolled back."""
    if not setting or not setting.get("enabled"):
        return "nothing"
    words = {event: word for word, event in EVENTS.items()}
    return ", ".join(words.get(event, event) for event in setting.get("events", []))
