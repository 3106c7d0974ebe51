"""An HTTP server on loopback that answers what a test says."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from parts.tls import Certificate

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """An HTTP server on loopback; *answers* says what lies at which path."""

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: list[BaseHTTPRequestHandler] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if certificate:
            context = certificate.context()
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.seen.append(self)
                answer = web.answers.get(self.path.partition("?")[0], _not_found)
                answer(self)

            def do_POST(self) -> None:
                self.body = self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


def _not_found(request: BaseHTTPRequestHandler) -> None:
    request.send_error(404)
