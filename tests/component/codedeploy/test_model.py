"""Random sequences of operations give what a simple model gives, and never a failure of ours."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from component.codedeploy.conftest import Aws, running, seen

NAMES = st.sampled_from(["shop", "store", "s+=,.@_-1", "a b", ""])
PLATFORMS = st.sampled_from(["Server", "Lambda", "EC2"])
KEYS = st.sampled_from(["team", "stage", "aws:x", ""])
VALUES = st.sampled_from(["blue", "green", ""])
USERS = st.sampled_from([f"arn:aws:iam::111122223333:user/{name}" for name in ("a", "b")])
FINE = ""


def fits(name: str) -> bool:
    return bool(name) and " " not in name


def bad_name(stem: str, name: str) -> str:
    return f"Invalid{stem}Exception" if name else f"{stem}RequiredException"


def regions() -> Iterator[str]:
    """Regions without end: each run of the machine has its own, and so begins with nothing."""
    for letters in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=3):
        yield f"us-{''.join(letters)}-1"


class Machine(RuleBasedStateMachine):
    """The service, and what should be in it."""

    aws: Aws
    fresh_regions: Iterator[str]

    def __init__(self) -> None:
        super().__init__()
        self.region = next(self.fresh_regions)
        self.client = self.aws.client(region=self.region)
        self.applications: dict[str, dict[str, Any]] = {}
        self.configs: set[str] = set()
        self.instances: dict[str, dict[str, Any]] = {}

    def ask(self, expected: str, call: Callable[..., Any], **request: Any) -> Any:
        """Make a call, which must be fine or refused as the model says."""
        code, answer = FINE, None
        try:
            answer = call(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
        assert code == expected, (call, request)
        return answer

    # Applications and their tags.

    @rule(name=NAMES, platform=PLATFORMS, key=KEYS, value=VALUES)
    def create_application(self, name: str, platform: str, key: str, value: str) -> None:
        expected = FINE
        if not fits(name):
            expected = bad_name("ApplicationName", name)
        elif platform == "EC2":
            expected = "InvalidComputePlatformException"
        elif not key or key.startswith("aws:"):
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
            self.applications[name] = {"platform": platform, "tags": {key: value}}

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
        if not key or key.startswith("aws:"):
            expected = "InvalidTagsToAddException"
        elif name not in self.applications:
            expected = "ApplicationDoesNotExistException"
        tags = [{"Key": key, "Value": value}]
        self.ask(expected, self.client.tag_resource, ResourceArn=self.arn(name), Tags=tags)
        if expected == FINE:
            self.applications[name]["tags"][key] = value

    @rule(name=NAMES.filter(fits), key=KEYS)
    def untag_application(self, name: str, key: str) -> None:
        expected = FINE if name in self.applications else "ApplicationDoesNotExistException"
        self.ask(expected, self.client.untag_resource, ResourceArn=self.arn(name), TagKeys=[key])
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
        self.ask(expected, self.client.delete_deployment_config, deploymentConfigName=name)
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
            found = self.client.list_tags_for_resource(ResourceArn=self.arn(name))["Tags"]
            assert {tag["Key"]: tag["Value"] for tag in found} == known["tags"]
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

    def arn(self, application: str) -> str:
        return f"arn:aws:codedeploy:{self.region}:000000000000:application:{application}"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_operations_do_what_the_model_does(databases, tmp_path, kind: str):
    with databases.fresh(kind) as url, running(url, tmp_path / "data") as aws:
        machine = type("Bound", (Machine,), {"aws": aws, "fresh_regions": regions()})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=10,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
