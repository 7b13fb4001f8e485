"""Many files in one request, and all of them again as one archive."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.http import HttpResponseBase, QueryDict
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from zipstream import ZipStream

from crm_backend.common.downloads import SyncParts, give_back_connection
from crm_backend.common.file_downloads import AsIsParts
from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.permissions import touches
from crm_backend.common.renderers import FileRenderer
from crm_backend.common.schema_replies import refuses
from crm_backend.common.spreadsheets import FileTooLarge
from crm_backend.common.throttling import UploadThrottle
from crm_backend.common.viewsets import ApiView, ReadOnlyViewSet
from documents.choices import VersionStatus
from documents.errors import TooManyFiles
from documents.filters import BatchFilter
from documents.models import Batch, BatchFile, Document, DocumentVersion
from documents.names import clean_name
from documents.permissions import BATCHES
from documents.serializers.batches import BatchCreateSerializer, BatchListSerializer, BatchSerializer
from documents.services.batches import UNKNOWN, Arrival, batch_create
from documents.services.files import file_keep
from documents.services.scanning import is_scanned
from documents.storage import document_storage
from documents.uploads import MEGABYTE, BatchParser, ReceivedFile
from jobs.services.lifecycle import TooManyJobs


def _with_files(batches: Any) -> Any:
    files = BatchFile.objects.order_by("position")
    return batches.select_related("created_by").prefetch_related(Prefetch("files", files))


def _with_people(batches: Any) -> Any:
    return batches.select_related("created_by")


@extend_schema(tags=["documents"])
class BatchViewSet(ReadOnlyViewSet):
    """Documents that came together."""

    queryset = Batch.objects.all()
    policy = BATCHES
    serializer_class = BatchSerializer
    serializer_classes = {"list": BatchListSerializer, "create": BatchCreateSerializer}
    querysets = {"list": _with_people, "retrieve": _with_files}
    filterset_class = BatchFilter
    filter_backends = (FilterBackend, OrderingFilter)
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]
    parser_classes = (BatchParser,)
    throttle_classes = (*ApiView.throttle_classes, UploadThrottle)

    @extend_schema(request=BatchCreateSerializer, responses={202: BatchSerializer})
    @touches("documents")
    @refuses(FileTooLarge, TooManyFiles, TooManyJobs)
    def create(self, request: Request) -> Response:
        """Add several documents at once: `files`, as often as there are files.

        Each is looked at by itself, by the job that the reply names: follow `/api/jobs/{job}/stream/`.
        What is refused leaves the others alone; `files` of the batch says why.
        """
        form = request.data
        # Without a body there is no form, whatever it is said to be.
        data = form.dict() | {"files": form.getlist("files")} if isinstance(form, QueryDict) else {}
        if not data.get("files"):
            data.pop("files", None)
        serializer = self.get_serializer(data=data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        arrivals = [_arrival(file) for file in given.pop("files")]
        batch = batch_create(actor=self.caller, arrivals=arrivals, **given)
        response = self.detail_response(batch.pk, status.HTTP_202_ACCEPTED)
        response["Location"] = self.location_of("document-batch-detail", pk=batch.pk)
        return response

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY}, filters=False)
    @action(detail=True, renderer_classes=[FileRenderer])
    @touches("documents")
    def download(self, request: Request, pk: int) -> HttpResponseBase:
        """Download what the caller sees of a batch, in current versions, as a ZIP archive."""
        batch: Batch = self.get_object()
        seen = Document.objects.visible_to(self.caller).filter(pk__in=batch.files.values("document"))
        versions = DocumentVersion.objects.filter(pk__in=seen.values("current")).select_related("file")
        good = [
            one
            for one in versions.defer("text", "thumbnail").order_by("document_id")
            if one.status != VersionStatus.QUARANTINED and is_scanned(one)
        ]
        return _archive(request, good, name=f"batch-{batch.pk}.zip")


def _arrival(file: ReceivedFile) -> Arrival:
    name = file.name or ""
    if file.is_too_large:
        most = settings.DOCUMENT_MAX_BYTES // MEGABYTE
        return Arrival(name, errors=(f"The file is larger than {most} MB.",))
    return Arrival(name, file_keep(content=file, content_type=UNKNOWN))


def _archive(request: Request, versions: list[DocumentVersion], *, name: str) -> SyncParts:
    """An archive that is made while it is sent. Documents are packed in themselves, and only put in."""
    archive = ZipStream(sized=True)
    taken: set[str] = set()
    for version in versions:
        own = _unlike(clean_name(version.name), taken)
        archive.add(_bytes_of(version), own, size=version.file.size)
    headers = {
        "Content-Length": str(len(archive)),
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "Cache-Control": "private, no-store",
    }
    give_back_connection(request)
    return AsIsParts(iter(archive), content_type="application/zip", headers=headers)


def _bytes_of(version: DocumentVersion) -> Iterator[bytes]:
    yield from document_storage().parts(version.file.key, 0, version.file.size)


def _unlike(name: str, taken: set[str]) -> str:
    """A name that no other file of the archive has, also where capitals do not count."""
    stem, dot, ending = name.rpartition(".")
    found, number = name, 1
    while found.lower() in taken:
        number += 1
        found = f"{stem} ({number}).{ending}" if dot else f"{name} ({number})"
    taken.add(found.lower())
    return found
