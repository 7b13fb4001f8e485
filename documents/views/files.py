"""The bytes of a version over HTTP."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from crm_backend.common.file_downloads import StoredContent, file_response
from documents.choices import VersionStatus
from documents.errors import NotScannedYet, Quarantined
from documents.models import DocumentVersion
from documents.services.scanning import is_scanned
from documents.storage import document_storage


def version_file(request: Request, version: DocumentVersion, *, inline: bool = False) -> HttpResponseBase:
    """The bytes of a version, unless the scan stands against it."""
    if version.status == VersionStatus.QUARANTINED:
        raise Quarantined()
    if not is_scanned(version):
        raise NotScannedYet()
    file = version.file
    content = StoredContent(
        parts=lambda start, stop: document_storage().parts(file.key, start, stop),
        size=file.size,
        etag=file.sha256,
        content_type=file.content_type,
        name=version.name,
        modified=version.created_at,
    )
    return file_response(request, content, inline=inline)
