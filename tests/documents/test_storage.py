"""Storages: a folder, and a bucket of a real S3-compatible server; big files in little memory."""

import contextlib
import hashlib
import io
import tracemalloc
from urllib.request import urlopen

import pytest
from django.core.files.storage import storages

from documents.bucket import PART
from documents.content.inspection import inspection
from documents.models import StoredFile
from documents.services.files import file_discard, file_keep
from documents.storage import BLOCK, document_storage
from tests.documents import makers
from tests.processes import Process, free_port, wait_for

MEGABYTE = 1024 * 1024
BIG = 64 * MEGABYTE


class Endless(io.RawIOBase):
    """A file of so many bytes that are nowhere; reading it twice gives the same."""

    def __init__(self, size):
        self.left = self.size = size

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, place, whence=0):
        base = {0: 0, 1: self.size - self.left, 2: self.size}[whence]
        self.left = self.size - base - place
        return self.size - self.left

    def tell(self):
        return self.size - self.left

    def readinto(self, buffer):
        count = min(len(buffer), self.left)
        start = self.tell()
        buffer[:count] = bytes((start + n) % 251 for n in range(min(count, 251))) * (count // 251) + bytes(
            (start + n) % 251 for n in range(count % 251)
        )
        self.left -= count
        return count


@pytest.fixture(scope="module")
def s3(tmp_path_factory, django_db_setup):
    """The port of a server that speaks S3."""
    port = free_port()
    log = tmp_path_factory.mktemp("s3") / "s3.log"
    server = Process(log, "moto.server", "-H", "127.0.0.1", "-p", str(port))

    def answers():
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=2) as reply:
            return reply.status == 200

    wait_for(answers, what=f"S3; see {log}")
    yield port
    server.kill()


@pytest.fixture(params=["folder", "bucket"])
def storage(request, settings, tmp_path):
    if request.param == "folder":
        found = {
            "BACKEND": "documents.storage.LocalStorage",
            "OPTIONS": {"location": tmp_path, "file_permissions_mode": 0o600},
        }
    else:
        from crm_backend.settings import _document_storage

        port = request.getfixturevalue("s3")
        found = _document_storage(f"s3://key:secret@127.0.0.1:{port}/loans?region=ap-southeast-2&tls=false")
    settings.STORAGES = {**settings.STORAGES, "documents": found}
    if request.param == "bucket":
        bucket = storages["documents"].bucket
        if bucket.creation_date is None:
            bucket.create(CreateBucketConfiguration={"LocationConstraint": "ap-southeast-2"})
    return document_storage()


def test_what_was_kept_is_read_whole_and_in_parts(db, storage):
    content = bytes(range(256)) * 4096
    stored = file_keep(content=io.BytesIO(content), content_type="application/pdf")
    assert storage.exists(stored.key)
    assert b"".join(storage.parts(stored.key, 0, stored.size)) == content
    assert b"".join(storage.parts(stored.key, BLOCK - 1, BLOCK + 2)) == content[BLOCK - 1 : BLOCK + 2]
    assert b"".join(storage.parts(stored.key, 7, 7)) == b""
    with storage.open(stored.key) as file:
        file.seek(300)
        assert file.read(10) == content[300:310]
    assert file_discard(stored=stored)
    assert not storage.exists(stored.key)
    storage.delete(stored.key)  # again, as after a crash


def test_what_was_kept_is_looked_at(db, storage):
    stored = file_keep(content=io.BytesIO(makers.pdf("Kalgoorlie")), content_type="application/pdf")
    with storage.open(stored.key) as file:
        assert inspection.format_of(file, name="a", allowed=["pdf"]).extension == "pdf"
        assert "Kalgoorlie" in inspection.read(file, "application/pdf").text


def test_a_big_file_takes_little_memory(db, storage):
    """Some parts of a bucket's upload at most; of a folder, some blocks."""
    expected = hashlib.file_digest(io.BufferedReader(Endless(BIG)), "sha256").hexdigest()
    tracemalloc.start()
    try:
        stored = file_keep(content=io.BufferedReader(Endless(BIG)), content_type="application/pdf")
        _, most = tracemalloc.get_traced_memory()
        read = hashlib.sha256()
        tracemalloc.reset_peak()
        for part in storage.parts(stored.key, 0, stored.size):
            read.update(part)
        _, most_reading = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (stored.size, stored.sha256) == (BIG, expected)
    assert read.hexdigest() == expected
    # Two parts on their way, and what the client copies of them.
    assert most < (6 * PART if hasattr(storage, "bucket") else 8 * BLOCK) < BIG
    assert most_reading < 8 * BLOCK


def test_a_storage_that_fails_leaves_a_row_for_the_clean_up(db, storage, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(type(storage), "_save", fail)
    with pytest.raises(OSError, match="No space"):
        file_keep(content=b"x", content_type="text/plain")
    assert StoredFile.objects.get().arrived_at is None
