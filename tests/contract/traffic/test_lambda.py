"""Aliases of Lambda functions, against moto's server with Lambda's own rules for them."""

from dataclasses import replace

import pytest

from parts.between import after, gives
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.traffic import Errand, Found
from tidegate.drivers.traffic import Done, Failed
from tidegate.testing.clock import START
from tidegate.testing.traffic_contract import TrafficDriverContract


class TestLambdaTraffic(TrafficDriverContract):
    @pytest.fixture
    def driver(self, alias_driver):
        return alias_driver

    @pytest.fixture
    def world(self, aliases):
        return aliases

    @pytest.fixture
    def errand(self, world) -> Errand:
        return world.errand()


@pytest.fixture
def errand(alias_driver, aliases) -> Errand:
    """After the first look."""
    looked = alias_driver.look(aliases.errand())
    return aliases.errand(before=looked.before)


def invalid(answer: object) -> str:
    assert isinstance(answer, Failed)
    assert answer.code is ErrorCode.INVALID_LAMBDA_CONFIGURATION
    assert not answer.may_pass
    return answer.message


def test_a_look_notes_the_alias_as_it_is(alias_driver, aliases):
    assert alias_driver.look(aliases.errand()) == Done(
        found=Found(weight=0, at=START),
        before={
            "FunctionVersion": "1",
            "RoutingConfig": {"AdditionalVersionWeights": {}},
            "RevisionId": aliases.alias()["RevisionId"],
            "Description": "what is sold by",
        },
    )


def test_a_function_may_be_named_by_its_arn(alias_driver, aliases):
    errand = aliases.errand(move=replace(aliases.move, function=aliases.arn))

    looked = alias_driver.look(errand)
    shifted = alias_driver.shift(replace(errand, before=looked.before), 10)

    assert isinstance(shifted, Done)
    assert aliases.routes() == ("1", {"2": 0.1})


def test_an_alias_of_another_version_does_not_begin_to_move(alias_driver, aliases):
    aliases.set("3")

    assert invalid(alias_driver.look(aliases.errand())) == (
        f"The alias live of {aliases.function} is not as the AppSpec says: found is version 3, and "
        "wanted was version 1 alone; make its CurrentVersion 3, and deploy again."
    )


def test_an_alias_that_is_there_already_has_nothing_to_move(alias_driver, aliases):
    aliases.set("2")

    assert invalid(alias_driver.look(aliases.errand())).endswith(
        "; all its traffic goes to the new version already, so there is nothing to deploy."
    )


@pytest.mark.parametrize("weight", [0, 0.1, 1])
def test_an_alias_with_weights_does_not_begin_to_move(alias_driver, aliases, weight):
    aliases.set("1", v2=weight)

    assert invalid(alias_driver.look(aliases.errand())) == (
        f"The alias live of {aliases.function} is not as the AppSpec says: found is version 1 "
        f"with {weight * 100:g} % to version 2, and wanted was version 1 alone; take the weights "
        "from it, and deploy again."
    )


def test_a_version_does_not_move_to_itself(alias_driver, aliases):
    move = replace(aliases.move, target_version="1")

    assert "are both 1, so no traffic would move" in invalid(
        alias_driver.look(aliases.errand(move=move))
    )


def test_a_version_that_is_being_made_is_waited_for(alias_driver, aliases, between):
    between.next["GetFunctionConfiguration"].append(
        gives(State="Pending", StateReason="The function is being created.")
    )

    answer = alias_driver.look(aliases.errand())

    assert answer == Failed(
        code=ErrorCode.INVALID_LAMBDA_FUNCTION,
        message=(
            f"Version 2 of {aliases.function} is Pending (The function is being created); "
            "deploy when Lambda has made it Active."
        ),
        may_pass=True,
    )


@pytest.mark.parametrize("state", ["Failed", "Deleting", "ActiveNonInvocable"])
def test_a_version_that_cannot_be_invoked_gets_no_traffic(alias_driver, aliases, between, state):
    between.next["GetFunctionConfiguration"].append(gives(State=state))

    answer = alias_driver.look(aliases.errand())

    assert isinstance(answer, Failed)
    assert (answer.code, answer.may_pass) == (ErrorCode.INVALID_LAMBDA_FUNCTION, False)
    assert f"Version 2 of {aliases.function} is {state}" in answer.message


@pytest.mark.parametrize("state", ["Active", "Inactive"])
def test_a_version_that_can_be_invoked_gets_traffic(alias_driver, aliases, between, state):
    between.next["GetFunctionConfiguration"].append(gives(State=state))

    assert isinstance(alias_driver.look(aliases.errand()), Done)


