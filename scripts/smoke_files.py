"""Check files and jobs of a running installation from outside: ``smoke_files.py HOST:PORT EMAIL PASSWORD``.

What only shows with the proxy and all processes in place: a large upload and its download, ranges, a batch in
the worker, its stream of events, and the archive of what came of it. Standard library only.
"""

import http.client
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

LARGE = 24 * 1024 * 1024  # bytes; more than the application reads of anything but a file
BOUNDARY = "smoke-checks-boundary"
PATH = "/api/documents/documents/"
BATCHES = "/api/documents/batches/"


@dataclass
class Reply:
    """A whole reply."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """Its body, read."""
        return json.loads(self.body)


class Client:
    """One user at one address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.headers: dict[str, str] = {}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request; what is no bytes goes as JSON."""
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request(method, path, body, {**self.headers, **headers})
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def send_files(self, path: str, application: int, name: str, files: dict[str, bytes]) -> Reply:
        """A form with files under one name."""
        parts = [f'Content-Disposition: form-data; name="application"\r\n\r\n{application}'.encode()]
        for file_name, content in files.items():
            head = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n\r\n'
            parts.append(head.encode() + content)
        begin = f"--{BOUNDARY}\r\n".encode()
        body = b"".join(begin + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()
        return self.ask("POST", path, body, **{"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})

    def log_in(self, email: str, password: str) -> None:
        """From here on as this user."""
        reply = self.ask("POST", "/api/auth/login/", {"email": email, "password": password})
        self.headers = {"Authorization": f"Bearer {reply.json['access']}"}


class Checks:
    """What was looked at, and how much of it was not so."""

    def __init__(self) -> None:
        self.failed = 0

    def equal(self, what: str, found: Any, expected: Any) -> None:
        """One check."""
        good = found == expected
        self.failed += not good
        sys.stdout.write(f"  {what}: {found if good else f'{found!r}, not {expected!r}'}\n")


def words(size: int) -> bytes:
    """A text of about so many bytes that no two runs have alike."""
    return (os.urandom(512).hex().encode() + b"\n") * (size // 1025)


def new_application(client: Client) -> int:
    """An application to put files to."""
    body = {
        "loan_amount": "450000.00",
        "loan_term": 360,
        "interest_rate": "6.25",
        "purpose": "Purchase of an owner-occupied house",
        "borrowers": [{"first_name": "Mia", "last_name": "Chen", "email": "mia.chen@example.com"}],
    }
    reply = client.ask("POST", "/api/applications/create-with-cascade/", body)
    return int(reply.json["id"])


def check_large_file(client: Client, application: int, checks: Checks) -> None:
    """One large file there and back."""
    content = words(LARGE)
    sent = client.send_files(PATH, application, "file", {"statement.txt": content})
    checks.equal(f"POST {PATH} of {len(content)} bytes", sent.status, 201)
    download = f"{PATH}{sent.json['id']}/download/"
    whole = client.ask("GET", download)
    checks.equal("download, whole", (whole.status, whole.body == content), (200, True))
    part = client.ask("GET", download, Range="bytes=1000000-1000099")
    checks.equal("download, a range", (part.status, part.body), (206, content[1_000_000:1_000_100]))
    again = client.ask("GET", download, **{"If-None-Match": whole.headers["ETag"]})
    checks.equal("download, the same again", again.status, 304)


def check_batch(client: Client, application: int, checks: Checks) -> None:
    """A batch, followed by its stream, and its archive."""
    files = {f"note-{number}.txt": words(100_000) for number in range(3)}
    sent = client.send_files(BATCHES, application, "files", {**files, "run.exe": b"MZ" + bytes(2000)})
    checks.equal(f"POST {BATCHES}", sent.status, 202)
    job = f"/api/jobs/{sent.json['job']}"
    ticket = client.ask("POST", f"{job}/stream-ticket/").json["ticket"]
    stream = Client(client.address).ask("GET", f"{job}/stream/?ticket={ticket}", Accept="text/event-stream")
    events = [line[7:] for line in stream.body.decode().splitlines() if line.startswith("event: ")]
    checks.equal("stream, its type", stream.headers["Content-Type"].split(";")[0], "text/event-stream")
    checks.equal("stream, the last event", events[-1:], ["completed"])
    outcomes = [one["outcome"] for one in client.ask("GET", f"{BATCHES}{sent.json['id']}/").json["files"]]
    checks.equal("batch, what was kept", outcomes, ["kept", "kept", "kept", "refused"])
    archive = client.ask("GET", f"{BATCHES}{sent.json['id']}/download/")
    checks.equal("archive", (archive.status, archive.body[:2]), (200, b"PK"))


def main(address: str, email: str, password: str) -> int:
    """Make every check; the number that failed."""
    client, checks = Client(address), Checks()
    client.log_in(email, password)
    application = new_application(client)
    check_large_file(client, application, checks)
    check_batch(client, application, checks)
    return checks.failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
