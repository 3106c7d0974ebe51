"""`tidegate app …`: what is deployed."""

from typing import Annotated, Final

import typer

from tidegate_cli import client
from tidegate_cli.commands import group
from tidegate_cli.options import Json, Profile
from tidegate_cli.output import moment, say, show_facts, show_json, show_table

app = group("Applications: what is deployed.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the application.")]

COLUMNS: Final = (
    ("name", lambda application: application.get("name")),
    ("platform", lambda application: application.get("compute_platform")),
    ("created", lambda application: moment(application.get("created_at"))),
)


@app.command("create")
def create(
    name: Name,
    platform: Annotated[
        str, typer.Option("--platform", metavar="Server|Lambda|ECS", help="What it runs on.")
    ] = "Server",
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Create an application."""
    with client.connect(profile) as service:
        body = {"name": name, "compute_platform": platform}
        application = service.create("applications", body=body)
    if as_json:
        show_json(application)
    else:
        say(f"Application {name} was created.")


@app.command("list")
def list_applications(as_json: Json = False, profile: Profile = None) -> None:
    """List applications."""
    with client.connect(profile) as service:
        applications = list(service.items("applications"))
    if as_json:
        show_json(applications)
        return
    nothing = "There is no application; `tidegate app create` creates one."
    show_table(applications, COLUMNS, nothing=nothing)


@app.command("show")
def show_application(name: Name, as_json: Json = False, profile: Profile = None) -> None:
    """Show an application and its deployment groups."""
    with client.connect(profile) as service:
        application = service.get("applications", name)
        groups = [each["name"] for each in service.items("applications", name, "deployment-groups")]
    if as_json:
        show_json(application)
        return
    show_facts([*((head, value(application)) for head, value in COLUMNS), ("groups", groups)])


@app.command("delete")
def delete(name: Name, profile: Profile = None) -> None:
    """Delete an application, its groups and its revisions."""
    with client.connect(profile) as service:
        service.delete("applications", name)
    say(f"Application {name} was deleted.")
