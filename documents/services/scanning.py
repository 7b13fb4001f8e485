"""The scan for malware, and what happens when it finds something."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from documents.choices import VersionStatus
from documents.clamd import scan
from documents.events import DocumentQuarantined
from documents.models import Document, DocumentVersion
from documents.services.documents import readers_of
from documents.services.words import words_renew
from documents.storage import document_storage
from events.services import emit


def is_scanned(version: DocumentVersion) -> bool:
    """Whether the scan found nothing in a version, or there is no scan."""
    return settings.SCAN_URL is None or version.scanned_at is not None


def version_scan(*, version: DocumentVersion) -> bool:
    """Have a version scanned, unless that was done; return whether it is clean.

    Raises:
        ScannerAway: the scanner does not answer.
    """
    scanner = settings.SCAN_URL
    if scanner is None or version.scanned_at is not None:
        return True
    file = version.file
    verdict = scan(scanner, document_storage().parts(file.key, 0, file.size))
    if verdict.finding:
        version_quarantine(version=version, finding=verdict.finding)
        return False
    version.scanned_at = timezone.now()
    version.save(update_fields=["scanned_at"])
    return True


def version_quarantine(*, version: DocumentVersion, finding: str) -> None:
    """Keep a version from everybody; the one before it is current again. Its uploader and staff are told."""
    with transaction.atomic():
        document = Document.objects.lock().select_related("application").get(pk=version.document_id)
        version.status, version.problem = VersionStatus.QUARANTINED, f"Found: {finding}"[:300]
        version.save(update_fields=["status", "problem"])
        good = document.versions.exclude(status=VersionStatus.QUARANTINED)
        document.current = good.order_by("-number").first()
        document.save(update_fields=["current", "updated_at"])
        words_renew(document)
        told = {user.pk for user in readers_of(document)} | {version.created_by_id}
        emit(
            DocumentQuarantined(
                reference=document.application.reference_number,
                document_id=document.pk,
                title=document.title,
                number=version.number,
                finding=finding,
            ),
            actor=None,
            subject=document,
            application_id=document.application_id,
            recipients=told,
        )
