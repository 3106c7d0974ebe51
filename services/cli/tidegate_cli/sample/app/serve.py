"""The sample site: greets its visitors in the language of its host."""

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HERE = Path(__file__).parent
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>{host}</title>
<body style="font: 2em sans-serif; text-align: center; padding: 3em; background: {colour}">
<h1>{greeting} {host}!</h1>
<p>This is revision {revision}.</p>
"""


def page(*, as_html: bool) -> str:
    """Return the page for a browser, or one line for curl."""
    revision = json.loads((HERE / "revision.json").read_text("utf-8"))
    greetings = json.loads((HERE / "greetings.json").read_text("utf-8"))
    greeting = greetings[os.environ["SITE_LANGUAGE"]]
    host = os.environ["SITE_NAME"]
    if as_html:
        return PAGE.format(greeting=greeting, host=host, **revision)
    return f"{greeting} {host}, revision {revision['revision']}\n"


class Site(BaseHTTPRequestHandler):
    """One page, whatever is asked for."""

    def do_GET(self) -> None:
        as_html = "text/html" in self.headers.get("Accept", "")
        try:
            status, body = 200, page(as_html=as_html)
        except (KeyError, OSError, ValueError) as error:
            status, as_html, body = 500, False, f"The page cannot be made: {error!r}.\n"
        self.send_response(status)
        kind = "text/html" if as_html else "text/plain"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ["SITE_PORT"])), Site).serve_forever()
