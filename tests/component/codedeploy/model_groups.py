"""Deployment groups in random sequences: made, changed, renamed, tagged and deleted."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from component.codedeploy.conftest import seen
from component.codedeploy.groups import ROLE, TOPIC, ec2_filter
from component.codedeploy.model import FINE, KEYS, NAMES, VALUES, Model, bad_name, bad_tag, fits

CONFIGS = ["shop", "store", "CodeDeployDefault.AllAtOnce", "CodeDeployDefault.LambdaAllAtOnce"]
SAID: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "deploymentConfigName": st.sampled_from(CONFIGS),
        "ec2TagFilters": st.sampled_from([[], [ec2_filter("a")], [ec2_filter("b")]]),
        "autoScalingGroups": st.sampled_from([[], ["asg-1"], ["asg-1", "asg-2"]]),
        "triggerConfigurations": st.sampled_from([[], [TOPIC]]),
        "alarmConfiguration": st.sampled_from([{}, {"enabled": True, "alarms": [{"name": "hot"}]}]),
        "autoRollbackConfiguration": st.sampled_from(
            [{}, {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}]
        ),
        "outdatedInstancesStrategy": st.sampled_from(["UPDATE", "IGNORE"]),
        "terminationHookEnabled": st.booleans(),
    },
)
EMPTY = {
    "ec2TagFilters": [],
    "autoScalingGroups": [],
    "triggerConfigurations": [],
    "alarmConfiguration": {},
    "autoRollbackConfiguration": {},
    "outdatedInstancesStrategy": "UPDATE",
    "terminationHookEnabled": False,
}
DEFAULT_CONFIG = {
    "Server": "CodeDeployDefault.OneAtATime",
    "Lambda": "CodeDeployDefault.LambdaAllAtOnce",
}


def as_shown(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a group is shown as, of which this was said."""
    alarms = {"enabled": False, "ignorePollAlarmFailure": False, "alarms": []}
    return {
        **said,
        "autoScalingGroups": [{"name": name} for name in said["autoScalingGroups"]],
        "alarmConfiguration": {**alarms, **said["alarmConfiguration"]},
        "autoRollbackConfiguration": {"enabled": False, **said["autoRollbackConfiguration"]},
    }


