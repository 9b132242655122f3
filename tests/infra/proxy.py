"""A real HTTP proxy before the S3 server that goes wrong on demand."""

import http.client
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

CONFLICT = b"<Error><Code>ConditionalRequestConflict</Code><Message>in flight</Message></Error>"
DOWN = b"<Error><Code>ServiceUnavailable</Code><Message>down</Message></Error>"
HOP = ("transfer-encoding", "connection", "content-length", "date", "server")


@dataclass
class Faults:
    """How many of the next PUTs go wrong: lose (done, but no answer), conflict (409), down (503)."""

    lose: int = 0
    conflict: int = 0
    down: int = 0
    seen: Counter = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, kind: str) -> bool:
        with self.lock:
            left = getattr(self, kind)
            setattr(self, kind, max(0, left - 1))
            return left > 0


class _Server(ThreadingHTTPServer):
    """Clients are killed on purpose: a connection that breaks is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError | http.client.HTTPException):
            super().handle_error(request, client_address)


@contextmanager
def proxied(endpoint: str, faults: Faults) -> Iterator[str]:
    """The address of a proxy before an S3 endpoint."""
    target = urlsplit(endpoint).netloc

    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.seen[self.command] += 1
            if self.command == "PUT" and faults.take("conflict"):
                return self.answer(409, CONFLICT)
            if self.command == "PUT" and faults.take("down"):
                return self.answer(503, DOWN)
            connection = http.client.HTTPConnection(target, timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            data = answer.read()
            if self.command == "PUT" and faults.take("lose"):
                self.close_connection = True
                return None
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else data)
            return None

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = relay

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Relay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
