"""How a host is reached: as it says itself, or, where it is an EC2 instance, as its group says."""

from dataclasses import replace
from typing import Final

from tidegate.domain.ec2 import Ec2Options, InstanceAddress, Reach
from tidegate.domain.host import Host, Origin
from tidegate.domain.instances import Instance

_AUTHORITY: Final = "@cert-authority"
_NO_WAY: Final = (
    "The instance {name} was registered, and nobody has said how it is reached; "
    "`tidegate {region}host set {name} --ssh USER@ADDRESS` with its host key says so."
)


def reached(host: Host, options: Ec2Options, *, region: str, usual_region: str) -> Host | str:
    """Return *host* with its way, or a sentence on what is missing.

    The way of an EC2 instance is that of the deployment's own settings and never a row's: two
    groups may reach one instance each in its way, and a run is sought again where it was begun.
    """
    if host.origin is not Origin.EC2 or host.instance is None:
        option = "" if region == usual_region else f"--region {region} "
        return host if host.is_reachable else _NO_WAY.format(name=host.name, region=option)
    if options.reach is Reach.SSM:
        settings: dict[str, object] = {"instance_id": host.instance.id, "region": region}
        return replace(host, driver="ssm", settings=settings)
    address = _address(host.instance, options.address)
    if not address:
        return (
            f"The instance {host.name} has no {options.address} address; give it one, or reach "
            "the instances of the deployment group by another."
        )
    trust = _trust(host, options)
    if not trust:
        return (
            f"Nothing says which host key the instance {host.name} has; give the deployment group "
            "the host_ca that signs it, or set trust_on_first_use."
        )
    return replace(host, driver="ssh", settings={"address": address, **trust})


def _address(instance: Instance, which: InstanceAddress) -> str:
    return instance.public_address if which is InstanceAddress.PUBLIC else instance.private_address


def _trust(host: Host, options: Ec2Options) -> dict[str, object]:
    if options.host_ca:
        return {"host_key": f"{_AUTHORITY} {options.host_ca}"}
    if not options.trust_on_first_use:
        return {}
    learned = host.settings.get("host_key")
    return {"trust_on_first_use": True, **({"host_key": learned} if learned else {})}
