"""`tidegate host …`: the machines that are deployed to."""

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from tidegate_cli import client
from tidegate_cli.commands import Command, group
from tidegate_cli.options import Json, Profile, identity, pairs, ssh_address
from tidegate_cli.output import Row, moment, say, show_facts, show_json, show_table
from tidegate_cli.ssm_options import Instance, Region

app = group("Hosts: the machines that are deployed to.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the host is called here.")]
Ssh = typer.Option(
    "--ssh",
    metavar="USER@ADDRESS[:PORT]",
    help="Where it is; an IPv6 address in brackets: `root@[2001:db8::7]:22`.",
)
Identity = Annotated[
    str | None,
    typer.Option(
        "--identity",
        metavar="file:PATH|env:NAME|agent",
        help="Where the workers find the private key; the key itself is never stored.",
        callback=lambda value: value if value is None else identity(value),
    ),
]
HostKey = Annotated[
    str | None,
    typer.Option(
        "--host-key",
        metavar="'TYPE BASE64'",
        help="Its public host key, as in known_hosts or in `/etc/ssh/ssh_host_*_key.pub`.",
    ),
]
Trust = Annotated[
    bool | None,
    typer.Option(
        "--trust-on-first-use/--no-trust-on-first-use",
        help="Learn the host key at the first connection, and want that one ever after.",
    ),
]
Jump = Annotated[
    str | None,
    typer.Option("--proxy-jump", metavar="[USER@]HOST[:PORT]", help="Reach it through this one."),
]
JumpKey = Annotated[
    str | None,
    typer.Option(
        "--proxy-host-key",
        metavar="'TYPE BASE64'",
        help="Host key of the host that is jumped over.",
    ),
]
StateDir = Annotated[
    str | None,
    typer.Option("--state-dir", metavar="DIR", help="Where the runner keeps its folder there."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="K=V",
        help="Tags by which groups find it; several may follow. With `set` these are all it has "
        "from then on (`--tag ''`: none).",
    ),
]
Vars = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        metavar="K=V",
        help="Environment of its hooks; several may follow. With `set` these are all it has "
        "from then on (`--var ''`: none).",
    ),
]


def _address(host: Row) -> str:
    address = str(host.get("address") or "")
    address = f"[{address}]" if ":" in address else address
    user = f"{host['user']}@" if host.get("user") else ""
    port = f":{host['port']}" if host.get("port") not in (None, 22) else ""
    return f"{user}{address}{port}" or str(host.get("instance_id") or "")


_ONE_WAY: Final = "give --ssh USER@ADDRESS or --ssm INSTANCE-ID, one of the two."
COLUMNS: Final = (
    ("name", lambda host: host.get("name")),
    ("address", _address),
    ("tags", lambda host: host.get("tags")),
    ("registered", lambda host: host.get("deregistered_at") is None),
    ("last seen", lambda host: moment(host.get("last_seen_at"))),
)


