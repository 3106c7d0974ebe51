"""What a stand-in for GitHub answers: the archive of a commit, or a message that says why not."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tidegate.drivers.bundles.github import Commit, GitHubToken
from tidegate.testing.archives import APPSPEC

ID = "0123456789abcdef0123456789abcdef01234567"
COMMIT = Commit("acme/site", ID)
REPOSITORY = "/api/v3/repos/acme/site"
TARBALL = f"{REPOSITORY}/tarball/{ID}"
CODELOAD = f"/acme/site/legacy.tar.gz/{ID}"
SECRET = "ghp_hunter2"
TOKEN = GitHubToken("deploy", SECRET)

Answer = Callable[[BaseHTTPRequestHandler], None]


def packed() -> bytes:
    """An archive as `git archive` writes it for GitHub: a comment, and one folder above all."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", pax_headers={"comment": ID}) as tar:
        for name, data in (("appspec.yml", APPSPEC), ("web/index.html", b"hello")):
            info = tarfile.TarInfo(f"acme-site-{ID[:7]}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


DATA = packed()
SHA256 = hashlib.sha256(DATA).hexdigest()


def gives(data: bytes = DATA, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return answer


def says(status: int, message: str = "Not Found", **headers: str) -> Answer:
    data = json.dumps({"message": message, "status": str(status)}).encode()
    return gives(data, status, Content_Type="application/json; charset=utf-8", **headers)


def leads_to(url: str, status: int = 302) -> Answer:
    return gives(b"", status, Location=url)
