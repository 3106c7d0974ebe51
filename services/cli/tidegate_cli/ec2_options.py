"""Options that say which EC2 instances a group has, and how they are reached."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from tidegate_cli.options import one_of, tag_filters
from tidegate_cli.output import Row

OfInstances = Annotated[
    bool,
    typer.Option("--ec2", help="It is for EC2 instances; `tidegate group ec2` says which."),
]
Ec2Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="K=V",
        help="Instances with these tags. Different keys must all match (AND); several values of "
        "the same key are alternatives (OR). `K=*` means any value, `*=V` any key.",
    ),
]
ScalingGroups = Annotated[
    list[str] | None,
    typer.Option(
        "--auto-scaling-group",
        metavar="NAME",
        help="All instances of an Auto Scaling group; give it again for further ones.",
    ),
]
Outdated = Annotated[
    str | None,
    typer.Option(
        "--outdated",
        metavar="update|ignore",
        help="Whether instances that are launched during a deployment get it afterwards.",
        parser=one_of("update", "ignore"),
    ),
]
ReachBy = Annotated[
    str | None,
    typer.Option(
        "--reach",
        metavar="ssm|ssh",
        help="How instances are reached: by Systems Manager (default), or over SSH.",
        parser=one_of("ssm", "ssh"),
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="private|public",
        help="Which address SSH goes to: `private` (default), or `public`.",
        parser=one_of("private", "public"),
    ),
]
HostCa = Annotated[
    str | None,
    typer.Option(
        "--host-ca",
        metavar="'TYPE BASE64'",
        help="Public key of the authority that signs the host keys; `''` takes it away.",
    ),
]
TrustFirst = Annotated[
    bool | None,
    typer.Option(
        "--trust-on-first-use/--no-trust-on-first-use",
        help="Learn the host key of each at the first connection, and want that one ever after.",
    ),
]
Ssh = Annotated[
    list[str] | None,
    typer.Option(
        "--ssh",
        metavar="SETTING=VALUE",
        help="What SSH takes where a host does not say it itself: user, port, identity, "
        "proxy_jump, proxy_host_key, state_dir; an empty value takes one away. Give it again for "
        "further ones.",
    ),
]


def with_instances(
    found: Mapping[str, Any], given: Mapping[str, Any], ssh: Sequence[str]
) -> dict[str, object]:
    """Return what a group has of instances as the API wants it: what is *given*, and what it had.

    Raises:
        typer.BadParameter: A tag or an SSH setting cannot be read.
    """
    said = {key: value for key, value in given.items() if value is not None}
    tag, names = said.pop("tag", None), said.pop("scaling_groups", None)
    if tag is not None:
        said["tag_filters"] = tag_filters(_given(tag))
    if names is not None:
        said["auto_scaling_groups"] = _given(names)
    if outdated := said.pop("outdated", None):
        said["outdated_instances"] = outdated.upper()
    return {"ec2": {**found["ec2"], **said}, "ssh": _ssh_settings(found["ssh"], ssh)}


def _ssh_settings(before: Mapping[str, Any], texts: Sequence[str]) -> dict[str, object]:
    """Return the SSH settings of a group: what is given, and of *before* what is not.

    Raises:
        typer.BadParameter: One is no SETTING=VALUE, or there is no such setting.
    """
    wanted = dict(before)
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or key not in before:
            known = ", ".join(before)
            raise typer.BadParameter(
                f"{text!r} is not SETTING=VALUE with one of: {known}.", param_hint="--ssh"
            )
        wanted[key] = value or None
    return wanted


def _given(texts: Sequence[str]) -> list[str]:
    return [] if list(texts) == [""] else list(texts)


def ec2_facts(found: Row) -> list[tuple[str, object]]:
    """Return what there is to show of the instances of a group, as it has them."""
    ec2: Any = found.get("ec2") or {}
    names = ", ".join(ec2.get("auto_scaling_groups") or [])
    filters = ec2.get("tag_filters") or []
    if not names and not filters:
        return []
    facts: list[tuple[str, object]] = [
        ("EC2 instances with", _conditions(filters)),
        ("Auto Scaling groups", names),
        ("outdated instances", str(ec2.get("outdated_instances", "")).lower()),
        ("instances reached by", ec2.get("reach")),
    ]
    if ec2.get("reach") == "ssh":
        trust = "first use" if ec2.get("trust_on_first_use") else ""
        facts += [
            ("address", ec2.get("address")),
            ("host keys by", "authority" if ec2.get("host_ca") else trust),
        ]
    return facts


def _conditions(filters: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    sets = [" or ".join(_condition(one) for one in either) for either in filters]
    return " and ".join(f"({each})" if " or " in each else each for each in sets)


def _condition(one: Mapping[str, Any]) -> str:
    key, value = one.get("key"), one.get("value")
    return f"{'*' if key is None else key}={'*' if value is None else value}"
