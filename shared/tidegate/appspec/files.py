"""The `files` of an AppSpec for servers."""

import math
from typing import Final

from tidegate.appspec.findings import FAILED, Findings
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.paths import in_bundle
from tidegate.appspec.ruby import index, is_nil, shown, truthy, type_name
from tidegate.appspec.values import FileMapping, Json

_KEYS: Final = ("source", "destination")
_NO_SOURCE: Final = (
    f"{FAILED}the application specification file specifies a destination file, but no source "
    "file. Update the files section of the AppSpec file, and then try again."
)


def read_files(node: Node | None, findings: Findings) -> tuple[FileMapping, ...]:
    """Return the entries that are right; what is wrong goes to *findings*."""
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
        findings.warn_of_unknown_keys(item, _KEYS, path)
    _warn_of_source(source, f"{path}.source", findings)
    _warn_of_destination(destination, f"{path}.destination", findings)
    return FileMapping(source=_plain(source), destination=_plain(destination))


def _warn_of_source(node: Node, key: str, findings: Findings) -> None:
    text = _text(node, key, findings)
    if text is None:
        return
    if in_bundle(text) is None:
        message = f"The source '{shown(node)}' leads out of the bundle; Install will fail on it."
        findings.warn(node, key, message, "Name a file or folder of the bundle.")
    elif "*" in text:
        message = "The source holds a '*', which stands for itself; there are no wildcards."
        findings.warn(node, key, message, "Name a folder to take all in it.")
    elif findings.lacks(text):
        message = (
            f"The bundle holds no '{shown(node)}'; Install will fail on it, "
            "unless a script of BeforeInstall makes it."
        )
        findings.warn(node, key, message)


def _warn_of_destination(node: Node, key: str, findings: Findings) -> None:
    text = _text(node, key, findings)
    if text is not None and not text.startswith("/"):
        message = f"The destination '{shown(node)}' is not absolute; Install will fail on it."
        findings.warn(node, key, message, "Begin it with '/'.")


def _text(node: Node, key: str, findings: Findings) -> str | None:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    what = key.rpartition(".")[2]
    message = f"The {what} is {type_name(node)} and no text; Install will fail on it."
    findings.warn(node, key, message, "Put it in quotes.")
    return None


def _plain(node: Node) -> Json:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, float) and not math.isfinite(value):
        return shown(node)
    return value if isinstance(value, str | bool | int | float) else shown(node)
