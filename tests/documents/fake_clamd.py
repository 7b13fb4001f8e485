"""A clamd that knows one virus, on loopback; it speaks INSTREAM as the real one does."""

import socketserver
import struct
import threading

VIRUS = b"X5O!P%@AP-harmless-test-virus"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        assert self.rfile.read(len(b"zINSTREAM\0")) == b"zINSTREAM\0"
        content = b""
        while length := struct.unpack(">I", self.rfile.read(4))[0]:
            content += self.rfile.read(length)
            if len(content) > self.server.most:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.server.scanned.append(len(content))
        found = b"Win.Test.EICAR_HDB-1 FOUND" if VIRUS in content else b"OK"
        self.wfile.write(b"stream: " + found + b"\0")


class FakeClamd(socketserver.ThreadingTCPServer):
    """Listens until it is left; `scanned` has the sizes of what it looked at."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scanned, self.most = [], 10_000_000

    @property
    def url(self):
        return f"clamd://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args):
        self.shutdown()
        self.server_close()
