"""A webhook on this machine that keeps what it gets."""

import http.server
import json
import queue
import threading
from typing import Any, NamedTuple

PATIENCE = 60  # seconds until a test gives an event up


class Notification(NamedTuple):
    headers: Any
    body: dict[str, Any]


class Webhook:
    def __init__(self) -> None:
        self._got: queue.Queue[Notification] = queue.Queue()
        got = self._got

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers['Content-Length']))
                got.put(Notification(self.headers, json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self._server.server_port}/hook'
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self) -> Notification:
        """Waits for the next notification, and raises queue.Empty when none comes."""
        return self._got.get(timeout=PATIENCE)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
