"""Random sequences of operations give what a simple model gives, and never a failure of ours."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from component.codedeploy.conftest import running, seen
from component.codedeploy.model import FINE, KEYS, NAMES, VALUES, bad_name, bad_tag, fits, regions
from component.codedeploy.model_groups import GroupRules
from component.codedeploy.model_revisions import RevisionRules

EXAMPLES = int(os.environ.get("TIDEGATE_MODEL_EXAMPLES", "0"))
"""How many sequences, by chance; if nothing is said, a few, always the same."""
PLATFORMS = st.sampled_from(["Server", "Lambda", "EC2"])
USERS = st.sampled_from([f"arn:aws:iam::111122223333:user/{name}" for name in ("a", "b")])


class Machine(GroupRules, RevisionRules):
    """The service, and what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.instances: dict[str, dict[str, Any]] = {}

    # Applications and their tags.

    @rule(name=NAMES, platform=PLATFORMS, key=KEYS, value=VALUES)
    def create_application(self, name: str, platform: str, key: str, value: str) -> None:
        expected = FINE
        if not fits(name):
            expected = bad_name("ApplicationName", name)
        elif platform == "EC2":
            expected = "InvalidComputePlatformException"
        elif bad_tag(key):
            expected = "InvalidTagsToAddException"
        elif name in self.applications:
            expected = "ApplicationAlreadyExistsException"
        self.ask(
            expected,
            self.client.create_application,
            applicationName=name,
            computePlatform=platform,
            tags=[{"Key": key, "Value": value}],
        )
        if expected == FINE:
            self.applications[name] = {
                "platform": platform,
                "tags": {key: value},
                "groups": {},
                "revisions": {},
            }

    @rule(name=NAMES, new_name=NAMES)
    def rename_application(self, name: str, new_name: str) -> None:
        expected = FINE
        if not fits(name):
            expected = bad_name("ApplicationName", name)
        elif not fits(new_name):
            expected = "InvalidApplicationNameException"
        elif name not in self.applications:
            expected = "ApplicationDoesNotExistException"
        elif new_name != name and new_name in self.applications:
            expected = "ApplicationAlreadyExistsException"
        self.ask(
            expected,
            self.client.update_application,
            applicationName=name,
            newApplicationName=new_name,
        )
        if expected == FINE:
            self.applications[new_name] = self.applications.pop(name)

    @rule(name=NAMES)
    def delete_application(self, name: str) -> None:
        expected = FINE if fits(name) else bad_name("ApplicationName", name)
        self.ask(expected, self.client.delete_application, applicationName=name)
        self.applications.pop(name, None)

    @rule(name=NAMES.filter(fits), key=KEYS, value=VALUES)
    def tag_application(self, name: str, key: str, value: str) -> None:
        expected = FINE
        if bad_tag(key):
            expected = "InvalidTagsToAddException"
        elif name not in self.applications:
            expected = "ApplicationDoesNotExistException"
        tags = [{"Key": key, "Value": value}]
        self.ask(
            expected, self.client.tag_resource, ResourceArn=self.arn("application", name), Tags=tags
        )
        if expected == FINE:
            self.applications[name]["tags"][key] = value

    @rule(name=NAMES.filter(fits), key=KEYS)
    def untag_application(self, name: str, key: str) -> None:
        expected = FINE if name in self.applications else "ApplicationDoesNotExistException"
        self.ask(
            expected,
            self.client.untag_resource,
            ResourceArn=self.arn("application", name),
            TagKeys=[key],
        )
        if expected == FINE:
            self.applications[name]["tags"].pop(key, None)

    # Deployment configs.

    @rule(name=NAMES, value=st.integers(-1, 1))
    def create_config(self, name: str, value: int) -> None:
        expected = FINE
        if not fits(name):
            expected = bad_name("DeploymentConfigName", name)
        elif value < 0:
            expected = "InvalidMinimumHealthyHostValueException"
        elif name in self.configs:
            expected = "DeploymentConfigAlreadyExistsException"
        self.ask(
            expected,
            self.client.create_deployment_config,
            deploymentConfigName=name,
            minimumHealthyHosts={"type": "HOST_COUNT", "value": value},
        )
        if expected == FINE:
            self.configs.add(name)

    @rule(name=NAMES)
    def delete_config(self, name: str) -> None:
        expected = FINE if fits(name) else bad_name("DeploymentConfigName", name)
        if self.is_used(name):
            expected = "DeploymentConfigInUseException"
        self.ask(expected, self.client.delete_deployment_config, deploymentConfigName=name)
        if expected == FINE:
            self.configs.discard(name)

    # On-premises instances.

    @rule(name=NAMES, user=USERS)
    def register_instance(self, name: str, user: str) -> None:
        expected = FINE
        known = self.instances.get(name)
        if not fits(name):
            expected = bad_name("InstanceName", name)
        elif known and known["registered"]:
            expected = "InstanceNameAlreadyRegisteredException"
        elif any(one["registered"] and one["user"] == user for one in self.instances.values()):
            expected = "IamUserArnAlreadyRegisteredException"
        self.ask(
            expected,
            self.client.register_on_premises_instance,
            instanceName=name,
            iamUserArn=user,
        )
        if expected == FINE:
            tags = known["tags"] if known else {}
            self.instances[name] = {"registered": True, "user": user, "tags": tags}

    @rule(name=NAMES)
    def deregister_instance(self, name: str) -> None:
        expected = FINE if fits(name) else bad_name("InstanceName", name)
        self.ask(expected, self.client.deregister_on_premises_instance, instanceName=name)
        if name in self.instances:
            self.instances[name]["registered"] = False

    @rule(name=NAMES, key=KEYS, value=VALUES, add=st.booleans())
    def tag_instance(self, name: str, key: str, value: str, add: bool) -> None:
        expected = FINE
        if not fits(name):
            expected = bad_name("InstanceName", name)
        elif not key or (add and not value):
            expected = "InvalidTagException"
        elif not self.instances.get(name, {}).get("registered"):
            expected = "InstanceNotRegisteredException"
        call = (
            self.client.add_tags_to_on_premises_instances
            if add
            else self.client.remove_tags_from_on_premises_instances
        )
        self.ask(expected, call, instanceNames=[name], tags=[{"Key": key, "Value": value}])
        if expected == FINE:
            tags = self.instances[name]["tags"]
            if add:
                tags[key] = value
            elif tags.get(key) == value:
                del tags[key]

    # What is there.

    @invariant()
    def the_service_has_what_the_model_has(self) -> None:
        applications = seen(self.client.list_applications, "applications")
        assert applications == sorted(self.applications)
        for name, known in self.applications.items():
            assert self.tags("application", name) == known["tags"]
            shown = self.client.get_application(applicationName=name)["application"]
            assert shown["computePlatform"] == known["platform"]
        configs = seen(self.client.list_deployment_configs, "deploymentConfigsList")
        assert {name for name in configs if not name.startswith("CodeDeploy")} == self.configs
        assert self.instances_there() == self.instances

    def instances_there(self) -> dict[str, dict[str, Any]]:
        names = seen(self.client.list_on_premises_instances, "instanceNames")
        if not names:
            return {}
        found = self.client.batch_get_on_premises_instances(instanceNames=names)["instanceInfos"]
        return {
            one["instanceName"]: {
                "registered": "deregisterTime" not in one,
                "user": one["iamUserArn"],
                "tags": {tag["Key"]: tag["Value"] for tag in one["tags"]},
            }
            for one in found
        }


@pytest.mark.timeout(0 if EXAMPLES else 300)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_operations_do_what_the_model_does(databases, tmp_path, kind: str):
    with databases.fresh(kind) as url, running(url, tmp_path / "data") as aws:
        machine = type("Bound", (Machine,), {"aws": aws, "fresh_regions": regions()})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES or 10,
                stateful_step_count=40 if EXAMPLES else 25,
                derandomize=not EXAMPLES,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
