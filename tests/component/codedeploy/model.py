"""What the tests of random sequences have in common: a service, a client, and what is expected."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from component.codedeploy.conftest import Aws

NAMES = st.sampled_from(["shop", "store", "s+=,.@_-1", "a b", ""])
KEYS = st.sampled_from(["team", "stage", "aws:x", ""])
VALUES = st.sampled_from(["blue", "green", ""])
FINE = ""


def fits(name: str) -> bool:
    return bool(name) and " " not in name


def bad_name(stem: str, name: str) -> str:
    return f"Invalid{stem}Exception" if name else f"{stem}RequiredException"


def bad_tag(key: str) -> bool:
    return not key or key.startswith("aws:")


def regions() -> Iterator[str]:
    """Regions without end: each run of the machine has its own, and so begins with nothing."""
    for letters in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=3):
        yield f"us-{''.join(letters)}-1"


class Model(RuleBasedStateMachine):
    """The service, and what should be in it."""

    aws: Aws
    fresh_regions: Iterator[str]

    def __init__(self) -> None:
        super().__init__()
        self.region = next(self.fresh_regions)
        self.client = self.aws.client(region=self.region)
        self.applications: dict[str, dict[str, Any]] = {}
        self.configs: set[str] = set()

    def ask(self, expected: str, call: Callable[..., Any], **request: Any) -> Any:
        """Make a call, which must be fine or refused as the model says."""
        code, answer = FINE, None
        try:
            answer = call(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
        assert code == expected, (call, request)
        return answer

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:codedeploy:{self.region}:000000000000:{kind}:{name}"

    def tags(self, kind: str, name: str) -> dict[str, str]:
        """Return the tags that the service has for something."""
        found = self.client.list_tags_for_resource(ResourceArn=self.arn(kind, name))["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}
