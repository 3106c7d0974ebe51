"""AppSpecs for Lambda: what is taken, and everything that is wrong, at its place."""

import json

import pytest

from tidegate.appspec import (
    AppSpec,
    InvalidAppSpec,
    LambdaAppSpec,
    LambdaFunction,
    parse_appspec,
    platform_of,
)

WHOLE = """\
version: 0.0
Resources:
  - shop:
      Type: AWS::Lambda::Function
      Properties:
        Name: shop
        Alias: live
        CurrentVersion: "1"
        TargetVersion: 2
Hooks:
  - AfterAllowTraffic: arn:aws:lambda:eu-west-1:123456789012:function:CodeDeployHook_after:1
  - BeforeAllowTraffic: CodeDeployHook_before
"""
HERE, ELSEWHERE = "eu-west-1:123456789012", "us-east-1:123456789012"
SHOP = LambdaFunction(name="shop", alias="live", current_version="1", target_version="2")


def taken(text: str | bytes) -> LambdaAppSpec:
    return parse_appspec(text, platform="Lambda")


def refused(text: str | bytes) -> InvalidAppSpec:
    with pytest.raises(InvalidAppSpec) as refusal:
        taken(text)
    return refusal.value


def function(**fields: object) -> str:
    body = {"Name": "shop", "Alias": "live", "CurrentVersion": 1, "TargetVersion": 2, **fields}
    properties = {key: value for key, value in body.items() if value is not None}
    return json.dumps(resources([{"web": {"Type": "AWS::Lambda::Function", **of(properties)}}]))


def of(properties: object) -> dict[str, object]:
    return {"Properties": properties}


def resources(value: object, **more: object) -> dict[str, object]:
    return {"version": 0.0, "Resources": value, **more}


def hooks(value: object) -> str:
    body = json.loads(function())
    return json.dumps({**body, "Hooks": value})


def test_everything_at_once():
    appspec = taken(WHOLE)

    assert appspec == LambdaAppSpec(
        functions=(SHOP,),
        hooks={
            "BeforeAllowTraffic": "CodeDeployHook_before",
            "AfterAllowTraffic": (
                "arn:aws:lambda:eu-west-1:123456789012:function:CodeDeployHook_after:1"
            ),
        },
    )
    assert list(appspec.hooks) == ["BeforeAllowTraffic", "AfterAllowTraffic"]
    assert appspec.warnings == ()
    assert json.loads(json.dumps(appspec.as_json())) == {
        "version": 0.0,
        "functions": [
            {"name": "shop", "alias": "live", "current_version": "1", "target_version": "2"}
        ],
        "hooks": dict(appspec.hooks),
    }


@pytest.mark.parametrize(
    "text",
    [
        function(),
        "\ufeff" + function(),
        WHOLE.partition("Hooks")[0].replace("version: 0.0", "version: '0.0'"),
        WHOLE.partition("Hooks")[0]
        .lower()
        .replace("aws::lambda::function", "AWS::Lambda::Function"),
        f"{WHOLE.partition('Hooks')[0]}hooks:\n",
        f"{WHOLE.partition('Hooks')[0]}hooks: []\n",
        WHOLE.partition("Hooks")[0].encode(),
    ],
)
def test_yaml_json_and_keys_in_any_case_are_taken(text: str | bytes):
    assert taken(text) == LambdaAppSpec(functions=(SHOP,))


def test_several_functions_are_an_addition():
    body = json.loads(function())
    body["Resources"].append({"other": {**body["Resources"][0]["web"], **of({"name": "other"})}})
    body["Resources"][1]["other"]["Properties"] |= {
        "alias": "live",
        "currentversion": 7,
        "targetversion": 8,
    }

    appspec = taken(json.dumps(body))

    assert [each.name for each in appspec.functions] == ["shop", "other"]
    assert ["CodeDeploy takes one function" in each.message for each in appspec.warnings] == [True]


