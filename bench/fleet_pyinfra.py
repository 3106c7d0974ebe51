"""What pyinfra does on every host; it runs in pyinfra's own environment."""

from pyinfra import config, host
from pyinfra.operations import files, server

config.CONNECT_TIMEOUT = 120

place, archive = host.data.place, host.data.archive
fresh = f"{place}/fresh"


def run_hooks(*events: str) -> None:
    for event in events:
        server.shell(name=event, commands=[f"{fresh}/hooks/{event}"], _env={"PLACE": place})


# Without the look at what is there: the bundle is another one each time.
files.put(
    name="Send the bundle",
    src=archive,
    dest=f"{place}/bundle.tgz",
    force=True,
    create_remote_dir=False,
)
server.shell(
    name="Unpack the bundle",
    commands=[
        f"rm -rf {fresh} && mkdir -p {fresh} {place}/app && tar -xzf {place}/bundle.tgz -C {fresh}"
    ],
)
run_hooks("ApplicationStop", "BeforeInstall")
server.shell(name="Install", commands=[f"cp -R {fresh}/app/. {place}/app/"])
run_hooks("AfterInstall", "ApplicationStart", "ValidateService")
