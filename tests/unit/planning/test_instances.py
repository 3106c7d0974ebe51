"""Which instances are meant, what it means that one goes, and whom a deployment left out."""

from datetime import timedelta
from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.aws_group import AwsGroup, OutdatedInstances
from tidegate.domain.deployment import Creator, DeploymentMode, DeploymentOptions
from tidegate.domain.instances import Instance, InstanceState, Place, Search
from tidegate.domain.tag_filters import TagFilter, TagFilterType, tags_match
from tidegate.planning.instances import (
    Query,
    changes_among,
    deployable,
    launched_meanwhile,
    meant,
    pause_after,
    queries_for,
    wants_follow_up,
)
from tidegate.testing.builders import a_deployment

S = InstanceState
texts = st.text(alphabet="ab*?\\", max_size=3)
keys = st.text(alphabet="ab*?\\", min_size=1, max_size=2)
filters = st.one_of(
    st.builds(TagFilter, st.just(TagFilterType.KEY_AND_VALUE), keys, texts),
    st.builds(TagFilter, st.just(TagFilterType.KEY_ONLY), keys),
    st.builds(TagFilter, st.just(TagFilterType.VALUE_ONLY), st.just(""), texts),
)
tag_sets = st.lists(st.lists(filters, min_size=1, max_size=3).map(tuple), max_size=3).map(tuple)
tags = st.dictionaries(keys, texts, max_size=3)
states = st.sampled_from(list(S))


def an_instance(id_: str, state: InstanceState = S.RUNNING, **more) -> Instance:
    return Instance(id=id_, arn=f"arn:{id_}", state=state, **more)


def meets(pattern: str, text: str) -> bool:
    """As EC2 matches a value of a filter: only `*`, `?` and the backslash have a meaning."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def is_answered(query: Query, told: dict[str, str]) -> bool:
    for name, patterns in query:
        if name == "tag-key":
            values = list(told)
        elif name == "tag-value":
            values = list(told.values())
        else:
            key = name.removeprefix("tag:")
            values = [told[key]] if key in told else []
        if not any(meets(pattern, value) for pattern in patterns for value in values):
            return False
    return True


@given(tag_set=tag_sets, told=tags)
def test_whatever_is_meant_is_among_what_is_asked_for(tag_set, told):
    queries = queries_for(tag_set)

    if tags_match(tag_set, told):
        assert any(is_answered(query, told) for query in queries)
    assert len(queries) <= 8
    assert all(len(query) == len(tag_set) for query in queries)
    assert all("\\" not in value for query in queries for _, values in query for value in values)


def test_one_key_is_asked_for_by_its_values():
    either = tuple(TagFilter(TagFilterType.KEY_AND_VALUE, "role", v) for v in ("web", "db"))

    assert queries_for((either,)) == ((("tag:role", ("web", "db")),),)


@given(tag_set=tag_sets, fleet=st.lists(tags, max_size=6), members=st.sets(st.integers(0, 8)))
def test_exactly_those_are_meant_whose_tags_match_or_that_a_group_has(tag_set, fleet, members):
    search = Search(place=Place(region="r"), tag_set=tag_set)
    instances = [an_instance(f"i-{n}", tags=told) for n, told in enumerate(fleet)]
    ids = {f"i-{n}" for n in members}

    found = meant(search, [*instances, *instances], ids)

    assert [one.id for one in found] == sorted(
        one.id for one in instances if one.id in ids or tags_match(tag_set, one.tags)
    )


@given(fleet=st.lists(states, max_size=8))
def test_running_and_stopped_ones_take_part(fleet):
    found = deployable([an_instance(f"i-{n}", state) for n, state in enumerate(fleet)])

    assert [one.state for one in found] == [s for s in fleet if s in {S.RUNNING, S.STOPPED}]


@given(
    looks=st.lists(
        st.dictionaries(st.sampled_from(["i-1", "i-2", "i-3"]), st.one_of(st.none(), states)),
        max_size=8,
    )
)
def test_one_is_gone_when_it_is_terminated_or_unknown_twice_in_a_row(looks):
    open_ids, absent = {"i-1", "i-2", "i-3"}, frozenset()
    unknown = dict.fromkeys(open_ids, 0)
    for look in looks:
        known = {id_: state or S.RUNNING for id_, state in look.items()}
        seen = {id_: an_instance(id_, state) for id_, state in known.items()}

        changes = changes_among(sorted(open_ids), seen, absent)

        for id_ in open_ids:
            unknown[id_] = 0 if id_ in seen else unknown[id_] + 1
            ends = unknown[id_] >= 2 or known.get(id_) in {S.SHUTTING_DOWN, S.TERMINATED}
            assert (id_ in changes.gone) == ends
        assert not changes.absent & changes.gone.keys()
        open_ids -= changes.gone.keys()
        absent = changes.absent


@given(
    fleet=st.lists(st.tuples(states, st.booleans(), st.booleans()), max_size=8),
)
def test_only_what_runs_and_was_neither_there_nor_has_the_revision_was_left_out(fleet):
    members = [an_instance(f"i-{n}", state) for n, (state, _, _) in enumerate(fleet)]
    had = {f"i-{n}" for n, (_, there, _) in enumerate(fleet) if there}
    current = {f"i-{n}" for n, (_, _, has) in enumerate(fleet) if has}

    launched = launched_meanwhile(members, had, current)

    new = [one for one in members if one.id not in had | current]
    assert [one.id for one in launched.ready] == [o.id for o in new if o.state is S.RUNNING]
    assert launched.is_booting == any(one.state is S.PENDING for one in new)


@given(
    creator=st.sampled_from(list(Creator)),
    strategy=st.sampled_from(list(OutdatedInstances)),
    groups=st.sampled_from([(), ("asg-1",)]),
    mode=st.sampled_from(list(DeploymentMode)),
)
def test_none_follows_one_that_follows_and_none_where_nobody_wants_it(
    creator, strategy, groups, mode
):
    aws = AwsGroup(auto_scaling_groups=groups, outdated_instances=strategy)
    deployment = a_deployment(creator=creator, options=DeploymentOptions(deployment_mode=mode))

    assert wants_follow_up(deployment, aws) == (
        bool(groups)
        and strategy is OutdatedInstances.UPDATE
        and creator is not Creator.AUTO_UPDATE
        and mode is DeploymentMode.STANDARD
    )


def test_pauses_double_up_to_a_minute():
    pauses = [pause_after(tries) / timedelta(seconds=1) for tries in (0, 1, 2, 3, 5, 50)]

    assert pauses == [2, 4, 8, 16, 60, 60]
