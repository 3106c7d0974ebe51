"""Asking a process of this machine over HTTP whether it is well; light, as it is asked often."""

import http.client
import json


def reachable_host(host: str) -> str:
    """Return how this machine itself reaches a server that listens on *host*, as in a URL."""
    if host in {"0.0.0.0", ""}:  # noqa: S104  # compared, not bound
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def ask(host: str, port: int, path: str, *, well_as: str = "") -> str | None:
    """Return None when all is well there, else what the answer, or its absence, says.

    A problem with the code *well_as* is as good as well.
    """
    connection = http.client.HTTPConnection(reachable_host(host).strip("[]"), port, timeout=4)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    except OSError as error:
        return f"{error.strerror or error}."
    except http.client.HTTPException as error:
        return f"{type(error).__name__}."
    finally:
        connection.close()
    if answer.status == http.HTTPStatus.OK:
        return None
    try:
        problem = json.loads(body)
        return None if well_as and problem["code"] == well_as else str(problem["detail"])
    except (ValueError, TypeError, KeyError):
        return f"{answer.status} {answer.reason}."
