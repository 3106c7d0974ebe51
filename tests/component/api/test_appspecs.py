"""Revisions that are the text of an AppSpec, for applications on Lambda and ECS."""

import hashlib

from component.api import worker
from component.api.conftest import Service, detail_of
from component.api.traffic import REVISIONS, deploy, register, with_functions
from component.engine.traffic import ecs_appspec, lambda_appspec


def test_the_text_of_an_appspec_is_a_revision(service: Service):
    with_functions(service)
    text = lambda_appspec("shop-web", "shop-api")

    created, again = register(service, text), register(service, text)

    assert (created.status_code, again.status_code) == (201, 200)
    revision = created.json()
    assert again.json() == revision
    assert revision["source"]["type"] == "appspec_content"
    assert revision["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert revision["content"] == text
    assert [one["alias"] for one in revision["appspec"]["functions"]] == ["live", "live"]
    assert service.get(f"{REVISIONS}/{revision['id']}").json() == revision


def test_several_functions_move_together(service: Service):
    with_functions(service)
    id_ = deploy(service, lambda_appspec("shop-web", "shop-api"))
    worker.advance(service, id_)

    targets = service.get(f"/v1/deployments/{id_}/targets").json()["items"]

    assert [one["id"] for one in targets] == ["shop-web:live", "shop-api:live"]
    assert targets[1]["traffic"]["move"]["function"] == "shop-api"


def test_an_appspec_for_a_service_is_taken_for_ecs(quick: Service):
    quick.post("/v1/applications", {"name": "shop", "compute_platform": "ECS"})

    assert register(quick, ecs_appspec()).json()["appspec"]["container_port"] == 80
    assert "AppSpec is not valid" in detail_of(register(quick, lambda_appspec()), 422)


def test_an_appspec_that_is_wrong_is_refused_with_all_problems(quick: Service):
    with_functions(quick)

    answer = register(quick, lambda_appspec().replace('"live"', '"1"').replace('"2"', '"x!"'))

    assert "AppSpec is not valid" in detail_of(answer, 422)
    assert answer.json()["code"] == "InvalidAppSpec"
    assert [one["key"].rpartition(".")[2] for one in answer.json()["problems"]] == [
        "Alias",
        "TargetVersion",
    ]
    assert quick.get(REVISIONS).json()["items"] == []


def test_another_digest_than_that_of_the_text_is_refused(quick: Service):
    with_functions(quick)
    source = {"type": "appspec_content", "content": lambda_appspec()}

    answer = quick.post(REVISIONS, {"source": source, "sha256": "a" * 64})

    assert "leave it out" in detail_of(answer, 422)


def test_servers_have_bundles(quick: Service):
    quick.with_application()

    assert "A revision for Server is" in detail_of(register(quick, lambda_appspec()), 422)
    empty = {"source": {"type": "appspec_content", "content": ""}}
    assert "source.appspec_content.content" in detail_of(quick.post(REVISIONS, empty), 422)