def test_shares_are_fractions_and_all_of_it_is_one_call(alias_driver, aliases, errand):
    for share in (7, 29, 58, 100):
        assert isinstance(alias_driver.shift(errand, share), Done)

    assert [
        (update["FunctionVersion"], update["RoutingConfig"]) for update in aliases.updates()
    ] == [
        ("1", {"AdditionalVersionWeights": {"2": 0.07}}),
        ("1", {"AdditionalVersionWeights": {"2": 0.29}}),
        ("1", {"AdditionalVersionWeights": {"2": 0.58}}),
        ("2", {"AdditionalVersionWeights": {}}),
    ]
    assert aliases.routes() == ("2", {})


def test_each_update_is_of_the_revision_that_was_looked_at(alias_driver, aliases, errand):
    before = aliases.alias()["RevisionId"]

    alias_driver.shift(errand, 10)
    between = aliases.alias()["RevisionId"]
    alias_driver.restore(errand)

    assert [update["RevisionId"] for update in aliases.updates()] == [before, between]
    assert len({before, between, aliases.alias()["RevisionId"]}) == 3


def test_a_shift_looks_writes_and_reads_back(alias_driver, aliases, errand, between):
    between.calls.clear()

    alias_driver.shift(errand, 10)

    operations = [call.operation for call in between.calls]
    assert operations == ["GetAlias", "UpdateAlias", "GetAlias"]


@pytest.mark.parametrize(
    ("route", "found"),
    [
        (("3", {}), "version 3"),
        (("3", {"v2": 0.1}), "version 3 with 10 % to version 2"),
        (("1", {"v3": 0.1}), "version 1 with 10 % to version 3"),
        (("1", {"v2": 0.205}), "version 1 with 20.5 % to version 2"),
        (("1", {"v2": 0.3}), "version 1 with 30 % to version 2"),
        (("2", {"v1": 0.1}), "version 2 with 10 % to version 1"),
        (("2", {}), "version 2"),
    ],
)
def test_an_alias_that_somebody_else_changed_fails_the_deployment(
    alias_driver, aliases, errand, route, found
):
    version, weights = route
    aliases.set(version, **weights)

    assert invalid(alias_driver.shift(errand, 20)) == (
        f"Somebody else changed the alias live of {aliases.function}: found is {found}, and "
        "wanted was version 1 with 20 % to version 2; it was left alone. "
        "Set it right, and deploy again."
    )
    assert aliases.updates() == []


@pytest.mark.parametrize(
    ("weights", "is_ours"),
    [({}, False), ({"v2": 0.1}, True), ({"v2": 0.2}, True), ({"v2": 0.15}, False)],
)
def test_who_knows_what_was_read_back_last_knows_more(
    alias_driver, aliases, errand, weights, is_ours
):
    """A person who sets an alias back by hand wants it to stay so."""
    aliases.set("1", **weights)

    shifted = alias_driver.shift(replace(errand, shares=(10, 20)), 20)

    assert isinstance(shifted, Done) is is_ours
    assert aliases.routes() == ("1", {"2": 0.2} if is_ours else {**_plain(weights)})


def _plain(weights: dict[str, float]) -> dict[str, float]:
    return {name.removeprefix("v"): weight for name, weight in weights.items()}


def test_somebody_else_in_the_middle_of_a_shift_is_not_overwritten(
    alias_driver, aliases, errand, between
):
    between.next["UpdateAlias"].append(after(aliases.meddle))

    assert "found is version 3" in invalid(alias_driver.shift(errand, 10))
    assert aliases.routes() == ("3", {})


def test_somebody_else_between_a_shift_and_its_reading_back_is_seen(
    alias_driver, aliases, errand, between
):
    between.next["GetAlias"].extend([lambda forward: forward(), after(aliases.meddle)])

    assert "found is version 3" in invalid(alias_driver.shift(errand, 10))


def test_a_new_description_in_the_middle_hinders_nobody(alias_driver, aliases, errand):
    alias_driver.shift(errand, 10)
    aliases.aws.update_alias(FunctionName=aliases.function, Name="live", Description="busy")

    assert isinstance(alias_driver.shift(errand, 20), Done)
    assert alias_driver.restore(errand).note == (
        f"Somebody else changed the description of the alias live of {aliases.function}; "
        "that was left alone."
    )
    assert aliases.alias()["Description"] == "busy"


def test_a_change_that_changes_nothing_hinders_nobody(alias_driver, aliases, errand):
    """It is another revision, and the same traffic."""
    alias_driver.shift(errand, 10)
    aliases.set("1", v2=0.1)

    assert isinstance(alias_driver.shift(replace(errand, shares=(10, 20)), 20), Done)
    aliases.set("1", v2=0.2)
    assert alias_driver.restore(replace(errand, shares=(20,))).note == ""
    assert aliases.routes() == ("1", {})


