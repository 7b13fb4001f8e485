"""What a worker does with a new version: scan it, then read its pages, its text and its first page's picture.

An attempt has a number and a lease. A worker that is killed over a file leaves the version to the sweep,
three times in all: what kills every worker is shown without having been read.
"""

from datetime import timedelta
from functools import partial
from typing import BinaryIO, cast

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from documents.choices import VersionStatus
from documents.clamd import ScannerAway
from documents.content.errors import Unreadable
from documents.content.inspection import inspection
from documents.content.reading import Content
from documents.models import Document, DocumentVersion
from documents.services.scanning import version_scan
from documents.services.words import words_renew
from documents.storage import document_storage
from documents.wake import wake_reader

logger = structlog.get_logger(__name__)

# Longer than a task may run, so that nobody begins while another is at it.
LEASE = timedelta(minutes=7)
SCANNER_AGAIN = timedelta(minutes=1)
MAX_ATTEMPTS = 3
SWEEP_BATCH = 100
GIVEN_UP = "This file could not be read."


def version_read(version_id: int, *, by_its_job: bool = False) -> None:
    """Scan and read a version that nobody has read; the job of its batch waits for nobody's lease."""
    version = _claim(version_id, by_its_job=by_its_job)
    if version is None:
        return
    try:
        if not version_scan(version=version):
            return
    except ScannerAway as error:
        logger.warning("documents.scanner_away", version=version_id, error=str(error))
        _put_off(version)
        return
    if version.attempts > MAX_ATTEMPTS:
        _write(version, Content(), GIVEN_UP)
        return
    try:
        with document_storage().open(version.file.key) as file:
            content, problem = inspection.read(cast(BinaryIO, file), version.file.content_type), ""
    except Unreadable as error:
        content, problem = Content(), str(error)
    _write(version, content, problem)


def versions_recover() -> int:
    """Tell workers again of versions that nobody reads; return of how many. Beat calls it."""
    now = timezone.now()
    with transaction.atomic():
        waiting = DocumentVersion.objects.filter(status=VersionStatus.PROCESSING, lease_until__lt=now)
        rows = waiting.order_by("lease_until", "pk").select_for_update(skip_locked=True)
        found = list(rows.values_list("pk", flat=True)[:SWEEP_BATCH])
        for pk in found:
            transaction.on_commit(partial(wake_reader, pk), robust=True)
    return len(found)


def _claim(version_id: int, *, by_its_job: bool) -> DocumentVersion | None:
    now = timezone.now()
    free = Q() if by_its_job else Q(attempts=0) | Q(lease_until__lt=now)
    with transaction.atomic():
        rows = DocumentVersion.objects.filter(free, pk=version_id, status=VersionStatus.PROCESSING)
        if not rows.update(attempts=F("attempts") + 1, lease_until=now + LEASE):
            return None
    return DocumentVersion.objects.select_related("file").get(pk=version_id)


def _put_off(version: DocumentVersion) -> None:
    """Try again when the scanner may be back; that is no attempt."""
    mine = DocumentVersion.objects.filter(pk=version.pk, attempts=version.attempts)
    mine.update(attempts=F("attempts") - 1, lease_until=timezone.now() + SCANNER_AGAIN)


def _write(version: DocumentVersion, content: Content, problem: str) -> None:
    """Write what was found, unless another attempt has begun meanwhile."""
    with transaction.atomic():
        document = Document.objects.lock().get(pk=version.document_id)
        mine = DocumentVersion.objects.filter(
            pk=version.pk, attempts=version.attempts, status=VersionStatus.PROCESSING
        )
        written = mine.update(
            status=VersionStatus.READY,
            pages=content.pages,
            text=content.text,
            thumbnail=content.thumbnail,
            has_thumbnail=content.thumbnail is not None,
            problem=problem,
            lease_until=None,
        )
        if written and document.current_id == version.pk:
            words_renew(document)
