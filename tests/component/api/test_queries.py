"""Query parameters that no operation knows, and what health checks may ask."""

import pytest

from component.api.conftest import Service


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/v1/deployments?aplication=shop", "application, created_from, created_to, cursor"),
        ("/v1/hosts?name=web-1", "cursor, ec2, limit, region, tag"),
        ("/v1/applications/shop?x=1", "region"),
    ],
)
def test_a_parameter_that_is_none_is_refused_with_those_there_are(
    service: Service, path: str, known: str
):
    answer = service.get(path)

    assert answer.status_code == 422
    assert known in answer.json()["detail"]


def test_a_form_is_told_to_be_sent_as_it_is(service: Service):
    service.with_application()

    answer = service.upload("shop", b"--x--", headers={"Content-Type": "multipart/form-data"})

    assert answer.status_code == 422
    assert "send the archive itself as the body" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_health_check_may_ask_for_the_head_only(service: Service, path: str):
    asked, whole = service.http.head(path), service.http.get(path)

    assert asked.status_code == whole.status_code
    assert asked.content == b""
