"""Documents, of everybody and of one application; their versions, and the bytes."""

from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.errors import StaleVersion
from crm_backend.common.file_downloads import RangeNotSatisfiable
from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.parsers import ORJSONParser
from crm_backend.common.renderers import FileRenderer
from crm_backend.common.schema_replies import refuses, sends_file
from crm_backend.common.spreadsheets import FileTooLarge, UnsupportedFile
from crm_backend.common.throttling import UploadThrottle
from crm_backend.common.viewsets import ApiView, ChildMixin, CrudViewSet, ListMixin, ScopedViewSet
from documents import selectors
from documents.content.formats import FORMATS
from documents.errors import NotScannedYet, Quarantined, UnsafeFile
from documents.filters import DocumentFilter, DocumentSearch
from documents.models import Document
from documents.permissions import DOCUMENTS
from documents.serializers.documents import (
    DocumentCreatedSerializer,
    DocumentCreateSerializer,
    DocumentDuplicateSerializer,
    DocumentInputSerializer,
    DocumentListSerializer,
    DocumentSerializer,
    DocumentVersionSerializer,
    UploadSerializer,
    VersionCreateSerializer,
)
from documents.services import documents
from documents.uploads import DocumentParser, received
from documents.views.files import version_file

FILE = {
    (status, form.content_type): OpenApiTypes.BINARY for status in (200, 206) for form in FORMATS.values()
}
UPLOAD_THROTTLES = (*ApiView.throttle_classes, UploadThrottle)
UPLOADS = ("create", "create_version")
_REFUSALS = (FileTooLarge, UnsupportedFile, UnsafeFile)


class UploadMixin:
    """Actions that take files have a parser of their own."""

    def get_parsers(self: Any) -> list[Any]:
        """Files come in forms; all else is JSON."""
        name = getattr(self, "action", None) or self.action_map.get(self.request.method.lower())
        return [DocumentParser() if name in UPLOADS else ORJSONParser()]

    def reply_with(self: Any, pk: int) -> Response:
        """The new document, its ETag and its address."""
        response: Response = self.created_response(pk)
        return response

    def add(self: Any, application: Application, data: dict[str, Any]) -> Response:
        """Keep the file, then write the document; reply with it and with those of the same content."""
        file, name = received(data.pop("file"))
        with transaction.atomic():
            document = documents.document_create(
                application=application, actor=self.caller, file=file, name=name, **data
            )
            response = self.reply_with(document.pk)
        found = selectors.duplicates_of(document, reader=self.caller)
        response.data["duplicates"] = DocumentDuplicateSerializer(found, many=True).data
        return response


