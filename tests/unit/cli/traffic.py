"""Deployments that move traffic, as the service shows them."""

from typing import Any

from unit.cli.fake_service import deployment, target

DAY = "2026-11-25T"


def canary(status: str = "InProgress", **more: Any) -> dict[str, Any]:
    config = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    return deployment(
        status=status,
        compute_platform="Lambda",
        deployment_config=config,
        overview={"InProgress": 1},
        **{"paused_at": None, "next": None, **more},
    )


def step(number: int, kind: str, status: str = "Pending", **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "kind": kind,
        "event": "AllowTraffic" if kind == "shift" else None,
        "status": status,
        "weight": None,
        "hook": None,
        "planned_at": None,
        "is_estimate": False,
        "started_at": None,
        "finished_at": None,
        "until": None,
        **more,
    }


def done(number: int, kind: str, at: str, until: str, **more: Any) -> dict[str, Any]:
    times = {"planned_at": f"{DAY}{at}Z", "started_at": f"{DAY}{at}Z"}
    return step(number, kind, "Succeeded", **times, finished_at=f"{DAY}{until}Z", **more)


STEPS = [
    done(0, "look", "12:00:00", "12:00:01"),
    done(1, "hook", "12:00:01", "12:00:13", event="BeforeAllowTraffic", hook="check"),
    done(2, "shift", "12:00:13", "12:00:14", weight=10),
    step(3, "shift", weight=100, planned_at=f"{DAY}12:05:13Z"),
    step(
        4,
        "hook",
        event="AfterAllowTraffic",
        hook="look-again",
        planned_at=f"{DAY}12:05:13Z",
        is_estimate=True,
    ),
]
NEXT = {"what": "The replacement gets 100 % of the traffic.", "at": f"{DAY}12:05:13Z"}


def function(weight: float | None = 10, **more: Any) -> dict[str, Any]:
    """A target on Lambda."""
    found = None if weight is None else {"weight": weight, "read_at": f"{DAY}12:00:14.5Z"}
    move = {
        "type": "alias",
        "function": "shop-web",
        "alias": "live",
        "current_version": "1",
        "target_version": "2",
    }
    traffic = {"move": move, "found": found and {**found, "task_sets": []}, "note": ""}
    return {**target("shop-web:live", "InProgress"), "traffic": {**traffic, **more}}


def service(weight: float = 10, note: str = "") -> dict[str, Any]:
    """A target on ECS."""
    move = {
        "type": "service",
        "task_definition": "arn:aws:ecs:us-east-1:123456789012:task-definition/shop:3",
    }
    sets = [
        {"label": label, "status": status, "running": 2, "desired": 2, "pending": pending}
        | {"weight": share, "target_group": label.lower()}
        for label, status, share, pending in (
            ("Blue", "PRIMARY", 100 - weight, 0),
            ("Green", "ACTIVE", weight, 1),
        )
    ]
    found = {"weight": weight, "read_at": f"{DAY}12:00:14Z", "task_sets": sets}
    traffic = {"move": move, "found": found, "note": note}
    return {**target("prod:shop", "InProgress"), "traffic": traffic}
