"""Applications on Lambda and ECS behind `/v1`, and a worker that moves their traffic."""

from typing import Any

from component.api.conftest import Service
from component.api.worker import move_traffic
from component.engine.traffic import lambda_appspec

ALIAS = "shop-web:live"
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
REVISIONS = "/v1/applications/shop/revisions"


def with_functions(service: Service, config: str = CANARY) -> None:
    """An application on Lambda with its group `prod`."""
    body = {"name": "shop", "compute_platform": "Lambda"}
    assert service.post("/v1/applications", body).status_code == 201
    service.with_group(deployment_config=config)


def register(service: Service, text: str) -> Any:
    return service.post(REVISIONS, {"source": {"type": "appspec_content", "content": text}})


def deploy(service: Service, text: str = "", **more: Any) -> str:
    """Create a deployment of an AppSpec that nobody works at."""
    answer = register(service, text or lambda_appspec())
    assert answer.status_code in {200, 201}, answer.text
    return service.deploy(answer.json()["id"], **more)


def canary(service: Service, *, text: str = "") -> str:
    """A canary whose first share has moved, or that waits for its first hook."""
    with_functions(service)
    id_ = deploy(service, text)
    move_traffic(service, id_, ALIAS)
    return id_
