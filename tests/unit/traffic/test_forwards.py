"""How traffic is split in the actions of a listener."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parts.aws_models import members, model, sample
from tidegate.drivers.traffic.forwards import (
    Action,
    Groups,
    says_the_same,
    share_of_green,
    split,
    target_groups_in,
    weights_in,
    writable,
)

PAIR = Groups("blue", "green")
PAGE: Action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}

weights = st.integers(0, 999)
percents = st.integers(0, 100)


def forward(**shares: int) -> Action:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in shares.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


@given(blue=weights, green=weights, percent=percents)
def test_green_gets_what_was_asked_for(blue: int, green: int, percent: int):
    before = [forward(blue=blue, green=green)]

    after = split(before, PAIR, percent, weighted=True)

    if blue + green:
        assert share_of_green(after, PAIR) == percent
        assert sum(weights_in(after[0]).values()) == 100
    else:
        assert after == before


@given(blue=st.integers(1, 999), foreign=weights, percent=percents)
def test_nobody_else_gets_more_or_less(blue: int, foreign: int, percent: int):
    after = split([forward(blue=blue, foreign=foreign)], PAIR, percent, weighted=True)[0]

    now = weights_in(after)
    assert all(0 <= one <= 999 for one in now.values())
    whole = sum(now.values())
    assert now["foreign"] / whole == pytest.approx(foreign / (blue + foreign), abs=0.002)
    assert bool(now["foreign"]) == bool(foreign)
    assert bool(now["green"]) == bool(percent)
    assert bool(now["blue"]) == (percent < 100)


@given(blue=st.integers(1, 999), foreign=weights, one=percents, two=percents)
def test_the_same_split_twice_is_one(blue: int, foreign: int, one: int, two: int):
    before = [forward(blue=blue, foreign=foreign)]

    assert split(before, PAIR, one, weighted=True) == split(before, PAIR, one, weighted=True)
    direct = split([forward(blue=blue)], PAIR, two, weighted=True)
    assert (
        split(split([forward(blue=blue)], PAIR, one, weighted=True), PAIR, two, weighted=True)
        == direct
    )


@given(percent=percents)
def test_what_is_of_no_concern_stays(percent: int):
    others = [PAGE, forward(foreign=3)]

    assert split(others, PAIR, percent, weighted=True) == others


@pytest.mark.parametrize(("percent", "arn"), [(0, "blue"), (100, "green")])
def test_without_weights_all_goes_to_one(percent: int, arn: str):
    before: list[Action] = [{"Type": "forward", "TargetGroupArn": "blue", "Order": 1}]

    assert split(before, PAIR, percent, weighted=False) == [
        {"Type": "forward", "TargetGroupArn": arn, "Order": 1}
    ]


def test_an_action_keeps_its_stickiness_and_order():
    sticky = {"Enabled": True, "DurationSeconds": 60}
    before = forward(blue=1) | {"Order": 2}
    before["ForwardConfig"]["TargetGroupStickinessConfig"] = sticky

    after = split([before], PAIR, 10, weighted=True)[0]

    assert after["Order"] == 2
    assert after["ForwardConfig"]["TargetGroupStickinessConfig"] == sticky


@pytest.mark.parametrize(
    ("actions", "share"),
    [
        ([{"Type": "forward", "TargetGroupArn": "blue"}], 0),
        ([{"Type": "forward", "TargetGroupArn": "green"}], 100),
        ([forward(blue=3, green=1)], 25),
        ([forward(blue=0, green=0, foreign=1)], None),
        ([forward(foreign=1)], None),
        ([PAGE], None),
        ([], None),
    ],
)
def test_the_share_of_green(actions: list[Action], share: float | None):
    assert share_of_green(actions, PAIR) == share


def test_target_groups_of_no_weight_are_named_too():
    assert target_groups_in([PAGE, forward(blue=0, green=1)]) == {"blue", "green"}


OIDC: dict[str, Any] = {"Issuer": "https://login", "ClientId": "shop"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"Type": "forward", "TargetGroupArn": "blue"}, forward(blue=1), True),
        ({"Type": "forward", "TargetGroupArn": "blue"}, forward(blue=7) | {"Order": 1}, True),
        (forward(blue=1, green=0), forward(green=0, blue=1), True),
        (forward(blue=1, green=0), forward(blue=1), False),
        (forward(blue=1, green=1), forward(blue=2, green=1), False),
        (PAGE, forward(blue=1), False),
        (
            {"Type": "authenticate-oidc", "AuthenticateOidcConfig": OIDC | {"ClientSecret": "x"}},
            {"Type": "authenticate-oidc", "AuthenticateOidcConfig": OIDC},
            True,
        ),
    ],
)
def test_what_is_written_differently_may_be_the_same(one: Action, other: Action, same: bool):
    assert says_the_same([one], [other]) is same


def test_another_stickiness_is_not_the_same():
    sticky = forward(blue=1)
    sticky["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True}

    assert not says_the_same([sticky], [forward(blue=1)])


def test_the_order_is_that_of_the_actions_or_what_they_say():
    first, second = PAGE | {"Order": 1}, forward(blue=1) | {"Order": 2}

    assert says_the_same([second, first], [first, second])
    assert not says_the_same([PAGE, forward(blue=1)], [forward(blue=1), PAGE])


def test_a_secret_that_is_not_read_back_is_kept():
    login = {"Type": "authenticate-oidc", "AuthenticateOidcConfig": OIDC}

    assert writable([login, PAGE]) == [
        login | {"AuthenticateOidcConfig": OIDC | {"UseExistingClientSecret": True}},
        PAGE,
    ]


KINDS = {
    "authenticate-oidc": "AuthenticateOidcConfig",
    "authenticate-cognito": "AuthenticateCognitoConfig",
    "redirect": "RedirectConfig",
    "fixed-response": "FixedResponseConfig",
    "jwt-validation": "JwtValidationConfig",
    "forward": "ForwardConfig",
}


def whole(kind: str) -> Action:
    """An action of a kind that says all that there is to say."""
    return sample("elbv2", "Action", without=("ClientSecret", "UseExistingClientSecret")) | {
        "Type": kind
    }


def test_all_kinds_of_actions_are_known():
    assert set(model("elbv2").shape_for("ActionTypeEnum").enum) == KINDS.keys()
    told = members("elbv2", "Action") - {"Type", "TargetGroupArn", "Order"}
    assert told == set(KINDS.values())


@pytest.mark.parametrize("kind", KINDS.keys() - {"forward"})
def test_an_action_of_another_kind_is_kept_to_the_last_member(kind: str):
    before = whole(kind)

    [after] = split([before], Groups("blue", "green"), 10, weighted=True)

    assert after == before


def test_of_a_forward_nothing_but_weights_changes():
    before = whole("forward")
    group = before["ForwardConfig"]["TargetGroups"][0] | {"TargetGroupArn": "blue"}
    before["ForwardConfig"]["TargetGroups"] = [group]

    [after] = split([before], Groups("blue", "green"), 10, weighted=True)

    assert members("elbv2", "TargetGroupTuple") == {"TargetGroupArn", "Weight"}
    assert after["ForwardConfig"].pop("TargetGroups") == [
        {"TargetGroupArn": "blue", "Weight": 90},
        {"TargetGroupArn": "green", "Weight": 10},
    ]
    del before["ForwardConfig"]["TargetGroups"]
    # That would name one target group beside the weights.
    del before["TargetGroupArn"]
    assert after == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_is_what_the_call_takes(kind: str):
    [sent] = writable([whole(kind)])

    taken = model("elbv2").shape_for("Action")
    assert sent.keys() <= taken.members.keys()
    assert sent["AuthenticateOidcConfig"]["UseExistingClientSecret"] is True
