"""Where the bytes of documents are: a folder or an S3-compatible bucket, as `STORAGE_URL` says.

Both are Django storages with one more method, `parts`, which reads a range by blocks. Nothing here holds a
whole file in memory. Keys are ours and say nothing about who, what or where.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, storages
from django.utils import timezone

BLOCK = 256 * 1024


class DocumentStorage(Protocol):
    """What this app asks of a storage."""

    def save(self, name: str, content: File) -> str:
        """Write a new file."""

    def open(self, name: str, mode: str = "rb") -> File:
        """A file that can be read from any place."""

    def delete(self, name: str) -> None:
        """Delete a file; one that is not there is no error."""

    def exists(self, name: str) -> bool:
        """Whether there is a file."""

    def parts(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` up to and without `stop`."""


def document_storage() -> DocumentStorage:
    """The storage of this installation."""
    return cast(DocumentStorage, storages["documents"])


def new_key() -> str:
    """A name that no file has had: by month, so that no folder grows without end."""
    return f"{timezone.now():%Y/%m}/{uuid.uuid4().hex}"


def incoming_folder() -> Path | None:
    """Where uploads are received so that keeping one is a change of its name; None with a bucket."""
    storage = storages["documents"]
    if not isinstance(storage, LocalStorage):
        return None
    folder = Path(storage.location) / "incoming"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class LocalStorage(FileSystemStorage):
    """A folder. A file that was saved is on the disk, also when the machine loses power the moment after."""

    def _save(self, name: str, content: Any) -> str:
        saved: str = super()._save(name, content)  # type: ignore[misc]
        path = Path(self.path(saved))
        _sync(path)
        _sync(path.parent)
        return saved

    def parts(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        """Read a range by blocks."""
        with Path(self.path(name)).open("rb") as file:
            file.seek(start)
            left = stop - start
            while left > 0 and (block := file.read(min(BLOCK, left))):
                left -= len(block)
                yield block


def _sync(path: Path) -> None:
    """Have the system write a file, or the entries of a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
