"""Checks that the sample site is served, and in the revision that was just installed."""

# This runs on a host, as a program of its own.
# ruff: noqa: T201, TID251

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ADDRESS = f"http://127.0.0.1:{os.environ['SITE_PORT']}/"
PATIENCE = 10.0


def fetch() -> "tuple[int, str]":
    """Return status and text of the page; a site that still starts is waited for."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(ADDRESS, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            if time.monotonic() > until:
                return 0, f"nothing ({error})"
            time.sleep(0.05)


def check() -> int:
    """Return 0 if the page is what it should be."""
    revision = json.loads((Path(__file__).parent / "revision.json").read_text("utf-8"))
    status, text = fetch()
    print(f"GET {ADDRESS} answers {status}: {text.strip()}")
    return 0 if status == 200 and text.endswith(f"revision {revision['revision']}\n") else 1


if __name__ == "__main__":
    sys.exit(check())