class GroupRules(Model):
    """What can be done with groups; those that there are belong to their applications."""

    def groups_of(self, application: str) -> dict[str, dict[str, Any]]:
        known = self.applications.get(application)
        return known["groups"] if known else {}

    def is_used(self, config: str) -> bool:
        return any(
            group["said"]["deploymentConfigName"] == config
            for application in self.applications.values()
            for group in application["groups"].values()
        )

    @rule(application=NAMES, name=NAMES, said=SAID, key=KEYS.filter(bool))
    def create_group(self, application: str, name: str, said: dict[str, Any], key: str) -> None:
        expected = self._bad_names(application, name)
        if expected == FINE and application not in self.applications:
            expected = "ApplicationDoesNotExistException"
        if expected == FINE:
            platform = self.applications[application]["platform"]
            whole = {"deploymentConfigName": DEFAULT_CONFIG[platform], **EMPTY, **said}
            # The keys of tags are looked at between what a platform takes and the config.
            expected = self._bad_for_platform(platform, whole)
            if expected == FINE and bad_tag(key):
                expected = "InvalidTagsToAddException"
            expected = expected or self._bad_config(platform, whole["deploymentConfigName"])
            if expected == FINE and name in self.groups_of(application):
                expected = "DeploymentGroupAlreadyExistsException"
        answer = self.ask(
            expected,
            self.client.create_deployment_group,
            applicationName=application,
            deploymentGroupName=name,
            serviceRoleArn=ROLE,
            tags=[{"Key": key, "Value": "x"}],
            **said,
        )
        if expected == FINE:
            self.groups_of(application)[name] = {
                "id": answer["deploymentGroupId"],
                "said": whole,
                "tags": {key: "x"},
            }

    @rule(application=NAMES, name=NAMES, new_name=st.none() | NAMES, said=SAID)
    def update_group(
        self, application: str, name: str, new_name: str | None, said: dict[str, Any]
    ) -> None:
        groups = self.groups_of(application)
        expected = self._bad_names(application, name)
        if expected == FINE and new_name is not None and not fits(new_name):
            expected = bad_name("DeploymentGroupName", new_name)
        if expected == FINE and application not in self.applications:
            expected = "ApplicationDoesNotExistException"
        if expected == FINE and name not in groups:
            expected = "DeploymentGroupDoesNotExistException"
        if expected == FINE and new_name not in {None, name} and new_name in groups:
            expected = "DeploymentGroupAlreadyExistsException"
        if expected == FINE:
            platform = self.applications[application]["platform"]
            whole = {**groups[name]["said"], **said}
            expected = self._bad_for_platform(platform, whole)
            expected = expected or self._bad_config(platform, whole["deploymentConfigName"])
        renamed = {} if new_name is None else {"newDeploymentGroupName": new_name}
        self.ask(
            expected,
            self.client.update_deployment_group,
            applicationName=application,
            currentDeploymentGroupName=name,
            **renamed,
            **said,
        )
        if expected == FINE:
            groups[new_name or name] = {**groups.pop(name), "said": whole}

    @rule(application=NAMES, name=NAMES)
    def delete_group(self, application: str, name: str) -> None:
        self.ask(
            self._bad_names(application, name),
            self.client.delete_deployment_group,
            applicationName=application,
            deploymentGroupName=name,
        )
        self.groups_of(application).pop(name, None)

    @rule(application=NAMES.filter(fits), name=NAMES.filter(fits), key=KEYS, value=VALUES)
    def tag_group(self, application: str, name: str, key: str, value: str) -> None:
        expected = "InvalidTagsToAddException" if bad_tag(key) else self._absent(application, name)
        arn = self.arn("deploymentgroup", f"{application}/{name}")
        tags = [{"Key": key, "Value": value}]
        self.ask(expected, self.client.tag_resource, ResourceArn=arn, Tags=tags)
        if expected == FINE:
            self.groups_of(application)[name]["tags"][key] = value

    @rule(application=NAMES.filter(fits), name=NAMES.filter(fits), key=KEYS)
    def untag_group(self, application: str, name: str, key: str) -> None:
        expected = self._absent(application, name)
        arn = self.arn("deploymentgroup", f"{application}/{name}")
        self.ask(expected, self.client.untag_resource, ResourceArn=arn, TagKeys=[key])
        if expected == FINE:
            self.groups_of(application)[name]["tags"].pop(key, None)

    @invariant()
    def the_groups_are_those_of_the_model(self) -> None:
        for application, known in self.applications.items():
            listed = seen(
                self.client.list_deployment_groups, "deploymentGroups", applicationName=application
            )
            assert listed == sorted(known["groups"])
            if not listed:
                continue
            infos = self.client.batch_get_deployment_groups(
                applicationName=application, deploymentGroupNames=listed
            )["deploymentGroupsInfo"]
            for info in infos:
                name = info["deploymentGroupName"]
                group = known["groups"][name]
                shown = as_shown(group["said"])
                assert {member: info.get(member) for member in shown} == shown
                assert info["deploymentGroupId"] == group["id"]
                assert self.tags("deploymentgroup", f"{application}/{name}") == group["tags"]

    def _bad_names(self, application: str, name: str) -> str:
        if not fits(application):
            return bad_name("ApplicationName", application)
        return FINE if fits(name) else bad_name("DeploymentGroupName", name)

    def _absent(self, application: str, name: str) -> str:
        if application not in self.applications:
            return "ApplicationDoesNotExistException"
        known = name in self.groups_of(application)
        return FINE if known else "DeploymentGroupDoesNotExistException"

    def _bad_for_platform(self, platform: str, whole: dict[str, Any]) -> str:
        if platform == "Server":
            return FINE
        if whole["ec2TagFilters"]:
            return "InvalidEC2TagException"
        return "InvalidAutoScalingGroupException" if whole["autoScalingGroups"] else FINE

    def _bad_config(self, platform: str, name: str) -> str:
        if not name.startswith("CodeDeployDefault.") and name not in self.configs:
            return "DeploymentConfigDoesNotExistException"
        of_lambda = name == DEFAULT_CONFIG["Lambda"]
        is_right = of_lambda == (platform == "Lambda")
        return FINE if is_right else "InvalidDeploymentConfigNameException"
