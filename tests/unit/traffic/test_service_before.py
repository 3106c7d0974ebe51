"""How a service stood is kept, and what became of it is known as our own doing or not."""

import json

from hypothesis import assume, given
from hypothesis import strategies as st

from tidegate.drivers.traffic.elb import Junction
from tidegate.drivers.traffic.forwards import Actions, Groups, says_the_same, share_of_green
from tidegate.drivers.traffic.service_before import Before, Route, read_before

PAIR = Groups("blue", "green")
ROUTE = Route(
    groups=PAIR, blue_name="b", green_name="g", prod=("listener",), test=("other listener",)
)
PAGE = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}

weights = st.integers(0, 999)
percents = st.integers(0, 100)


@st.composite
def actions(draw: st.DrawFn) -> Actions:
    """Whatever may forward to blue before a deployment, and to others."""
    groups = {"blue": draw(st.integers(1, 999))}
    groups |= {"green": 0} if draw(st.booleans()) else {}
    groups |= {"foreign": draw(weights)} if draw(st.booleans()) else {}
    listed = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups.items()]
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": listed}, "Order": 2}
    first = [PAGE | {"Order": 1}] if draw(st.booleans()) else []
    return [*first, forward]


def junction(found: Actions, rule: str = "") -> Junction:
    return Junction(listener="listener", rule=rule, weighted=True, actions=found)


def before(*junctions: Junction) -> Before:
    return Before(
        external_id="d-1",
        primary="arn",
        controller="EXTERNAL",
        desired_count=3,
        routes=(ROUTE,),
        junctions=junctions,
    )


@given(found=actions(), percent=percents)
def test_what_a_deployment_does_is_known_as_its_own(found: Actions, percent: int):
    was = junction(found)
    kept = before(was)

    moved = junction(kept.moved(was, percent))

    assert not kept.is_touched(moved)
    assert kept.source(moved) == was
    assert share_of_green(moved.actions, PAIR) is not None


@given(found=actions(), one=percents, two=percents)
def test_however_it_gets_there_a_share_is_the_same(found: Actions, one: int, two: int):
    was = junction(found)
    kept = before(was)
    moved = junction(kept.moved(was, one))

    on = kept.moved(kept.source(moved), two)

    assert says_the_same(on, kept.moved(was, two))


@given(found=actions(), other=actions(), percent=percents)
def test_what_somebody_else_does_is_not(found: Actions, other: Actions, percent: int):
    kept = before(junction(found))
    assume(len(found) != len(other))

    assert kept.is_touched(junction(kept.moved(junction(other), percent)))


def test_what_was_not_there_is_somebody_else_s():
    assert before().is_touched(junction([PAGE], rule="rule"))


@given(found=actions())
def test_it_comes_back_out_of_a_row(found: Actions):
    kept = before(junction(found), junction([PAGE], rule="rule"))

    assert read_before(json.loads(json.dumps(kept.written()))) == kept
