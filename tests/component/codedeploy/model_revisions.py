"""Revisions in random sequences: registered, described, found and listed."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from component.codedeploy.conftest import seen
from component.codedeploy.model import FINE, NAMES, Model, bad_name, fits
from component.codedeploy.test_revisions import APPSPEC, GITHUB, PLAIN, S3, SHA256, STRING

BY_DIGEST = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": SHA256}}
OF_PLATFORM = {
    "Server": {"S3": S3, "plain": PLAIN, "GitHub": GITHUB},
    "Lambda": {"AppSpec": APPSPEC, "String": STRING},
}
REVISIONS = {**OF_PLATFORM["Server"], **OF_PLATFORM["Lambda"]}
KINDS = st.sampled_from([*REVISIONS, "none"])


class RevisionRules(Model):
    """What can be done with revisions; those that there are belong to their applications."""

    @rule(application=NAMES, kind=KINDS, description=st.sampled_from([None, "one", "two"]))
    def register_revision(self, application: str, kind: str, description: str | None) -> None:
        expected = self._refusal(application, kind)
        known = self.applications.get(application)
        if expected == FINE and known and kind not in OF_PLATFORM[known["platform"]]:
            expected = "InvalidRevisionException"
        said = {} if description is None else {"description": description}
        self.ask(
            expected,
            self.client.register_application_revision,
            applicationName=application,
            revision=REVISIONS.get(kind, {}),
            **said,
        )
        if expected == FINE and known:
            known["revisions"][kind] = {**known["revisions"].get(kind, {}), **said}

    @rule(application=NAMES, kind=KINDS)
    def get_revision(self, application: str, kind: str) -> None:
        expected = self._refusal(application, kind)
        known = self.applications.get(application)
        if expected == FINE and known and kind not in known["revisions"]:
            expected = "RevisionDoesNotExistException"
        answer = self.ask(
            expected,
            self.client.get_application_revision,
            applicationName=application,
            revision=REVISIONS.get(kind, {}),
        )
        if expected == FINE and known:
            assert answer["revision"] == REVISIONS[kind]
            assert described(answer["revisionInfo"]) == known["revisions"][kind]

    @invariant()
    def the_revisions_are_those_of_the_model(self) -> None:
        for name, known in self.applications.items():
            listed = seen(self.client.list_application_revisions, "revisions", applicationName=name)
            assert {kind_of(one) for one in listed} == set(known["revisions"])
            assert len(listed) == len(known["revisions"])
            if not listed:
                continue
            told = self.client.batch_get_application_revisions(
                applicationName=name, revisions=listed
            )
            assert told["errorMessage"] == ""
            assert {
                kind_of(one["revisionLocation"]): described(one["genericRevisionInfo"])
                for one in told["revisions"]
            } == known["revisions"]

    def _refusal(self, application: str, kind: str) -> str:
        if not fits(application):
            return bad_name("ApplicationName", application)
        if kind == "none":
            return "InvalidRevisionException"
        return FINE if application in self.applications else "ApplicationDoesNotExistException"


def kind_of(location: dict[str, Any]) -> str:
    """Return what the model calls a location, which comes without the content of an AppSpec."""
    (kind,) = (kind for kind, one in REVISIONS.items() if _bare(one) == _bare(location))
    return kind


def _bare(location: dict[str, Any]) -> dict[str, Any]:
    return {
        member: {key: one for key, one in value.items() if key != "content"}
        if isinstance(value, dict)
        else value
        for member, value in location.items()
    }


def described(info: dict[str, Any]) -> dict[str, str]:
    return {"description": info["description"]} if "description" in info else {}
