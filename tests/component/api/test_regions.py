"""Names are unique within a region, and nothing of one is seen in another."""

from component.api.conftest import HOST_KEY, Service, bundle, detail_of

THERE = "eu-central-1"


def names(service: Service, path: str, region: str | None = None) -> list[str]:
    answer = service.get(path, params={} if region is None else {"region": region})
    return [one["name"] for one in answer.json()["items"] if not one.get("predefined")]


def test_what_is_made_in_a_region_is_seen_there_alone(service: Service):
    there = {"region": THERE}
    config = {"name": "careful", "minimum_healthy_hosts": {"type": "HOST_COUNT", "value": 1}}
    host = {"name": "web-1", "address": "127.0.0.1", "host_key": HOST_KEY}
    group = {"name": "prod", "hosts": ["web-1"], "deployment_config": "careful"}
    for params in ({}, there):
        for path, body in (
            ("/v1/applications", {"name": "shop"}),
            ("/v1/deployment-configs", config),
            ("/v1/hosts", host),
            ("/v1/applications/shop/deployment-groups", group),
        ):
            assert service.post(path, body, params=params).status_code == 201, path
    service.with_application("only-here")

    assert names(service, "/v1/applications") == ["only-here", "shop"]
    assert names(service, "/v1/applications", "us-east-1") == ["only-here", "shop"]
    assert names(service, "/v1/applications", THERE) == ["shop"]
    assert names(service, "/v1/hosts", "ap-south-1") == []
    assert service.get("/v1/applications/shop", params={"region": "ap-south-1"}).status_code == 404
    assert service.ask("DELETE", "/v1/applications/shop", params=there).status_code == 204
    assert service.ask("DELETE", "/v1/deployment-configs/careful", params=there).status_code == 204
    assert service.ask("DELETE", "/v1/hosts/web-1", params=there).status_code == 204
    assert names(service, "/v1/deployment-configs", THERE) == []
    assert names(service, "/v1/deployment-configs") == ["careful"]
    assert service.get("/v1/applications/shop/deployment-groups/prod").status_code == 200


def test_a_deployment_belongs_to_the_region_of_its_application(service: Service):
    there = {"region": THERE}
    service.post("/v1/applications", {"name": "shop"}, params=there)
    service.post("/v1/applications/shop/deployment-groups", {"name": "prod"}, params=there)
    revision = service.upload("shop", bundle(), params=there).json()["id"]
    body = {"application": "shop", "deployment_group": "prod", "revision": revision}
    refused = service.post("/v1/deployments", body)
    made = service.post("/v1/deployments", body, params=there).json()["id"]

    assert refused.status_code == 404
    assert service.get("/v1/deployments").json()["items"] == []
    listed = service.get("/v1/deployments", params=there).json()["items"]
    assert [one["id"] for one in listed] == [made]
    assert service.get(f"/v1/deployments/{made}").status_code == 200


def test_a_region_is_called_like_one(quick: Service):
    for name in ("", "US-EAST-1", "europe", "us-east-1; drop", "a" * 33):
        answer = quick.get("/v1/applications", params={"region": name})
        assert "region" in detail_of(answer, 422), name
