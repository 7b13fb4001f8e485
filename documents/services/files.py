"""Bytes into the storage and out of it again.

A row says where a file will be before the file is there, in a transaction of its own; the version that
shows it comes after. What a crash leaves in between is a row without a version, which the clean-up finds.
"""

import contextlib
import hashlib
from datetime import timedelta
from typing import BinaryIO

from django.core.files.base import ContentFile, File
from django.db import transaction
from django.utils import timezone

from documents.choices import BatchOutcome
from documents.models import BatchFile, DocumentVersion, StoredFile
from documents.storage import document_storage, incoming_folder, new_key

# A version follows its file at once; an upload of an hour is given up.
KEPT_WITHOUT_VERSION = timedelta(hours=1)
CLEAN_UP_BATCH = 500


def file_keep(*, content: bytes | BinaryIO | File, content_type: str) -> StoredFile:
    """Put bytes into the storage; a version is to refer to them within the hour.

    Call it before the transaction that writes the version: what it writes must outlive a rollback.

    Raises:
        RuntimeError: called inside a transaction.
    """
    file = _as_file(content)
    sha256 = getattr(content, "sha256", "") or hashlib.file_digest(_rewound(file), "sha256").hexdigest()
    with transaction.atomic(durable=True):
        stored = StoredFile.objects.create(key=new_key(), content_type=content_type)
    size = file.size
    file.seek(0)
    saved = document_storage().save(stored.key, file)
    assert saved == stored.key, "a key is used once"
    stored.size, stored.sha256, stored.arrived_at = size, sha256, timezone.now()
    stored.save(update_fields=["size", "sha256", "arrived_at"])
    return stored


def file_discard(*, stored: StoredFile) -> bool:
    """Delete a file that no version shows, and its row; return whether it did so.

    The bytes go first: a crash in between leaves the row, by which the clean-up finds it again.
    """
    with transaction.atomic():
        # Locked first: who makes a version of it holds the row until the version is seen.
        locked = StoredFile.objects.filter(pk=stored.pk).select_for_update(skip_locked=True)
        if locked.first() is None or _is_needed(stored):
            return False
        document_storage().delete(stored.key)
        stored.delete()
    return True


def files_clean_up() -> int:
    """Delete what crashes and deletions left for longer than an hour; return how many files."""
    BatchFile.objects.filter(outcome=BatchOutcome.WAITING, batch__job=None).update(
        outcome=BatchOutcome.REFUSED, file=None, errors=["Nobody came to look at this file. Send it again."]
    )
    over = timezone.now() - KEPT_WITHOUT_VERSION
    unshown = StoredFile.objects.filter(created_at__lt=over, version=None, batch_file=None)
    left = unshown.order_by("created_at", "pk")
    _clean_incoming(over.timestamp())
    return sum(file_discard(stored=stored) for stored in left[:CLEAN_UP_BATCH])


def _is_needed(stored: StoredFile) -> bool:
    return (
        DocumentVersion.objects.filter(file=stored).exists() or BatchFile.objects.filter(file=stored).exists()
    )


def _clean_incoming(before: float) -> None:
    """Delete what a killed web process was receiving."""
    folder = incoming_folder()
    for path in folder.iterdir() if folder else ():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()


def _as_file(content: bytes | BinaryIO | File) -> File:
    if isinstance(content, bytes):
        return ContentFile(content)
    return content if isinstance(content, File) else File(content)


def _rewound(file: File) -> File:
    file.seek(0)
    return file
