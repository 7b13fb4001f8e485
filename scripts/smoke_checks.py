"""Check a running installation from outside: ``smoke_checks.py HOST:PORT``. Standard library only."""

import base64
import http.client
import os
import socket
import sys

PAGES = ("/health/ready/", "/api/", "/api/docs/")
WEBSOCKET = "/ws/notifications/"
LOGIN = "/api/auth/login/"
REQUEST_ID = "smoke-checks-0001"
# More than the application reads, and less than a proxy in front may refuse by itself.
TOO_LARGE = 6 * 1024 * 1024


def page_status(address: str, path: str) -> int:
    """The status of one GET."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def kept_id(address: str) -> str | None:
    """The id that a reply has, to a request that came with one."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", "/api/", headers={"X-Request-ID": REQUEST_ID})
        return connection.getresponse().headers["X-Request-ID"]
    finally:
        connection.close()


def refusal(address: str) -> tuple[int, str]:
    """How a body is refused that is too large: the status, and the type of what says so."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("POST", LOGIN, b" " * TOO_LARGE, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, reply.headers["Content-Type"] or ""
    finally:
        connection.close()


def websocket_status(address: str, path: str) -> int:
    """The status that a WebSocket handshake is answered with: 101 open, 403 closed at once."""
    host, _, port = address.rpartition(":")
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        return int(connection.recv(4096).split()[1])


def main(address: str) -> int:
    """Make every check; the number that failed."""
    failed = 0
    for path in PAGES:
        status = page_status(address, path)
        sys.stdout.write(f"  GET {path}: {status}\n")
        failed += status != 200
    found = kept_id(address)
    sys.stdout.write(f"  X-Request-ID {REQUEST_ID}: {found}\n")
    failed += found != REQUEST_ID
    status, media_type = refusal(address)
    sys.stdout.write(f"  POST {LOGIN} of {TOO_LARGE} bytes: {status} {media_type}\n")
    failed += (status, media_type) != (413, "application/problem+json")
    status = websocket_status(address, WEBSOCKET)
    sys.stdout.write(f"  WebSocket {WEBSOCKET} without a token: {status}\n")
    # Either is a WebSocket server's answer; a plain HTTP server would say 404 or 426.
    failed += status not in {101, 403}
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
