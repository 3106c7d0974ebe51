"""An AppSpec for servers: each check and its message as in the CodeDeploy agent 1.8."""

from typing import Final

from tidegate.appspec.files import read_files
from tidegate.appspec.findings import FAILED, Findings
from tidegate.appspec.hooks import read_hooks
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.paths import as_folder
from tidegate.appspec.permissions import read_permissions
from tidegate.appspec.resources import find_resources
from tidegate.appspec.ruby import cut, index, is_nil, shown, truthy, type_name
from tidegate.appspec.values import AppSpec, FileMapping, Permission

_KEYS: Final = ("version", "os", "hooks", "files", "permissions", "file_exists_behavior")
_MOST_COMPARED: Final = 100_000
_BEHAVIORS: Final = ("DISALLOW", "OVERWRITE", "RETAIN")
_EMPTY: Final = (
    f"{FAILED}the application specification file was empty. Make sure your AppSpec file defines "
    "at minimum the 'version' and 'os' properties."
)


def read_server(root: Node | None, findings: Findings) -> AppSpec | None:
    """Return the AppSpec that *root* says, or None after a problem was found."""
    if not truthy(root):
        findings.refuse(root, "", _EMPTY)
        return None
    if not isinstance(root, Mapping):
        _refuse_top_level(root, findings)
        return None
    _check_version(root.get("version"), root, findings)
    _check_os(root.get("os"), root, findings)
    hooks = read_hooks(root.get("hooks"), findings)
    files = read_files(root.get("files"), findings)
    permissions = read_permissions(root.get("permissions"), findings)
    behavior = _read_behavior(root.get("file_exists_behavior"), findings)
    findings.warn_of_unknown_keys(root, _KEYS, "")
    if findings.problems:
        return None
    _warn_of_idle_permissions(permissions, files, root.get("permissions"), findings)
    return AppSpec(
        hooks=hooks,
        files=files,
        permissions=permissions,
        file_exists_behavior=behavior,
        warnings=tuple(findings.warnings),
    )


def _refuse_top_level(root: Node | None, findings: Findings) -> None:
    wanted = "It must be a map of keys such as version, os, files and hooks."
    if isinstance(root, Scalar) and isinstance(root.value, str):
        hint = f"The file is one text. {wanted} Is there a blank after each ':'?"
        findings.refuse(root, "version", _version_message(index(root, "version")), hint)
    else:
        message = f"{FAILED}the application specification file is {type_name(root)}."
        findings.refuse(root, "", message, wanted)


def _version_message(node: Node | None) -> str:
    return (
        f"{FAILED}an invalid version value ({shown(node)}) was entered in the application "
        'specification file. Make sure your AppSpec file specifies "0.0" as the version, and then '
        "try again."
    )


def _check_version(node: Node | None, root: Node, findings: Findings) -> None:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return
    quoted = isinstance(value, str) and value.strip() in ("0.0", "0")
    hint = "Write it without quotes: version: 0.0" if quoted else ""
    findings.refuse(node or root, "version", _version_message(node), hint)


def _check_os(node: Node | None, root: Node, findings: Findings) -> None:
    value = node.value if isinstance(node, Scalar) else None
    if value == "linux":
        return
    message = (
        f"{FAILED}the application specification file specifies an unsupported operating system "
        f'({shown(node)}). Specify either "linux" or "windows" in the os section of the AppSpec '
        "file, and then try again."
    )
    hint = ""
    if node is None and find_resources(root):
        hint = "Is it an AppSpec for Lambda or ECS? It has Resources."
    elif value == "windows":
        hint = "Tidegate deploys to Linux hosts only, so it must be linux."
    elif isinstance(value, str) and value.strip().lower() == "linux":
        hint = "Write it in lower-case letters: os: linux"
    findings.refuse(node or root, "os", message, hint)


def _read_behavior(node: Node | None, findings: Findings) -> str | None:
    if is_nil(node):
        return None
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value in _BEHAVIORS:
        return node.value
    message = (
        f"{FAILED}an invalid file_exists_behavior value ({shown(node)}) was entered in the "
        f"application specification file. Make sure your AppSpec file specifies one of "
        f"{','.join(_BEHAVIORS)} as the file_exists_behavior, and then try again."
    )
    findings.refuse(node, "file_exists_behavior", message)
    return None


def _warn_of_idle_permissions(
    permissions: tuple[Permission, ...],
    files: tuple[FileMapping, ...],
    node: Node | None,
    findings: Findings,
) -> None:
    """Warn of permissions that can meet nothing which this AppSpec installs."""
    installed = [as_folder(each.destination) for each in files if isinstance(each.destination, str)]
    if not installed or len(installed) * len(permissions) > _MOST_COMPARED:
        return
    items = node.items if isinstance(node, Sequence) else []
    for at, (permission, item) in enumerate(zip(permissions, items, strict=True)):
        path = as_folder(permission.object)
        if not any(path.startswith(each) or each.startswith(path) for each in installed):
            message = (
                f"No destination of files lies in or above '{cut(permission.object)}', so these "
                "permissions have nothing to be set on."
            )
            findings.warn(item, f"permissions[{at}].object", message)
