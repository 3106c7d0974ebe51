"""What a host is told to run, and how it is reached, made from rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.domain.deployment import Deployment
from tidegate.domain.group import OnStop
from tidegate.domain.host import Host
from tidegate.domain.ids import run_key
from tidegate.domain.lifecycle import HOST_EVENTS
from tidegate.domain.revision import Revision, SourceType
from tidegate.drivers.hosts import HostAddress
from tidegate.settings import Settings
from tidegate.store.groups import GroupSettings
from tidegate.store.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """A run that is due on a host; its bundle is still to be fetched."""

    key: str
    driver: str
    address: HostAddress
    spec: Mapping[str, Any]
    revision: Revision
    on_stop: OnStop = OnStop.FINISH


def run_order(
    lease: Lease,
    deployment: Deployment,
    group: GroupSettings,
    *,
    host: Host,
    revision: Revision,
    settings: Settings,
) -> RunOrder:
    """Return what the driver needs to run the host events of one target."""
    wanted, options = deployment.options, group["host_options"]
    spec = {
        "deployment_id": deployment.id,
        "application_name": deployment.application,
        "group_id": deployment.group_id,
        "group_name": deployment.group,
        "target": lease.target_id,
        "creator": deployment.creator,
        "events": list(HOST_EVENTS),
        "appspec": dict(revision.appspec or {}),
        "environment": {**group["variables"], **host.variables},
        "revision": _bundle_environment(revision),
        "ignore_application_stop_failures": wanted.ignore_application_stop_failures,
        "file_exists_behavior": wanted.file_exists_behavior,
        "working_directory": options.working_directory,
        "allow_setid": options.allow_setid,
        "max_revisions": options.max_revisions,
        "limits": {
            "unpacked_bytes": settings.max_unpacked_bytes,
            "entries": settings.max_entries,
            "log_bytes": settings.max_log_bytes,
        },
    }
    return RunOrder(
        key=run_key(deployment.id, lease.target_id, lease.segment),
        driver=host.driver,
        address=HostAddress(name=host.name, settings=_reach(host, group)),
        spec=spec,
        revision=revision,
        on_stop=options.on_stop,
    )


def _reach(host: Host, group: GroupSettings) -> dict[str, object]:
    own = {key: value for key, value in host.settings.items() if value not in (None, "")}
    by_sudo = {"sudo": True} if group["host_options"].sudo else {}
    return {**group["ssh"], **own, **by_sudo}


def _bundle_environment(revision: Revision) -> dict[str, str]:
    source = revision.source
    if source.type is not SourceType.S3:
        return {}
    environment = {"BUNDLE_BUCKET": source.bucket, "BUNDLE_KEY": source.key}
    if source.version:
        environment["BUNDLE_VERSION"] = source.version
    return environment
