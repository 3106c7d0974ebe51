"""An AppSpec for servers: each check and its message as in the CodeDeploy agent 1.8."""

from typing import Final

from tidegate.appspec.findings import FAILED, Findings
from tidegate.appspec.hooks import read_hooks
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.permissions import read_permissions
from tidegate.appspec.ruby import index, is_nil, shown, truthy, type_name
from tidegate.appspec.values import AppSpec, FileMapping, Json

_KEYS: Final = ("version", "os", "hooks", "files", "permissions", "file_exists_behavior")
_BEHAVIORS: Final = ("DISALLOW", "OVERWRITE", "RETAIN")
_EMPTY: Final = (
    f"{FAILED}the application specification file was empty. Make sure your AppSpec file defines "
    "at minimum the 'version' and 'os' properties."
)
_NO_SOURCE: Final = (
    f"{FAILED}the application specification file specifies a destination file, but no source "
    "file. Update the files section of the AppSpec file, and then try again."
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
    files = _read_files(root.get("files"), findings)
    permissions = read_permissions(root.get("permissions"), findings)
    behavior = _read_behavior(root.get("file_exists_behavior"), findings)
    findings.warn_of_unknown_keys(root, _KEYS, "")
    if findings.problems:
        return None
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
    if value == "windows":
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


def _read_files(node: Node | None, findings: Findings) -> tuple[FileMapping, ...]:
    if not truthy(node) or (isinstance(node, Mapping) and not node.pairs):
        return ()
    if not isinstance(node, Sequence):
        findings.wrong_type(node, "files", "a list of maps with source and destination")
        return ()
    read = (_read_file(item, f"files[{at}]", findings) for at, item in enumerate(node.items))
    return tuple(mapping for mapping in read if mapping)


def _read_file(item: Node, path: str, findings: Findings) -> FileMapping | None:
    try:
        source, destination = index(item, "source"), index(item, "destination")
    except TypeError:
        findings.wrong_type(item, path, "a map with source and destination")
        return None
    if source is None or is_nil(source):
        findings.refuse(item, f"{path}.source", _NO_SOURCE)
        return None
    if destination is None or is_nil(destination):
        message = (
            f"{FAILED}the application specification file specifies only a source file "
            f"({shown(source)}). Add the name of the destination file to the files section of the "
            "AppSpec file, and then try again."
        )
        findings.refuse(item, f"{path}.destination", message)
        return None
    if isinstance(item, Mapping):
        findings.warn_of_unknown_keys(item, ("source", "destination"), path)
    _warn_of_paths(source, destination, path, findings)
    return FileMapping(source=_plain(source), destination=_plain(destination))


def _warn_of_paths(source: Node, destination: Node, path: str, findings: Findings) -> None:
    for name, node in (("source", source), ("destination", destination)):
        if not (isinstance(node, Scalar) and isinstance(node.value, str)):
            message = f"The {name} is {type_name(node)} and no text; Install will fail on it."
            findings.warn(node, f"{path}.{name}", message, "Put it in quotes.")
    text = source.value if isinstance(source, Scalar) else None
    if isinstance(text, str) and "*" in text:
        message = "The source holds a '*', which stands for itself; there are no wildcards."
        findings.warn(source, f"{path}.source", message, "Name a folder to take all in it.")
    text = destination.value if isinstance(destination, Scalar) else None
    if isinstance(text, str) and not text.startswith("/"):
        message = f"The destination '{shown(destination)}' is not absolute."
        findings.warn(destination, f"{path}.destination", message, "Begin it with '/'.")


def _plain(node: Node) -> Json:
    value = node.value if isinstance(node, Scalar) else shown(node)
    return value if isinstance(value, str | bool | int | float) else shown(node)
