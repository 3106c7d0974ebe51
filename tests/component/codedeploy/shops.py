"""An application with a group that is deployed to, for tests."""

from typing import Any

from component.api import worker
from component.api.conftest import HOST_KEY, Service
from component.codedeploy.conftest import Aws, refused
from component.codedeploy.groups import Groups
from component.codedeploy.test_deployments import shown
from component.codedeploy.test_revisions import S3
from tidegate.domain.ids import DeploymentId
from tidegate.domain.revision import FetchedBundle

OTHER = {
    "revisionType": "S3",
    "s3Location": {"bucket": "bundles", "key": "shop/2.tgz", "bundleType": "tgz"},
}
ALL = "CodeDeployDefault.AllAtOnce"
WEB = [{"Key": "role", "Value": "web", "Type": "KEY_AND_VALUE"}]
FOUND = FetchedBundle(sha256="a" * 64, bundle_type="zip", appspec={"hooks": {}})


class Shop:
    """The application `shop` with its group `prod`, and what is deployed there."""

    def __init__(self, aws: Aws, *, platform: str = "Server", **group: Any) -> None:
        self.aws = aws
        self.groups = Groups(aws, platform=platform)
        self.client = self.groups.client
        if platform == "Server":
            group = {"onPremisesInstanceTagFilters": WEB, **group}
        self.groups.create(**group)

    @property
    def service(self) -> Service:
        return self.aws.service

    def with_instance(self, name: str = "web-1") -> str:
        """Register an instance as `aws deploy register` does, and say how it is reached."""
        self.client.register_on_premises_instance(
            instanceName=name, iamUserArn=f"arn:aws:iam::000000000000:user/{name}"
        )
        tags = [{"Key": "role", "Value": "web"}]
        self.client.add_tags_to_on_premises_instances(instanceNames=[name], tags=tags)
        body = {"address": "127.0.0.1", "host_key": HOST_KEY, "tags": {"role": "web"}}
        answer = self.service.ask("PUT", f"/v1/hosts/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return name

    def deploy(self, revision: Any = S3, **said: Any) -> str:
        named = {} if revision is None else {"revision": revision}
        made = self.client.create_deployment(
            **{"applicationName": "shop", "deploymentGroupName": "prod", **named, **said}
        )
        return made["deploymentId"]

    def refuses(self, code: str, revision: Any = S3, **said: Any) -> str:
        return refused(f"{code}Exception", lambda: self.deploy(revision, **said))

    def info(self, id_: str) -> dict[str, Any]:
        return shown(self.client, id_)

    def with_bundle(self, id_: str) -> str:
        """Have the bundle fetched."""
        with self.service.parts.store.write() as uow:
            uow.bundles.keep(DeploymentId(id_), FOUND)
        return id_

    def carry_out(self, id_: str, *, failing: str = "") -> str:
        """Have a worker carry a deployment out."""
        progress = worker.begin(self.service, self.with_bundle(id_))
        worker.finish(self.service, progress, failing=failing)
        return id_

    def rows(self) -> list[str]:
        return self.client.list_deployments()["deployments"]
