"""`tidegate push`: a folder packed, uploaded and registered as a revision."""

from pathlib import Path
from typing import Annotated

import typer

from tidegate.appspec import platform_of
from tidegate_cli import client
from tidegate_cli.appspec_files import find_appspec
from tidegate_cli.appspec_report import check, refuse_problems
from tidegate_cli.archive import packed
from tidegate_cli.client import Document, Service
from tidegate_cli.errors import BadFolder
from tidegate_cli.options import Json, Profile
from tidegate_cli.output import say, show, show_json, size


def push(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder with appspec.yml at its top.")
    ],
    application: Annotated[
        str, typer.Option("--application", metavar="APP", help="What it is a revision of.")
    ],
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="What is new in it.")
    ] = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Pack a folder, upload it, and print the id of the revision.

    The same folder gives the same revision. Only the id is on stdout:
    `tidegate deploy --revision $(tidegate push . --application shop) …`
    """
    with client.connect(profile) as service:
        revision = upload(service, folder, application, description)
    if as_json:
        show_json(revision)
    else:
        show(str(revision["id"]))


def upload(
    service: Service, folder: Path, application: str, description: str | None = None
) -> Document:
    """Pack and upload *folder*; return the revision."""
    with packed(folder) as archive:
        say(f"Uploading {folder} to {application}: {size(archive.stat().st_size)} packed.")
        return service.upload(
            "applications", application, "revisions", file=archive, description=description
        )


def send_appspec(service: Service, file: Path, application: str) -> Document:
    """Send the text of an AppSpec for Lambda or ECS; return the revision."""
    found = find_appspec(file)
    platform = platform_of(found.text)
    if platform != "Server":
        # Of what has no Resources nobody can tell what it is for; the service knows the platform.
        refuse_problems(check(found, platform))
    try:
        content = found.text.decode()
    except UnicodeDecodeError:
        raise BadFolder(f"{found.name} is not UTF-8 text; save it as UTF-8.") from None
    source = {"type": "appspec_content", "content": content}
    return service.create("applications", application, "revisions", body={"source": source})
