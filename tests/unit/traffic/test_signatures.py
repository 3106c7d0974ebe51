"""How whoever is called by HTTP knows that it was Tidegate: by the check that the docs give."""

import time
from pathlib import Path
from typing import Any

import pytest

from tidegate.drivers.traffic.webhook import sign
from tidegate.testing.clock import START

DOCS = Path(__file__).parents[3] / "docs" / "lambda.md"
BODY = b'{"DeploymentId":"d-ABCDEFGHI"}'
KEY = "a secret that both know"


@pytest.mark.parametrize(
    ("secret", "body", "at", "is_believed"),
    [
        (KEY, BODY, 0, True),
        (KEY, BODY, 290, True),
        (KEY, BODY, 310, False),
        ("another", BODY, 0, False),
        (KEY, BODY + b" ", 0, False),
    ],
)
def test_the_check_in_the_docs_tells_who_calls(monkeypatch, secret, body, at, is_believed):
    names: dict[str, Any] = {}
    exec(DOCS.read_text().partition("```python\n")[2].partition("```")[0], names)
    monkeypatch.setattr(time, "time", lambda: START.timestamp() + at)

    assert names["is_from_tidegate"](sign(BODY, KEY, START), body, secret) is is_believed
