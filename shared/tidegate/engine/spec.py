"""What a host is told to run, and how it is reached, made from rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.domain.deployment import Deployment
from tidegate.domain.group import OnStop
from tidegate.domain.host import Host
from tidegate.domain.ids import run_key
from tidegate.domain.lifecycle import events_of
from tidegate.domain.revision import Revision, SourceType
from tidegate.drivers.hosts import Bundle, HostAddress, HostRun
from tidegate.engine.appspecs import read_appspec
from tidegate.engine.host_ways import SSM
from tidegate.settings import Settings
from tidegate.store.group_settings import GroupSettings
from tidegate.store.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """A run that is due on a host; its bundle is still to be fetched."""

    key: str
    driver: str
    address: HostAddress
    spec: Mapping[str, Any]
    revision: Revision
    needs_bundle: bool = True
    """Whether the host may ask for the bundle; one that only restarts never does."""
    on_stop: OnStop = OnStop.FINISH

    def run(self, bundle: Bundle | None, *, attach_only: bool) -> HostRun:
        """Return what the driver is asked to run."""
        return HostRun(
            key=self.key,
            spec=self.spec,
            bundle=bundle,
            attach_only=attach_only,
            read_appspec=read_appspec,
        )


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
    return RunOrder(
        key=run_key(deployment.id, lease.target_id, lease.segment),
        driver=host.driver,
        address=HostAddress(name=host.name, settings=_reach(host, group, deployment)),
        spec={
            "target": lease.target_id,
            "environment": {**group["variables"], **host.variables},
            **_of_deployment(deployment),
            **_of_revision(revision),
            **_of_group(group),
            "limits": {
                "unpacked_bytes": settings.max_unpacked_bytes,
                "entries": settings.max_entries,
                "log_bytes": settings.max_log_bytes,
            },
        },
        revision=revision,
        needs_bundle=not deployment.options.is_restart,
        on_stop=group["host_options"].on_stop,
    )


def _of_deployment(deployment: Deployment) -> dict[str, object]:
    return {
        "deployment_id": deployment.id,
        "application_name": deployment.application,
        "group_id": deployment.group_id,
        "group_name": deployment.group,
        "creator": deployment.creator,
        "events": list(events_of(is_restart=deployment.options.is_restart)),
        "restart": deployment.options.is_restart,
        "ignore_application_stop_failures": deployment.options.ignore_application_stop_failures,
        "file_exists_behavior": deployment.options.file_exists_behavior,
    }


def _of_revision(revision: Revision) -> dict[str, object]:
    appspec = dict(revision.appspec or {})
    # Rows of an older Tidegate have no warnings.
    warnings = appspec.pop("warnings", [])
    return {
        "appspec": appspec,
        "appspec_warnings": warnings,
        "revision": _bundle_environment(revision),
        "revision_id": revision.id,
    }


def _of_group(group: GroupSettings) -> dict[str, object]:
    options = group["host_options"]
    return {
        "working_directory": options.working_directory,
        "allow_setid": options.allow_setid,
        "max_revisions": options.max_revisions,
    }


def _reach(host: Host, group: GroupSettings, deployment: Deployment) -> dict[str, object]:
    own = {key: value for key, value in host.settings.items() if value not in (None, "")}
    if host.driver == SSM:
        role = group["aws"].service_role_arn
        return {"region": deployment.region, **group["ssm"], **own, "role_arn": role}
    by_sudo = {"sudo": True} if group["host_options"].sudo else {}
    return {**group["ssh"], **own, **by_sudo}


def _bundle_environment(revision: Revision) -> dict[str, str]:
    """Return what the CodeDeploy agent tells hooks of a revision; what is not known is not set."""
    source = revision.source
    if source.type is SourceType.GITHUB:
        return {"BUNDLE_COMMIT": source.commit}
    if source.type is not SourceType.S3:
        return {}
    environment = {
        "BUNDLE_BUCKET": source.bucket,
        "BUNDLE_KEY": source.key,
        "BUNDLE_VERSION": source.version,
        "BUNDLE_ETAG": source.etag,
    }
    return {name: value for name, value in environment.items() if value}
