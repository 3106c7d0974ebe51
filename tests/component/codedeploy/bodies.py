"""Bodies of requests as botocore's model has them, and all that can be wrong with them."""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape
from hypothesis import strategies as st

from component.codedeploy.groups import BLUE_GREEN, ECS, FULL, LAMBDA, ROLE, TOPIC
from component.codedeploy.test_revisions import APPSPEC, GITHUB, S3, STRING

PREFIX = "arn:aws:codedeploy:us-east-1:000000000000"
USER = "arn:aws:iam::111122223333:user/web"
ON_SERVERS, ON_ECS = "d-ONSERVERS", "d-ONECS0000"
"""What stands for the ids of deployments that there are."""
APPLICATIONS = ["shop", "fn", "tasks"]
SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
KNOWN: dict[str, Sequence[str]] = {
    "applicationName": [*APPLICATIONS, "none"],
    "newApplicationName": ["shop", "store"],
    "ApplicationName": APPLICATIONS,
    "deploymentGroupName": ["prod", "none"],
    "currentDeploymentGroupName": ["prod", "none"],
    "newDeploymentGroupName": ["prod", "store"],
    "DeploymentGroupName": ["prod", "none"],
    "deploymentConfigName": ["mine", "none", "CodeDeployDefault.AllAtOnce"],
    "instanceName": ["web-1", "web-2"],
    "InstanceName": ["web-1", "web-2"],
    "iamUserArn": [USER, f"{USER}-2"],
    "iamSessionArn": ["arn:aws:sts::111122223333:assumed-role/web/one"],
    "serviceRoleArn": [ROLE],
    "triggerTargetArn": [TOPIC["triggerTargetArn"]],
    "ResourceArn": [
        f"{PREFIX}:application:shop",
        f"{PREFIX}:deploymentgroup:shop/prod",
        f"{PREFIX}:deploymentconfig:mine",
    ],
    "deploymentId": [ON_SERVERS, ON_ECS],
    "DeploymentId": [ON_SERVERS, ON_ECS],
    "tokenName": ["octo"],
    "repository": ["me/shop"],
    "commitId": ["a" * 40],
    "bundleType": ["zip", "YAML"],
    "eTag": ['"0123"', "0123"],
    "sha256": [SHA256],
    "content": ["hello", "version: 0.0\nResources: []\n"],
}
"""Values of members by their name, or by that of the list's type of value: others get nowhere."""
WHOLE: dict[str, list[dict[str, Any]]] = {
    "CreateApplication": [
        {
            "applicationName": "new",
            "computePlatform": "Server",
            "tags": [{"Key": "team", "Value": "blue"}],
        }
    ],
    "CreateDeploymentConfig": [
        {
            "deploymentConfigName": "new",
            "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 1},
            "zonalConfig": {
                "firstZoneMonitorDurationInSeconds": 1,
                "monitorDurationInSeconds": 1,
                "minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": 1},
            },
        },
        {
            "deploymentConfigName": "new",
            "computePlatform": "ECS",
            "trafficRoutingConfig": {
                "type": "TimeBasedCanary",
                "timeBasedCanary": {"canaryPercentage": 1, "canaryInterval": 1},
            },
        },
    ],
    "CreateDeploymentGroup": [
        {
            "applicationName": application,
            "deploymentGroupName": "new",
            "serviceRoleArn": ROLE,
            **said,
        }
        for application, said in (
            ("shop", FULL),
            ("shop", BLUE_GREEN),
            ("fn", LAMBDA),
            ("tasks", ECS),
        )
    ],
    "CreateDeployment": [
        {
            "applicationName": "shop",
            "deploymentGroupName": "other",
            "revision": S3,
            "description": "new",
            "fileExistsBehavior": "RETAIN",
            "deploymentMode": "STANDARD",
            "autoRollbackConfiguration": FULL["autoRollbackConfiguration"],
            "overrideAlarmConfiguration": FULL["alarmConfiguration"],
            "ec2DeploymentOptions": FULL["ec2DeploymentOptions"],
        },
        {"applicationName": "tasks", "deploymentGroupName": "prod", "revision": APPSPEC},
    ],
    "RegisterApplicationRevision": [
        {"applicationName": "shop", "revision": S3, "description": "new"},
        {"applicationName": "shop", "revision": GITHUB},
        {"applicationName": "fn", "revision": STRING},
        {"applicationName": "tasks", "revision": APPSPEC},
    ],
    "ListDeployments": [
        {
            "applicationName": "shop",
            "deploymentGroupName": "prod",
            "includeOnlyStatuses": ["Created", "Failed"],
            "createTimeRange": {"start": 0, "end": 2000000000},
        },
        {"externalId": "x"},
    ],
    "ListDeploymentTargets": [
        {"deploymentId": ON_SERVERS, "targetFilters": {"TargetStatus": ["Failed"]}}
    ],
    "UpdateDeploymentGroup": [
        {"applicationName": application, "currentDeploymentGroupName": "prod", **said}
        for application, said in (("shop", FULL), ("shop", BLUE_GREEN), ("tasks", ECS))
    ],
}
"""Requests that hold together, which chance alone does not find."""

