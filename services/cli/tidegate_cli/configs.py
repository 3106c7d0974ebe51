"""`tidegate config …`: how many hosts may go at once, or how traffic moves."""

import re
from typing import Annotated, Any, Final

import typer

from tidegate_cli import client
from tidegate_cli.commands import group
from tidegate_cli.options import Json, Profile
from tidegate_cli.output import Row, moment, say, show_facts, show_json, show_table

app = group("Deployment configs: how many hosts may go at once, or how traffic moves.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the deployment config.")]
Minimum = Annotated[
    str | None,
    typer.Option(
        "--minimum-healthy-hosts",
        metavar="N|P%",
        help="Server: how many hosts, or per cent of them, must stay healthy.",
    ),
]
Canary = Annotated[
    str | None,
    typer.Option(
        "--canary",
        metavar="P%,M",
        help="Lambda, ECS: P per cent of the traffic first, the rest after M minutes.",
    ),
]
Linear = Annotated[
    str | None,
    typer.Option("--linear", metavar="P%,M", help="Lambda, ECS: P per cent more every M minutes."),
]


def rule(config: Row) -> str:
    """Return in words what a config asks for."""
    minimum: Any = config.get("minimum_healthy_hosts")
    if minimum:
        word = {"HOST_COUNT": "at least {}", "FLEET_PERCENT": "at least {} %"}
        return word.get(minimum["type"], "all but {}").format(minimum["value"]) + " healthy"
    routing: Any = config.get("traffic_routing") or {}
    words = {
        "TimeBasedCanary": "{percentage} % first, the rest after {interval_minutes} min",
        "TimeBasedLinear": "{percentage} % more every {interval_minutes} min",
        "AllAtOnce": "all traffic at once",
    }
    return words.get(routing.get("type"), "").format(**routing)


COLUMNS: Final = (
    ("name", lambda config: config.get("name")),
    ("platform", lambda config: config.get("compute_platform")),
    ("rule", rule),
    ("predefined", lambda config: bool(config.get("predefined"))),
)


@app.command("create")
def create(
    name: Name,
    *,
    minimum: Minimum = None,
    canary: Canary = None,
    linear: Linear = None,
    platform: Annotated[
        str, typer.Option("--platform", metavar="Server|Lambda|ECS", help="What it is for.")
    ] = "Server",
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Create a deployment config, for example with `--minimum-healthy-hosts 75%`."""
    if sum(given is not None for given in (minimum, canary, linear)) != 1:
        raise typer.BadParameter("give one of --minimum-healthy-hosts, --canary and --linear.")
    body: dict[str, object] = {"name": name, "compute_platform": platform}
    if minimum is not None:
        body["minimum_healthy_hosts"] = _minimum(minimum)
    elif canary is not None:
        body["traffic_routing"] = _routing("TimeBasedCanary", canary, "--canary")
    elif linear is not None:
        body["traffic_routing"] = _routing("TimeBasedLinear", linear, "--linear")
    with client.connect(profile) as service:
        config = service.create("deployment-configs", body=body)
    if as_json:
        show_json(config)
    else:
        say(f"Deployment config {name} was created.")


@app.command("list")
def list_configs(as_json: Json = False, profile: Profile = None) -> None:
    """List deployment configs, the predefined ones too."""
    with client.connect(profile) as service:
        configs = list(service.items("deployment-configs"))
    if as_json:
        show_json(configs)
        return
    show_table(configs, COLUMNS, nothing="There is no deployment config.")


@app.command("show")
def show_config(name: Name, as_json: Json = False, profile: Profile = None) -> None:
    """Show a deployment config."""
    with client.connect(profile) as service:
        config = service.get("deployment-configs", name)
    if as_json:
        show_json(config)
        return
    facts = [(head, value(config)) for head, value in COLUMNS]
    show_facts([*facts, ("created", moment(config.get("created_at")))])


@app.command("delete")
def delete(name: Name, profile: Profile = None) -> None:
    """Delete a deployment config that no group uses."""
    with client.connect(profile) as service:
        service.delete("deployment-configs", name)
    say(f"Deployment config {name} was deleted.")


def _minimum(text: str) -> dict[str, object]:
    match = re.fullmatch(r"(\d{1,9})(%?)", text)
    if match is None:
        raise typer.BadParameter(
            f"{text!r} is no number of hosts, nor per cent such as 75%.",
            param_hint="--minimum-healthy-hosts",
        )
    return {"type": "FLEET_PERCENT" if match[2] else "HOST_COUNT", "value": int(match[1])}


def _routing(kind: str, text: str, option: str) -> dict[str, object]:
    match = re.fullmatch(r"(\d{1,3})%?,(\d{1,9})m?", text)
    if match is None:
        raise typer.BadParameter(
            f"{text!r} is not per cent and minutes such as 10%,5.", param_hint=option
        )
    return {"type": kind, "percentage": int(match[1]), "interval_minutes": int(match[2])}