def test_every_problem_is_found_in_one_go():
    refusal = refused(
        "version: 1\n"
        "Resources:\n"
        "  - shop:\n"
        "      Type: AWS::Lambda::Function\n"
        "      Properties:\n"
        "        Alais: live\n"
        "        CurrentVersion: $LATEST\n"
        "        TargetVersion: 010\n"
        "  - other:\n"
        "      Type: AWS::Lambda::Fnction\n"
        "Hooks:\n"
        "  - AfterTraffic: f\n"
        "  - BeforeAllowTraffic: a b\n"
    )

    assert [(each.line, each.column, each.key) for each in refusal.problems] == [
        (1, 10, "version"),
        (10, 13, "Resources[1].other.Type"),
        (10, 7, "Resources[1].other.Properties"),
        (6, 9, "Resources[0].shop.Properties.Name"),
        (6, 9, "Resources[0].shop.Properties.Alias"),
        (7, 25, "Resources[0].shop.Properties.CurrentVersion"),
        (8, 24, "Resources[0].shop.Properties.TargetVersion"),
        (12, 5, "Hooks[0]"),
        (13, 25, "Hooks[1].BeforeAllowTraffic"),
    ]
    assert [each.hint for each in refusal.warnings] == ["Is 'Alias' meant?"]
    assert "Publish a version" in refusal.problems[5].hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The AppSpec is empty"),
        ("[a]", "The AppSpec is a list, and must be a map."),
        ("{}", "The AppSpec has no version."),
        (json.dumps({"version": "0"}), "The version is '0', and must be 0.0."),
        ("version: yes", "The version is 'true', and must be 0.0."),
        ("version: 0.0", "The AppSpec has no Resources."),
        (json.dumps(resources({})), "Resources in the application specification file is a map"),
        (json.dumps(resources([])), "must be a list with a resource"),
        (json.dumps(resources(["web"])), 'Resources[0] is no resource: it is the text "web".'),
        (json.dumps(resources([{"web": None}])), "below its name is no map."),
        (
            json.dumps(resources([{"web": None, "Type": "t"}])),
            "Resources[0] is no resource: it is a map of 2 keys.",
        ),
        (json.dumps(resources([{"web": {}}])), "The resource 'web' has no Type."),
        (
            json.dumps(resources([{"web": {"Type": "AWS::Lambda::Function"}}])),
            "The resource 'web' has no Properties.",
        ),
        (
            json.dumps(resources([{"web": {"Type": "AWS::ECS::Service", **of({})}}])),
            "has the Type 'AWS::ECS::Service', and must have AWS::Lambda::Function.",
        ),
        (function(Name=None), "The resource 'web' has no Name."),
        (function(Name=""), "Resources[0].web.Properties.Name is an empty text"),
        (function(Name=["a"]), "Resources[0].web.Properties.Name is a list, and must be a text."),
        (function(Name=True), "Name is the truth value true, and must be a text."),
        (function(Name="<NAME>"), "'<NAME>' is a placeholder."),
        (function(Name="shop:live"), "'shop:live' is neither the name nor the ARN"),
        (function(Name="a b"), "'a b' is neither the name nor the ARN"),
        (function(Alias="1"), "'1' is no alias"),
        (function(TargetVersion=0), "TargetVersion is '0', and must be a positive whole number."),
        (function(TargetVersion="1.0"), "TargetVersion is '1.0', and must be"),
        (function(TargetVersion=-2), "TargetVersion is '-2', and must be"),
        (
            hooks({"BeforeAllowTraffic": "f"}),
            "Hooks in the application specification file is a map",
        ),
        (hooks(["f"]), 'Hooks[0] is no hook: it is the text "f".'),
        (hooks([{}]), "Hooks[0] is no hook: it is a map of 0 keys."),
        (
            hooks([{"BeforeAllowTraffic": "f", "AfterAllowTraffic": "g"}]),
            "Hooks[0] is no hook: it is a map of 2 keys.",
        ),
        (hooks([{"BeforeInstall": "f"}]), "'BeforeInstall' is no lifecycle event of Lambda"),
        (hooks([{"BeforeAllowTraffic": None}]), "Hooks[0].BeforeAllowTraffic names no function."),
        (
            hooks([{"BeforeAllowTraffic": "f"}, {"beforeallowtraffic": "g"}]),
            "BeforeAllowTraffic has a hook already.",
        ),
        (hooks([{"BeforeAllowTraffic": "ftp://a/b"}]), "nor a URL"),
        (hooks([{"BeforeAllowTraffic": "https://u:p@a/b"}]), "is a URL with a password in it."),
        (hooks([{"BeforeAllowTraffic": "http://[a/b"}]), "nor a URL"),
        (hooks([{"BeforeAllowTraffic": "http://a:65536/b"}]), "nor a URL"),
        (hooks([{"BeforeAllowTraffic": "http://a:0/b"}]), "nor a URL"),
    ],
)
def test_what_is_wrong_is_refused(text: str, message: str):
    assert message in refused(text).message


@pytest.mark.parametrize(
    "again", ["shop", *(f"arn:aws:lambda:{at}:function:shop" for at in (HERE, ELSEWHERE))]
)
def test_the_same_alias_twice_is_refused(again: str):
    body = json.loads(function())["Resources"]
    other = json.loads(function(Name=again))["Resources"]

    assert "is in Resources already" in refused(json.dumps(resources(body + other))).message


def test_a_version_that_moves_to_itself_is_left_to_the_deployment_to_fail():
    appspec = taken(function(TargetVersion="1"))

    assert ["are both 1" in each.message for each in appspec.warnings] == [True]


def test_hooks_may_be_urls():
    appspec = taken(hooks([{"beforeAllowTraffic": "https://hooks.example:8443/a?b=c"}]))

    assert appspec.hooks == {"BeforeAllowTraffic": "https://hooks.example:8443/a?b=c"}


def test_a_key_in_two_spellings_counts_once_and_is_warned_of():
    appspec = taken(function(name="other"))

    assert appspec.functions[0].name == "other"
    assert ["second time" in each.message for each in appspec.warnings] == [True]


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        (WHOLE, "Lambda"),
        (WHOLE.lower(), "Lambda"),
        (function(), "Lambda"),
        ("resources: [{a: {type: AWS::ECS::Service}}]", "ECS"),
        ("Resources: [{a: {Type: typo, Properties: {TaskDefinition: t}}}]", "ECS"),
        ("Resources: 5", "Lambda"),
        ("\ufeffResources: 5", "Lambda"),
        ("Resources: []\nos: linux\n", "Server"),
        ("version: 0.0\nos: linux\n", "Server"),
        ("[]", "Server"),
        ("a: [", "Server"),
        (b"\xff", "Server"),
    ],
)
def test_the_platform_of_a_text_is_guessed(text: str | bytes, platform: str):
    assert platform_of(text) == platform


def test_servers_are_the_default():
    assert isinstance(parse_appspec("version: 0.0\nos: linux\n"), AppSpec)


@pytest.mark.parametrize(
    "part",
    [
        "Resources: [" + "{a: {Type: AWS::Lambda::Function, Properties: {}}}, " * 12_000 + "]",
        "Resources: []\nHooks: [" + "".join(f"{{Before{n}: 1}}, " for n in range(30_000)) + "]",
        "".join(f"Resource{n}: 1\n" for n in range(40_000)),
    ],
)
@pytest.mark.timeout(20)
def test_no_text_of_a_megabyte_takes_long(part: str):
    refusal = refused(f"version: 0.0\n{part}\n")

    assert max(len(refusal.problems), len(refusal.warnings)) == 100