TEXT = st.text(st.characters(), max_size=12)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-1, 100),
    "long": st.integers(-1, 100),
    "double": st.floats(0, 100),
    "timestamp": st.integers(0, 2**33) | st.floats(0, 2e9) | st.just("2026-01-02T03:04:05Z"),
}
RAW = {
    f"<raw {number}>": text
    for number, text in enumerate(
        (
            "NaN",
            "-Infinity",
            "1e400",
            "-0.0",
            "1E2",
            str(2**31),
            str(-(2**31) - 1),
            str(2**63),
            str(2**64),
            "1" + "0" * 5000,
            '"\ud800"',
            '"\\ud800x"',
            '"a\x00b"',
            '"\\u0000"',
            '"\\x"',
            "[" * 5000 + "]" * 5000,
            '{"a":' * 5000 + "1" + "}" * 5000,
            '{"Key": "a", "Key": 1, "Key": "b"}',
            json.dumps([{"Key": str(number), "Value": "x"} for number in range(10_000)]),
            json.dumps([{"name": str(number)} for number in range(10_000)]),
            json.dumps([str(number) for number in range(10_000)]),
            "undefined",
            "",
        )
    )
}
"""What json.dumps cannot be made to write, and the text that stands for it until it has written."""
SPOILT: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    2**31 - 1,
    "",
    " ",
    "x",
    "a" * 256,
    "é" * 101,
    "\ud800",
    "a\u202eb",
    "a\nb",
    "x" * 70_000,
    [],
    {},
    [[]],
    [None],
    [{}],
    [""],
    {"Key": "a"},
    *RAW,
]
AGAIN = "<again>"
"""Behind a key that is to be there twice."""
WORDS = [one for one in SPOILT if isinstance(one, str) and one not in RAW]
_SPOILT = st.sampled_from(SPOILT).map(copy.deepcopy)
NO_JSON = [
    b"",
    b"null",
    b"[]",
    b"1",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b"{}{}",
    b"\xef\xbb\xbf{}",
    b"//\n{}",
]


@st.composite
def bodies(draw: st.DrawFn, model: OperationModel) -> bytes:
    """Draw what a client might send, and what none would."""
    body = draw(_sound(model))
    for _ in range(draw(st.sampled_from([1, 0, 1, 2, 1, 3]))):
        _spoil(draw, body)
    data = written(body, escaped=draw(st.booleans()))
    match draw(st.integers(0, 15)):
        case 0:
            return draw(st.sampled_from(NO_JSON) | st.binary(max_size=40))
        case 1:
            at = draw(st.integers(0, len(data)))
            return data[:at] + draw(st.binary(max_size=3)) + data[at + draw(st.integers(0, 3)) :]
    return data


def spoilt_one_by_one(
    body: dict[str, Any], shape: StructureShape, *, most: int
) -> Iterator[dict[str, Any]]:
    """Return the body with something else in each of its members, and in each that it could have.

    Each place gets its share of *most* values, and the next place others.
    """
    whole = {**dict.fromkeys(shape.members), **body}
    places = list(_places(whole))
    for number, (holder, key) in enumerate(places):
        values: Sequence[Any] = WORDS if isinstance(holder[key], str) else SPOILT
        step = max(1, len(values) * len(places) // most)
        before = holder[key]
        for value in (*values[number % step :: step], "x"):
            holder[key] = copy.deepcopy(value)
            yield whole
        holder[key] = before


def written(body: dict[str, Any], *, escaped: bool = True) -> bytes:
    """Return the JSON of a body, with all that is raw in it."""
    text = json.dumps(body, ensure_ascii=escaped).replace(AGAIN, "")
    for mark, raw in RAW.items():
        text = text.replace(f'"{mark}"', raw)
    return text.encode("utf-8", "surrogatepass")


def _sound(model: OperationModel) -> st.SearchStrategy[dict[str, Any]]:
    if model.input_shape is None:
        return st.just({})
    by_model = _values(model.input_shape)
    whole = WHOLE.get(model.name)
    if whole is None:
        return by_model
    return by_model | st.sampled_from(whole).map(copy.deepcopy)


def _values(shape: Shape, name: str = "") -> st.SearchStrategy[Any]:
    match shape.type_name:
        case "structure":
            assert isinstance(shape, StructureShape)
            members = {key: _values(member, key) for key, member in shape.members.items()}
            required = {key: members.pop(key) for key in shape.required_members}
            return st.fixed_dictionaries(required, optional=members)
        case "list":
            return st.lists(_values(shape.member), max_size=3)
        case "map":
            return st.dictionaries(_values(shape.key), _values(shape.value), max_size=2)
        case "string":
            known = getattr(shape, "enum", None) or KNOWN.get(name) or KNOWN.get(shape.name)
            return st.sampled_from(known) if known else st.sampled_from(["a", "b"]) | TEXT
    return SCALARS[shape.type_name]


def _spoil(draw: st.DrawFn, body: dict[str, Any]) -> None:
    body.setdefault("x", "unknown")
    holder, key = draw(st.sampled_from(list(_places(body))))
    if draw(st.booleans()):
        # What has the right type gets beyond the parser.
        is_text = isinstance(holder[key], str) and draw(st.integers(0, 3))
        holder[key] = draw(st.sampled_from(WORDS) | TEXT if is_text else _SPOILT)
        return
    value = holder[key]
    match draw(st.sampled_from(["gone", "wrapped", "often", "unknown", "twice"])):
        case "gone":
            del holder[key]
        case "wrapped":
            holder[key] = draw(st.sampled_from([[value], {"a": value}, str(value)[:99]]))
        case "often":
            holder[key] = [copy.deepcopy(value) for _ in range(101)]
        case "unknown":
            holder[key] = {
                **(value if isinstance(value, dict) else {}),
                "colour": {"deep": [value]},
            }
        case "twice" if isinstance(holder, dict):
            holder[f"{key}{AGAIN}"] = draw(_SPOILT)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a body that something else can be put into."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(inner)
