"""Options of groups for ECS: the service, its target groups, and the waits."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from tidegate_cli.options import parsed

Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="NAME", help="ECS: the cluster, by name or ARN."),
]
EcsService = Annotated[
    str | None,
    typer.Option("--service", metavar="NAME", help="ECS: the service in it, by name or ARN."),
]
Pairs = Annotated[
    list[str] | None,
    typer.Option(
        "--pair",
        metavar="BLUE,GREEN,prod=ARN[,test=ARN]",
        help="ECS: two target groups, and the listeners that forward to them; "
        "give it again for further pairs that move together.",
    ),
]
ReadyWait = Annotated[
    int | None,
    typer.Option(
        "--ready-wait",
        metavar="MINUTES",
        min=0,
        help="ECS: wait so long for a word before the traffic moves, and stop without one; "
        "0 goes on at once.",
    ),
]


def _termination(text: str) -> str:
    if text != "keep" and not re.fullmatch(r"[0-9]{1,9}", text):
        raise typer.BadParameter(f"{text!r} is neither a number of minutes nor `keep`.")
    return text


TerminationWait = Annotated[
    str | None,
    typer.Option(
        "--termination-wait",
        metavar="MINUTES|keep",
        help="ECS: remove the original so long after all traffic has moved, or keep it.",
        callback=parsed(_termination),
    ),
]


def service_settings(
    cluster: str | None,
    service: str | None,
    pairs: Sequence[str] | None,
    ready_wait: int | None,
    termination_wait: str | None,
) -> dict[str, object]:
    """Return what was given, as the API wants it.

    Raises:
        typer.BadParameter: A pair cannot be read, or half of the service is missing.
    """
    if (cluster is None) != (service is None):
        raise typer.BadParameter("give --cluster and --service, both of them.")
    settings: dict[str, object] = {}
    if service is not None:
        settings["ecs_service"] = {"cluster": cluster, "service": service}
    if pairs:
        settings["target_group_pairs"] = [_pair(text) for text in pairs]
    if ready_wait is not None:
        action = "STOP_DEPLOYMENT" if ready_wait else "CONTINUE_DEPLOYMENT"
        settings["ready_wait"] = {"action": action, "wait_minutes": ready_wait}
    if termination_wait is not None:
        settings["termination_wait"] = (
            {"action": "KEEP_ALIVE", "wait_minutes": 0}
            if termination_wait == "keep"
            else {"action": "TERMINATE", "wait_minutes": int(termination_wait)}
        )
    return settings


def _pair(text: str) -> dict[str, object]:
    words = [word.strip() for word in text.split(",")]
    groups = [word for word in words if "=" not in word]
    told = [word.split("=", 1) for word in words if "=" in word]
    listeners = {name: arn for name, arn in told if arn}
    if (
        len(groups) != 2
        or len(listeners) != len(told)
        or not {"prod"} <= listeners.keys() <= {"prod", "test"}
    ):
        raise typer.BadParameter(
            f"{text!r} is not BLUE,GREEN,prod=ARN or BLUE,GREEN,prod=ARN,test=ARN.",
            param_hint="--pair",
        )
    test = [listeners["test"]] if "test" in listeners else None
    return {
        "target_groups": groups,
        "prod_listeners": [listeners["prod"]],
        "test_listeners": test,
    }


def service_facts(found: dict[str, Any]) -> list[tuple[str, object]]:
    """Return what a group has of a service, as facts to show; none where it has no service."""
    service = found.get("ecs_service")
    if not service:
        return []
    return [
        ("service", f"{service['service']} in {service['cluster']}"),
        *(("target groups", _shown(pair)) for pair in found.get("target_group_pairs") or ()),
        ("before traffic moves", _ready(found.get("ready_wait") or {})),
        ("after it has moved", _terminated(found.get("termination_wait") or {})),
    ]


def _shown(pair: dict[str, Any]) -> str:
    tests = pair.get("test_listeners") or ()
    tested = f", test {', '.join(tests)}" if tests else ""
    return (
        f"{' and '.join(pair['target_groups'])}, prod {', '.join(pair['prod_listeners'])}{tested}"
    )


def _ready(wait: dict[str, Any]) -> str:
    if wait.get("action") != "STOP_DEPLOYMENT":
        return "go on at once"
    return f"wait {wait.get('wait_minutes')} minutes for a word, and stop without one"


def _terminated(wait: dict[str, Any]) -> str:
    if wait.get("action") == "KEEP_ALIVE":
        return "keep the original"
    return f"remove the original after {wait.get('wait_minutes')} minutes"
