"""What AppSpecs for Lambda and ECS have in common: version, Resources and Hooks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tidegate.appspec.fields import Fields, text_of
from tidegate.appspec.findings import Findings, did_you_mean
from tidegate.appspec.nodes import Mapping, Node, Scalar, Sequence
from tidegate.appspec.ruby import cut, is_nil, shown, to_s, truthy, type_name
from tidegate.appspec.values import Platform

TYPES: Final[dict[Platform, str]] = {"Lambda": "AWS::Lambda::Function", "ECS": "AWS::ECS::Service"}
FUNCTION: Final = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:)?[A-Za-z0-9_-]{1,140}"
    r"(?P<qualifier>:(?:\$LATEST|[A-Za-z0-9_-]+))?"
)
_FORM: Final = "A resource is a name, and indented below it Type and Properties."


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How the AppSpecs of one platform look."""

    platform: Platform
    properties: tuple[str, ...]
    events: tuple[str, ...]
    """Those that may have a hook, in their order."""


def find_resources(root: Node | None) -> Node | None:
    """Return what stands under the key `Resources`, in any case."""
    if not isinstance(root, Mapping):
        return None
    found = (value for key, value in root.entries() if to_s(key).lower() == "resources")
    return next(found, None)


def guess_platform(root: Node | None) -> Platform:
    """Return the platform that an AppSpec seems to be for."""
    resources = find_resources(root)
    if resources is None or (isinstance(root, Mapping) and (root.get("os") or root.get("files"))):
        return "Server"
    words = " ".join(_words(resources)).lower()
    return "ECS" if "ecs" in words or "taskdefinition" in words else "Lambda"


def _words(node: Node, depth: int = 5) -> Iterator[str]:
    """Return the types of resources, and the names of their properties."""
    if isinstance(node, Sequence) and depth:
        for item in node.items[:10]:
            yield from _words(item, depth - 1)
    elif isinstance(node, Mapping) and depth:
        for key, value in list(node.entries())[:10]:
            name = cut(to_s(key))
            yield cut(to_s(value)) if name.lower() == "type" else name if depth < 4 else ""
            yield from _words(value, depth - 1)


def read_top(root: Node | None, findings: Findings) -> Fields | None:
    """Return the top level with its version checked, or None where there is none."""
    if not truthy(root):
        findings.refuse(root, "", "The AppSpec is empty; it needs a version and Resources.")
        return None
    if not isinstance(root, Mapping):
        message = f"The AppSpec is {type_name(root)}, and must be a map."
        findings.refuse(root, "", message, "Its keys are version, Resources and Hooks.")
        return None
    top = Fields(root, "", ("version", "Resources", "Hooks"), what="The AppSpec", findings=findings)
    node = top.required("version", "Write version: 0.0")
    value = node.value if isinstance(node, Scalar) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if node is not None and not (value == "0.0" or (is_number and value == 0)):
        message = f"The version is '{shown(node)}', and must be 0.0."
        top.refuse("version", message, "Write version: 0.0")
    return top


def read_resources(top: Fields, kind: Kind) -> list[Fields]:
    """Return the properties of each resource of the right type."""
    node = top.required("Resources", f"It is a list. {_FORM}")
    if node is None:
        return []
    if not isinstance(node, Sequence) or not node.items:
        top.findings.wrong_type(node, "Resources", f"a list with a resource. {_FORM}".rstrip("."))
        return []
    read = (_read_resource(item, at, kind, top.findings) for at, item in enumerate(node.items))
    return [properties for properties in read if properties]


def _read_resource(item: Node, at: int, kind: Kind, findings: Findings) -> Fields | None:
    path = f"Resources[{at}]"
    pairs = list(item.entries()) if isinstance(item, Mapping) else []
    body = pairs[0][1] if len(pairs) == 1 else None
    if not isinstance(body, Mapping):
        findings.refuse(item, path, f"{path} is no resource: {_what(item)}.", _FORM)
        return None
    name = cut(to_s(pairs[0][0]))
    resource = Fields(
        body,
        f"{path}.{name}",
        ("Type", "Properties"),
        what=f"The resource '{name}'",
        findings=findings,
    )
    if not _has_right_type(resource, kind):
        return None
    properties = resource.inner("Properties", kind.properties)
    if properties:
        properties.what = resource.what
    return properties


def _what(item: Node) -> str:
    if not isinstance(item, Mapping):
        return f"it is {type_name(item)}"
    if len(item.pairs) == 1:
        return "below its name is no map"
    return f"it is a map of {len(item.pairs)} keys"


def _has_right_type(resource: Fields, kind: Kind) -> bool:
    right = TYPES[kind.platform]
    text = resource.text("Type")
    if text is None or text == right:
        return True
    other = next((name for name, type_ in TYPES.items() if type_ == text), None)
    message = f"{resource.what} has the Type '{cut(text)}', and must have {right}."
    hint = f"It is a resource for {other}." if other else did_you_mean(text, [right])
    resource.refuse("Type", message, hint)
    return other is None


def read_hooks(top: Fields, kind: Kind) -> dict[str, str]:
    """Return the function, or URL, of each event that has a hook."""
    node = top.get("Hooks")
    if node is None:
        return {}
    if not isinstance(node, Sequence):
        wanted = "a list of '- Event: function'"
        top.findings.wrong_type(node, "Hooks", wanted)
        return {}
    hooks: dict[str, str] = {}
    for at, item in enumerate(node.items):
        if top.findings.wants_problems:
            _read_hook(item, f"Hooks[{at}]", hooks, kind, top.findings)
    return {event: hooks[event] for event in kind.events if event in hooks}


def _read_hook(
    item: Node, path: str, hooks: dict[str, str], kind: Kind, findings: Findings
) -> None:
    pairs = list(item.entries()) if isinstance(item, Mapping) else []
    if len(pairs) != 1:
        message = f"{path} is no hook: {_what(item)}."
        findings.refuse(item, path, message, "Write each as '- Event: function'.")
        return
    key, value = pairs[0]
    name = cut(to_s(key))
    event = next((one for one in kind.events if one.lower() == name.lower()), None)
    if event is None:
        listed = f"Events with hooks: {', '.join(kind.events)}."
        message = f"'{name}' is no lifecycle event of {kind.platform} that can have a hook."
        findings.refuse(key, path, message, did_you_mean(name, kind.events) or listed)
        return
    if event in hooks:
        findings.refuse(key, path, f"{event} has a hook already.", "An event has one hook.")
        return
    hooks[event] = _hook(value, f"{path}.{event}", findings)


def _hook(node: Node, key: str, findings: Findings) -> str:
    if is_nil(node):
        hint = "Name a Lambda function, or remove the line."
        findings.refuse(node, key, f"{key} names no function.", hint)
        return ""
    text = text_of(node, key, findings)
    if text is None or FUNCTION.fullmatch(text):
        return text or ""
    parts = _parts(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"'{cut(text)}' is neither the name or ARN of a Lambda function nor a URL."
        findings.refuse(node, key, message)
    elif parts.password:
        # Sentences go to logs, topics and chats: this one must not quote it.
        hint = "Leave it out: calls are signed."
        findings.refuse(node, key, "The hook is a URL with a password in it.", hint)
    return text


def _parts(text: str) -> SplitResult | None:
    """Return the parts of an address that can be connected to, as far as its form tells."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts
