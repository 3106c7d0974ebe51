"""The order of work, and which hosts a group means."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.fleet import Installation, Turn, turn_of
from tidegate.domain.ids import RevisionId
from tidegate.domain.lifecycle import (
    HOST_EVENTS,
    EventStatus,
    LifecycleEvent,
    target_succeeded,
)
from tidegate.domain.tag_filters import TagFilter, TagFilterType, describe_wanted, tags_match

CURRENT, OLD = RevisionId("r-current"), RevisionId("r-old")


def installed(revision, *, healthy=True):
    return Installation(revision_id=revision, healthy=healthy)


def test_unhealthy_comes_first_then_unknown_then_old_then_current():
    known = [
        installed(CURRENT),
        installed(OLD),
        installed(None),
        installed(CURRENT, healthy=False),
    ]

    turns = sorted(turn_of(there, CURRENT) for there in known)

    assert turns == [Turn.UNHEALTHY, Turn.UNKNOWN, Turn.OLD, Turn.CURRENT]


def test_a_host_that_was_never_deployed_to_is_unhealthy():
    assert turn_of(None, CURRENT) is Turn.UNHEALTHY


@given(st.booleans())
def test_an_unhealthy_host_is_first_whatever_lies_there(known):
    assert turn_of(installed(CURRENT if known else None, healthy=False), CURRENT) is Turn.UNHEALTHY


def test_with_no_target_revision_everything_installed_is_old():
    assert turn_of(installed(OLD), None) is Turn.OLD


WEB = TagFilter(TagFilterType.KEY_AND_VALUE, "role", "web")
API = TagFilter(TagFilterType.KEY_AND_VALUE, "role", "api")
ANY_ZONE = TagFilter(TagFilterType.KEY_ONLY, "zone")
IS_PROD = TagFilter(TagFilterType.VALUE_ONLY, value="prod")


def test_filters_are_an_and_of_ors():
    tag_set = ((WEB, API), (ANY_ZONE,))

    assert tags_match(tag_set, {"role": "api", "zone": "a"})
    assert not tags_match(tag_set, {"role": "api"})
    assert not tags_match(tag_set, {"zone": "a", "role": "db"})


def test_no_filter_means_nobody():
    assert not tags_match((), {"role": "web"})
    assert not tags_match(((),), {"role": "web"})


def test_a_value_may_stand_under_any_key_and_case_counts():
    assert tags_match(((IS_PROD,),), {"stage": "prod"})
    assert not tags_match(((IS_PROD,),), {"stage": "Prod"})


def test_what_is_wanted_is_said_in_words():
    words = describe_wanted(((WEB, API), (ANY_ZONE,)), ["web-1"])

    assert words == "host web-1, tags (role=web or role=api) and (zone=*)"
    assert describe_wanted((), []) == "no host and no tag"


def events(**statuses):
    return [
        LifecycleEvent(
            name=name, position=at, status=EventStatus(statuses.get(name, EventStatus.SUCCEEDED))
        )
        for at, name in enumerate(HOST_EVENTS)
    ]


def test_a_target_succeeds_when_every_event_did():
    assert target_succeeded(events(), ignore_stop_failures=False)
    assert not target_succeeded(events(Install="Failed"), ignore_stop_failures=True)
    assert not target_succeeded(events(ValidateService="Skipped"), ignore_stop_failures=True)


def test_only_a_failed_application_stop_may_be_ignored():
    failed = events(ApplicationStop="Failed")

    assert target_succeeded(failed, ignore_stop_failures=True)
    assert not target_succeeded(failed, ignore_stop_failures=False)