@pytest.mark.parametrize("verb", ["shift", "restore"])
def test_a_change_of_nothing_in_the_middle_is_waited_for(
    alias_driver, aliases, errand, between, verb
):
    alias_driver.shift(errand, 10)
    between.next["UpdateAlias"].append(after(lambda: aliases.set("1", v2=0.1)))

    def ask() -> object:
        return alias_driver.shift(errand, 20) if verb == "shift" else alias_driver.restore(errand)

    first, second = ask(), ask()

    assert isinstance(first, Failed)
    assert first.may_pass
    assert isinstance(second, Done)
    assert aliases.routes() == ("1", {"2": 0.2} if verb == "shift" else {})


def test_an_alias_that_was_made_anew_elsewhere_is_somebody_else_s(alias_driver, aliases, errand):
    alias_driver.shift(errand, 10)
    aliases.aws.delete_alias(FunctionName=aliases.function, Name="live")
    aliases.aws.create_alias(FunctionName=aliases.function, Name="live", FunctionVersion="3")

    assert "found is version 3" in invalid(alias_driver.shift(errand, 20))
    assert "so it was left alone: found is version 3" in alias_driver.restore(errand).note
    assert len(aliases.updates()) == 1


def test_an_old_version_that_is_gone_is_no_way_back(alias_driver, aliases, errand):
    alias_driver.shift(errand, 100)
    aliases.aws.delete_function(FunctionName=aliases.function, Qualifier="1")

    restored = alias_driver.restore(errand)

    assert isinstance(restored, Failed)
    assert (restored.code, restored.may_pass) == (ErrorCode.INVALID_LAMBDA_FUNCTION, False)
    assert f"UpdateAlias for the alias live of {aliases.function} (Function not found: " in (
        restored.message
    )
    assert aliases.routes() == ("2", {})


@pytest.mark.parametrize("verb", ["shift", "restore"])
def test_who_finds_somebody_faster_has_to_be_asked_again(
    alias_driver, aliases, errand, between, verb
):
    """By then another worker may have gone on, or brought the alias back."""
    aliases.set("1", v2=0.05)
    between.next["UpdateAlias"].append(after(lambda: aliases.set("1", v2=0.05)))

    answer = alias_driver.shift(errand, 10) if verb == "shift" else alias_driver.restore(errand)

    assert isinstance(answer, Failed)
    assert answer.may_pass
    assert answer.code is ErrorCode.INVALID_LAMBDA_CONFIGURATION
    assert "was changed by somebody else just when it was to be version 1" in answer.message
    end = "find out who changes it, and deploy again." if verb == "shift" else "who changes it."
    assert answer.message.endswith(end)
    assert aliases.routes() == ("1", {"2": 0.05})
    assert len(aliases.updates()) == 1


@pytest.mark.parametrize(
    ("route", "found"),
    [
        (("3", {}), "version 3"),
        (("1", {"v3": 0.1}), "version 1 with 10 % to version 3"),
        (("1", {"v2": 0.105}), "version 1 with 10.5 % to version 2"),
    ],
)
def test_the_way_back_leaves_alone_what_somebody_else_changed(
    alias_driver, aliases, errand, route, found
):
    version, weights = route
    aliases.set(version, **weights)

    restored = alias_driver.restore(errand)

    assert isinstance(restored, Done)
    assert restored.note == (
        f"Somebody else changed the alias live of {aliases.function}, so it was left alone: found "
        f"is {found}, and wanted was version 1, as it was before. Set it right by hand."
    )
    assert restored.found.weight == weights.get("v2", 0) * 100
    assert aliases.routes() == (version, _plain(weights))
    assert aliases.updates() == []


def test_the_way_back_knows_which_shares_were_given(alias_driver, aliases, errand):
    aliases.set("1", v2=0.3)

    assert (
        "found is version 1 with 30 %" in alias_driver.restore(replace(errand, shares=(10,))).note
    )
    assert alias_driver.restore(replace(errand, shares=(10, 30))).note == ""
    assert aliases.routes() == ("1", {})


@pytest.mark.parametrize("share", [10, 100])
def test_the_way_back_is_one_call(alias_driver, aliases, errand, share):
    alias_driver.shift(errand, share)

    alias_driver.restore(errand)

    _, update = aliases.updates()
    assert (update["FunctionVersion"], update["RoutingConfig"]) == (
        "1",
        {"AdditionalVersionWeights": {}},
    )
