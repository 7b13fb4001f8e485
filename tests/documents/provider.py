"""A provider of signatures on loopback that does what a test tells it to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.documents import makers


@dataclass
class FakeProvider:
    """What it was asked, and how it answers: `answers` are taken first, one by one.

    An answer is a status with headers and a body, or a number of seconds to say nothing for.
    """

    url: str = ""
    signed: bytes = makers.pdf("Signed by all")
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def paths(self) -> list[str]:
        return [f"{one['method']} {one['path']}" for one in self.asked]


class _Handler(BaseHTTPRequestHandler):
    fake: FakeProvider

    def do_POST(self) -> None:
        self._answer("POST", self._post)

    def do_GET(self) -> None:
        self._answer("GET", lambda body: (200, {"Content-Type": "application/pdf"}, self.fake.signed))

    def _post(self, body: Any) -> tuple[int, dict[str, str], bytes]:
        if self.path.endswith("/cancel"):
            return 200, {}, b"{}"
        key = self.headers["Idempotency-Key"]
        number = self.fake.ids.setdefault(key, f"ext-{len(self.fake.ids) + 1}")
        return 201, {"Content-Type": "application/json"}, json.dumps({"id": number}).encode()

    def _answer(self, method: str, usual: Callable[[Any], tuple[int, dict[str, str], bytes]]) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else None
        self.fake.asked.append(
            {"method": method, "path": self.path, "body": body, "headers": dict(self.headers)}
        )
        answer = self.fake.answers.pop(0) if self.fake.answers else None
        if isinstance(answer, float):
            time.sleep(answer)
            answer = None
        status, headers, content = answer or usual(body)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is what some tests are about."""


@contextmanager
def fake_provider() -> Iterator[FakeProvider]:
    """The provider, while it runs."""
    fake = FakeProvider()
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = _Server(("127.0.0.1", 0), handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/esign"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