@app.command("add", cls=Command)
def add(
    name: Name,
    *,
    ssh: Annotated[str | None, Ssh] = None,
    ssm: Instance = None,
    ssm_region: Region = None,
    identity: Identity = None,
    host_key: HostKey = None,
    trust_on_first_use: Trust = None,
    proxy_jump: Jump = None,
    proxy_host_key: JumpKey = None,
    state_dir: StateDir = None,
    tag: Tags = None,
    var: Vars = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Add a host, over SSH or over SSM.

    `tidegate host add web-1 --ssh deploy@10.0.0.5 --identity file:/etc/tidegate/id_ed25519
    --host-key 'ssh-ed25519 AAAA…' --tag env=prod role=web`, or
    `tidegate host add web-2 --ssm i-0123456789abcdef0 --tag env=prod role=web`
    """
    settings = {
        "region": ssm_region,
        "identity": identity,
        "host_key": host_key,
        "trust_on_first_use": trust_on_first_use,
        "proxy_jump": proxy_jump,
        "proxy_host_key": proxy_host_key,
        "state_dir": state_dir,
    }
    if ssh is None and ssm is None:
        raise typer.BadParameter(_ONE_WAY)
    body = {"name": name, **_given(ssh, ssm, settings, tag, var)}
    with client.connect(profile) as service:
        host = service.create("hosts", body=body)
    _show(host, as_json=as_json, said=f"Host {name} was added.")


@app.command("set", cls=Command)
def change(
    name: Name,
    *,
    ssh: Annotated[str | None, Ssh] = None,
    ssm: Instance = None,
    ssm_region: Region = None,
    identity: Identity = None,
    host_key: HostKey = None,
    trust_on_first_use: Trust = None,
    proxy_jump: Jump = None,
    proxy_host_key: JumpKey = None,
    state_dir: StateDir = None,
    tag: Tags = None,
    var: Vars = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Change what is given of a host; the rest stays."""
    settings = {
        "region": ssm_region,
        "identity": identity,
        "host_key": host_key,
        "trust_on_first_use": trust_on_first_use,
        "proxy_jump": proxy_jump,
        "proxy_host_key": proxy_host_key,
        "state_dir": state_dir,
    }
    body = _given(ssh, ssm, settings, tag, var)
    if not body:
        raise typer.BadParameter("say what to change, for example --ssh or --tag.")
    with client.connect(profile) as service:
        host = service.change("hosts", name, body=body)
    _show(host, as_json=as_json, said=f"Host {name} was changed.")


INSTANCES: Final = (
    ("name", lambda host: host.get("name")),
    ("state", lambda host: _instance(host).get("state")),
    ("Auto Scaling group", lambda host: _instance(host).get("auto_scaling_group")),
    ("private", lambda host: _instance(host).get("private_address")),
    ("public", lambda host: _instance(host).get("public_address")),
    ("tags", lambda host: host.get("tags")),
    ("found", lambda host: moment(host.get("found_at"))),
    ("last seen", lambda host: moment(host.get("last_seen_at"))),
)


def _instance(host: Row) -> Mapping[str, object]:
    found = host.get("instance")
    return found if isinstance(found, Mapping) else {}


@app.command("list", cls=Command)
def list_hosts(
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="K=V", help="Only hosts that have these tags."),
    ] = None,
    *,
    ec2: Annotated[
        bool,
        typer.Option(
            "--ec2", help="The EC2 instances that deployments found, not what is registered."
        ),
    ] = False,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """List hosts."""
    wanted = pairs(tag, "--tag")
    tags = [f"{key}={value}" for key, value in wanted.items()]
    with client.connect(profile) as service:
        hosts = [
            host
            for host in service.items("hosts", tag=tags, ec2=ec2 or None)
            if wanted.items() <= (host.get("tags") or {}).items()
        ]
    if as_json:
        show_json(hosts)
        return
    if ec2:
        show_table(hosts, INSTANCES, nothing="No deployment has found such an instance yet.")
        return
    show_table(hosts, COLUMNS, nothing="There is no such host; `tidegate host add` adds one.")


@app.command("show")
def show_host(name: Name, as_json: Json = False, profile: Profile = None) -> None:
    """Show a host."""
    with client.connect(profile) as service:
        host = service.get("hosts", name)
    if as_json:
        show_json(host)
        return
    show_facts(
        (fact.replace("_", " "), moment(value) if fact.endswith("_at") else value)
        for fact, value in host.items()
    )


@app.command("delete")
def delete(name: Name, profile: Profile = None) -> None:
    """Delete a host; what runs on it is left alone."""
    with client.connect(profile) as service:
        service.delete("hosts", name)
    say(f"Host {name} was deleted.")


def _given(
    ssh: str | None,
    ssm: str | None,
    settings: Mapping[str, object],
    tag: list[str] | None,
    var: list[str] | None,
) -> dict[str, object]:
    """Return what was given, as the API wants it; an address without a port unsets the port."""
    if ssh is not None and ssm is not None:
        raise typer.BadParameter(_ONE_WAY)
    everything = {
        **settings,
        "tags": pairs(tag, "--tag") if tag else None,
        "variables": pairs(var, "--var") if var else None,
    }
    given = {key: value for key, value in everything.items() if value is not None}
    way = {"driver": "ssh", **ssh_address(ssh)} if ssh else {}
    return {**way, **({"driver": "ssm", "instance_id": ssm} if ssm else {}), **given}


def _show(host: Row, *, as_json: bool, said: str) -> None:
    if as_json:
        show_json(host)
    else:
        say(said)
