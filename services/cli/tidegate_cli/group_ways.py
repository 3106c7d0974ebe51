"""`tidegate group ec2` and `… ssm`: which instances a group has, and how its hosts are reached."""

from tidegate_cli import client
from tidegate_cli import ssm_options as ssm
from tidegate_cli.ec2_options import (
    Address,
    Ec2Tags,
    HostCa,
    Outdated,
    ReachBy,
    ScalingGroups,
    Ssh,
    TrustFirst,
    ec2_facts,
    with_instances,
)
from tidegate_cli.group_options import Application, Group, kept_of
from tidegate_cli.options import Json, Profile
from tidegate_cli.output import show_facts, show_json


def set_ec2(
    app_name: Application,
    name: Group,
    *,
    tag: Ec2Tags = None,
    auto_scaling_group: ScalingGroups = None,
    outdated: Outdated = None,
    reach: ReachBy = None,
    address: Address = None,
    host_ca: HostCa = None,
    trust_on_first_use: TrustFirst = None,
    ssh: Ssh = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Say which EC2 instances a group has and how they are reached; without an option, show it.

    `tidegate group ec2 shop prod --tag env=prod --reach ssh --host-ca 'ssh-ed25519 AAAA…' --ssh
    user=ubuntu` means all instances with env=prod. The tags or Auto Scaling groups that are given
    are all it has from then on; `--tag ''` and `--auto-scaling-group ''` take them away.
    """
    options = {
        "reach": reach,
        "address": address,
        "host_ca": host_ca,
        "trust_on_first_use": trust_on_first_use,
    }
    given = {"tag": tag, "scaling_groups": auto_scaling_group, "outdated": outdated, **options}
    with client.connect(profile) as service:
        path = ("applications", app_name, "deployment-groups", name)
        found = service.get(*path)
        if any(one is not None for one in (ssh, *given.values())):
            changed = with_instances(found, given, ssh or ())
            found = service.replace(*path, body={**kept_of(found), **changed})
    if as_json:
        show_json(found["ec2"])
    else:
        show_facts(ec2_facts(found) or [("EC2 instances", "none")])


def set_ssm(
    app_name: Application,
    name: Group,
    *,
    region: ssm.GroupRegion = None,
    state_dir: ssm.StateDir = None,
    bundles: ssm.Bundles = None,
    output_bucket: ssm.OutputBucket = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Say how hosts of a group are reached over SSM; without an option, show it.

    `tidegate group ssm shop prod --bundles host --output-bucket my-logs/deployments`;
    an empty value takes a setting away.
    """
    wanted = ssm.ssm_settings(region, state_dir, bundles, output_bucket)
    with client.connect(profile) as service:
        path = ("applications", app_name, "deployment-groups", name)
        found = service.get(*path)
        if wanted:
            body = {**kept_of(found), "ssm": {**found["ssm"], **wanted}}
            found = service.replace(*path, body=body)
    if as_json:
        show_json(found["ssm"])
    else:
        show_facts((key.replace("_", " "), value) for key, value in found["ssm"].items())
