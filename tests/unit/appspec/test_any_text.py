"""Any text is an AppSpec or an `InvalidAppSpec`, and what it gives fits in JSON."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from tidegate.appspec import AppSpec, InvalidAppSpec, Platform, parse_appspec, platform_of
from tidegate.appspec.scalars import NotLoadable, typed

VOCABULARY = """
version object os linux hooks files permissions source destination AfterInstall location timeout
runas sudo mode acls context type range except pattern : - , [ ] { } ? ! & * # | > ' " % @ ` ~ 0.0
0644 'u:a:rw' s0:c1 null yes .inf 1:30 2026-11-25 --- ...
"""
WORDS = st.sampled_from(VOCABULARY.split())
BREAKS = st.sampled_from(
    ["\n", "\n  ", "\n    ", "\n- ", "\n  - ", "\n    - ", " ", "\t", ": ", ""]
)
YAMLISH = st.lists(st.tuples(WORDS, BREAKS)).map(
    lambda parts: "version: 0.0\nos: linux\n" + "".join(word + gap for word, gap in parts)
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["/", "0644"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["location", "timeout", "runas", "source", "destination", "object", "mode", "acls", "context"]
)
ENTRIES = st.lists(st.dictionaries(KEYS, VALUES, max_size=5) | VALUES, max_size=3)
DOCUMENTS = st.fixed_dictionaries(
    {"version": st.just(0.0), "os": st.just("linux")},
    optional={
        "hooks": st.dictionaries(st.text(max_size=9), ENTRIES) | VALUES,
        "files": ENTRIES | VALUES,
        "permissions": ENTRIES | VALUES,
        "file_exists_behavior": st.sampled_from(["RETAIN", None]) | VALUES,
    },
)
PROPERTY_NAMES = """
Name Alias CurrentVersion TargetVersion TaskDefinition LoadBalancerInfo ContainerName ContainerPort
PlatformVersion NetworkConfiguration AwsvpcConfiguration Subnets CapacityProviderStrategy
CapacityProvider Base Weight
"""
PROPERTIES = st.dictionaries(
    st.sampled_from(PROPERTY_NAMES.split()),
    st.deferred(lambda: PROPERTIES | VALUES | st.lists(PROPERTIES, max_size=2)),
    max_size=5,
)
RESOURCES = st.fixed_dictionaries(
    {"version": st.just(0.0)},
    optional={
        "Resources": st.lists(
            st.fixed_dictionaries(
                {
                    "web": st.fixed_dictionaries(
                        {
                            "Type": st.sampled_from(["AWS::Lambda::Function", "AWS::ECS::Service"]),
                            "Properties": PROPERTIES | VALUES,
                        }
                    )
                }
            )
            | VALUES,
            max_size=2,
        ),
        "Hooks": st.lists(st.dictionaries(st.sampled_from(["AfterAllowTraffic"]), VALUES)) | VALUES,
    },
)


def check(text: str | bytes, platform: Platform = "Server") -> None:
    try:
        appspec = parse_appspec(text, platform=platform)
    except InvalidAppSpec as refusal:
        problems, message = refusal.problems, refusal.message
        assert problems[0].message == message
        assert all(min(problem.line, problem.column) >= 1 for problem in problems)
        assert all(problem.message for problem in problems)
        return
    json.dumps(appspec.as_json(), allow_nan=False).encode()
    if isinstance(appspec, AppSpec):
        assert all(script.timeout > 0 for scripts in appspec.hooks.values() for script in scripts)


@given(YAMLISH | RESOURCES.map(json.dumps), st.sampled_from(["Lambda", "ECS"]))
def test_any_resources(text: str, platform: Platform):
    check(text, platform)
    platform_of(text)


@given(st.text())
def test_any_text(text: str):
    check(text)


@given(st.binary())
def test_any_bytes(data: bytes):
    check(data)


@given(YAMLISH)
def test_any_text_that_looks_like_an_appspec(text: str):
    check(text)


@given(DOCUMENTS)
def test_any_value_in_any_place(document: dict[str, object]):
    check(json.dumps(document))


@given(st.text(), st.sampled_from(["os: linux\n", "\ufeffversion: 0.0\n", "hooks: "]))
def test_any_text_after_a_beginning(text: str, beginning: str):
    check(beginning + text)


@given(st.text(alphabet="0123456789+-._,:eExXbBoTZaf~ ntyINF") | st.text())
def test_any_scalar_has_a_type(text: str):
    with contextlib.suppress(NotLoadable):
        typed(text)
