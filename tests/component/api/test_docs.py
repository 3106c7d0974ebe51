"""The page that shows the API."""

import re

import pytest


@pytest.mark.filterwarnings("ignore::DeprecationWarning:fastapi_swagger")
def test_the_page_needs_nothing_from_elsewhere(service):
    page = service.http.get("/docs")

    assert page.status_code == 200
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(parts) == 3
    for part in parts:
        assert part.startswith("http://testserver/")
        assert service.http.get(part).status_code == 200


def test_the_root_leads_to_the_page(service):
    answer = service.http.get("/", follow_redirects=False)

    assert answer.headers["location"].endswith("/docs")