@extend_schema(tags=["documents"])
class DocumentViewSet(UploadMixin, CrudViewSet):
    """Documents on applications."""

    queryset = Document.objects.all()
    policy = DOCUMENTS
    throttle_classes = UPLOAD_THROTTLES
    serializer_class = DocumentSerializer
    serializer_classes = {
        "list": DocumentListSerializer,
        "create": DocumentCreateSerializer,
        "created": DocumentCreatedSerializer,
        "update": DocumentInputSerializer,
        "create_version": VersionCreateSerializer,
    }
    querysets = {
        **dict.fromkeys(["list", "retrieve", "download"], selectors.for_reading),
        "thumbnail": selectors.for_thumbnail,
    }
    filterset_class = DocumentFilter
    filter_backends = (FilterBackend, DocumentSearch, OrderingFilter)
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]

    @refuses(*_REFUSALS)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a document: a file, and what it is. What the file is, its content says.

        `duplicates` names visible documents that have the very same content. Pages, text and thumbnail are
        added shortly after, when `current.status` becomes `ready`.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        return self.add(data.pop("application"), data)

    def perform_update(self, serializer: Any) -> None:
        """Edit what is said of it; the file stays."""
        documents.document_update(
            document=serializer.instance, actor=self.caller, **serializer.validated_data
        )

    def perform_destroy(self, obj: Any) -> None:
        """Delete it, with all its versions."""
        documents.document_delete(document=obj, actor=self.caller)

    @extend_schema(request=VersionCreateSerializer, responses={201: DocumentSerializer})
    @action(detail=True, methods=["post"], url_path="create-version")
    @refuses(StaleVersion, *_REFUSALS)
    def create_version(self, request: Request, pk: int) -> Response:
        """Add a version, which is the current one from now on.

        With `If-Match` it is refused when somebody else changed the document since it was read.
        """
        self.get_object()  # for who may do it, before the file is kept
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        file, name = received(data.pop("file"))
        with transaction.atomic():
            document = self.get_locked_object()
            self.check_precondition(pk)
            documents.version_add(document=document, actor=self.caller, file=file, name=name, **data)
            return self.created_response(pk)

    @extend_schema(responses=DocumentVersionSerializer(many=True), filters=False)
    @action(detail=True)
    def versions(self, request: Request, pk: int) -> Response:
        """List the versions of a document, latest first."""
        return self.page_response(selectors.versions_of(self.get_object()), DocumentVersionSerializer)

    @extend_schema(responses=FILE, filters=False)
    @action(detail=True, renderer_classes=[FileRenderer])
    @sends_file
    @refuses(RangeNotSatisfiable, Quarantined, NotScannedYet)
    def download(self, request: Request, pk: int) -> HttpResponseBase:
        """Download the current version. One `Range`, `If-Range` and `If-None-Match` are honoured."""
        version = self.get_object().current
        if version is None:
            raise Quarantined()
        return version_file(request, version)

    @extend_schema(responses=FILE, filters=False)
    @action(
        detail=True,
        url_path="versions/<int:number>/download",
        url_name="version-download",
        renderer_classes=[FileRenderer],
    )
    @sends_file
    @refuses(RangeNotSatisfiable, Quarantined, NotScannedYet)
    def version_download(self, request: Request, pk: int, number: int) -> HttpResponseBase:
        """Download any version. One `Range`, `If-Range` and `If-None-Match` are honoured."""
        version = selectors.versions_of(self.get_object()).filter(number=number).first()
        if version is None:
            raise Http404
        return version_file(request, version)

    @extend_schema(responses={(200, "image/webp"): OpenApiTypes.BINARY}, filters=False)
    @action(detail=True, renderer_classes=[FileRenderer])
    @sends_file
    def thumbnail(self, request: Request, pk: int) -> HttpResponse:
        """Read a picture of the first page of the current version, at most 320 × 320 pixels."""
        version = self.get_object().current
        if version is None or version.thumbnail is None:
            raise Http404
        etag = f'"{version.pk}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Content-Disposition": "inline"}
        if request.headers.get("If-None-Match") == etag:
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return HttpResponse(bytes(version.thumbnail), content_type="image/webp", headers=headers)


@extend_schema(tags=["applications"])
class ApplicationDocumentViewSet(UploadMixin, ChildMixin, ListMixin, ScopedViewSet):
    """Documents on an application."""

    queryset = Document.objects.all()
    parent_model = Application
    parent_field = "application"
    policy = DOCUMENTS
    throttle_classes = UPLOAD_THROTTLES
    serializer_class = DocumentSerializer
    serializer_classes = {
        "list": DocumentListSerializer,
        "create": UploadSerializer,
        "created": DocumentCreatedSerializer,
    }
    querysets = dict.fromkeys(["list", "retrieve"], selectors.for_reading)
    filter_backends = ()
    ordering = ["-created_at", "-id"]

    @refuses(*_REFUSALS)
    def create(self, request: Request, application_id: int) -> Response:
        """Add a document to the application."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.add(self.parent, serializer.validated_data)

    def reply_with(self, pk: int) -> Response:
        """The new document; it is read at an address of its own."""
        return Response(self.representation(pk), status=status.HTTP_201_CREATED)
