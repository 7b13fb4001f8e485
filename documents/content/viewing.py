"""The child process that looks at files. Run by `inspection`; what a file does to a library it does to it.

It reads one request after the other from its socket: a length of four bytes and JSON, and with them the open
file. Its memory is limited, what unpacking may take too; its time is limited by `inspection`.
"""

import base64
import io
import json
import os
import resource
import select
import socket
import struct
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO, cast

# Run by its path, in isolated mode: nothing else says where the project is.
sys.path.insert(0, str(Path(__file__).parents[2]))

import pikepdf
import pikepdf.settings

from documents.content.errors import UnknownFormat, Unreadable, UnsafeContent
from documents.content.formats import format_of
from documents.content.reading import read_content

MEGABYTE = 1024 * 1024
MEMORY = 1024 * MEGABYTE  # beyond what the libraries took
UNPACKED = 256 * MEGABYTE  # of one stream
IDLE_SECONDS = 300
READY = b"ready"


class SharedFile(io.RawIOBase):
    """A file that another process has open: read at places of our own, which moves nothing of theirs."""

    def __init__(self, handle: int) -> None:
        self.handle, self.place = handle, 0
        self.size = os.fstat(handle).st_size

    def readable(self) -> bool:
        """Nothing else."""
        return True

    def seekable(self) -> bool:
        """To any place."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on."""
        got = os.preadv(self.handle, [buffer], self.place)
        self.place += got
        return got

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        self.place = max(
            0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.size}[whence]
        )
        return self.place

    def tell(self) -> int:
        """Where the next byte is read."""
        return self.place


def answer(request: dict[str, Any], file: BinaryIO) -> dict[str, Any]:
    """What there is to say of a file."""
    try:
        if request["what"] == "format":
            found = format_of(file, name=request["name"], allowed=request["allowed"])
            return {"format": found.extension}
        content = read_content(file, request["content_type"])
    except UnknownFormat as error:
        return {"unknown": str(error)}
    except UnsafeContent as error:
        return {"unsafe": str(error)}
    except Unreadable as error:
        return {"unreadable": str(error)}
    except MemoryError:
        return {"too_much": True}
    except Exception:  # noqa: BLE001 - whatever a file does to five libraries, it is not taken
        traceback.print_exc()
        return {"too_much": True}
    thumbnail = base64.b64encode(content.thumbnail).decode() if content.thumbnail else None
    return {"pages": content.pages, "text": content.text, "thumbnail": thumbnail}


def _limit() -> None:
    pikepdf.settings.set_qpdf_limits(
        parser_max_nesting=200,
        doc_max_warnings=1000,
        flate_max_memory=UNPACKED,
        png_max_memory=UNPACKED,
        tiff_max_memory=UNPACKED,
        run_length_max_memory=UNPACKED,
        dct_max_memory=UNPACKED,
    )
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform.startswith("linux"):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _read(connection: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size and (part := connection.recv(size - len(parts))):
        parts += part
    return parts


def main() -> None:
    """Look at one file after the other until nobody asks any more."""
    _limit()
    with socket.socket(fileno=0) as connection:
        connection.sendall(READY)
        while select.select([connection], [], [], IDLE_SECONDS)[0]:
            head, handles, _, _ = socket.recv_fds(connection, 4, 1)
            if len(head) < 4 or not handles:
                return
            try:
                request = json.loads(_read(connection, *struct.unpack("!I", head)))
                with io.BufferedReader(SharedFile(handles[0]), 64 * 1024) as file:
                    reply = json.dumps(answer(request, cast(BinaryIO, file))).encode()
            finally:
                os.close(handles[0])
            connection.sendall(struct.pack("!I", len(reply)) + reply)


if __name__ == "__main__":
    main()
