"""Asking for signatures, and signing with a login."""

from typing import Any

from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, Prefetch, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.clients import address_of
from crm_backend.common.file_downloads import RangeNotSatisfiable
from crm_backend.common.permissions import touches
from crm_backend.common.renderers import FileRenderer
from crm_backend.common.schema_replies import refuses, sends_file
from crm_backend.common.viewsets import ChildMixin, ReadOnlyViewSet, ScopedViewSet
from documents.choices import SignerStatus
from documents.errors import NotScannedYet, Quarantined
from documents.filters import SignatureRequestFilter
from documents.models import Document, SignatureRequest, Signer
from documents.permissions import SIGNATURE_REQUESTS
from documents.serializers.signing import (
    DeclineSerializer,
    RemindedSerializer,
    SignatureRequestInputSerializer,
    SignatureRequestListSerializer,
    SignatureRequestSerializer,
    SignInputSerializer,
    VerificationSerializer,
)
from documents.services import sealing, signature_requests, signing
from documents.views.files import version_file

PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}


def _count(**only: Any) -> Coalesce:
    rows = Signer.objects.filter(request=OuterRef("pk"), **only).order_by().values("request")
    return Coalesce(Subquery(rows.annotate(n=Count("*")).values("n"), output_field=IntegerField()), Value(0))


def _with_counts(rows: Any) -> Any:
    return rows.select_related("document", "created_by").annotate(
        signer_count=_count(), signed_count=_count(status=SignerStatus.SIGNED)
    )


def _with_signers(rows: Any) -> Any:
    signers = Signer.objects.defer("image", "record").order_by("position")
    large = [
        f"{name}__{column}" for name in ("version", "signed_version") for column in ("text", "thumbnail")
    ]
    return (
        _with_counts(rows)
        .select_related("version__file", "signed_version")
        .defer(*large)
        .prefetch_related(Prefetch("signers", signers))
    )


def place_of(request: Request, *, by_link: bool) -> signing.Place:
    """Where a signer answers from."""
    return signing.Place(address_of(request), request.headers.get("User-Agent", ""), by_link=by_link)


@extend_schema(tags=["signatures"])
class SignatureRequestViewSet(ReadOnlyViewSet):
    """Requests for signatures."""

    queryset = SignatureRequest.objects.all()
    policy = SIGNATURE_REQUESTS
    serializer_class = SignatureRequestSerializer
    serializer_classes = {
        "list": SignatureRequestListSerializer,
        "sign": SignInputSerializer,
        "decline": DeclineSerializer,
    }
    querysets = {"list": _with_counts, "retrieve": _with_signers}
    filterset_class = SignatureRequestFilter
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]

    @extend_schema(request=None, responses=SignatureRequestSerializer)
    @action(detail=True, methods=["post"])
    @refuses(signature_requests.SignatureRequestOver)
    def cancel(self, request: Request, pk: int) -> Response:
        """Take a request back; its links end."""
        with transaction.atomic():
            signature_requests.signature_request_cancel(request=self._locked(), actor=self.caller)
            return self.detail_response(pk)

    @extend_schema(request=None, responses=RemindedSerializer)
    @action(detail=True, methods=["post"])
    @refuses(signature_requests.SignatureRequestOver)
    def remind(self, request: Request, pk: int) -> Response:
        """Ask those who have not signed once more, each at most once an hour. Earlier links end."""
        with transaction.atomic():
            count = signature_requests.signature_request_remind(request=self._locked(), actor=self.caller)
        return Response({"reminded": count})

    @extend_schema(request=SignInputSerializer, responses=SignatureRequestSerializer)
    @action(detail=True, methods=["post"])
    @refuses(
        signature_requests.SignatureRequestOver, signing.SigningLinkUsed, signing.NotYourTurn, Quarantined
    )
    def sign(self, request: Request, pk: int) -> Response:
        """Sign. When all have, the signed file follows as the document's next version.

        Sending this agrees to what `consent_text` of the signing page says.
        """
        signer = signing.signer_of(self.get_object(), self.caller)
        data = self._validated()
        with transaction.atomic():
            signing.signer_sign(
                signer=signer,
                place=place_of(request, by_link=False),
                drawing=data.get("signature"),
                typed_name=data.get("typed_name", ""),
            )
            return self.detail_response(pk)

    @extend_schema(request=DeclineSerializer, responses=SignatureRequestSerializer)
    @action(detail=True, methods=["post"])
    @refuses(
        signature_requests.SignatureRequestOver, signing.SigningLinkUsed, signing.NotYourTurn, Quarantined
    )
    def decline(self, request: Request, pk: int) -> Response:
        """Decline to sign, which ends the request for everyone."""
        signer = signing.signer_of(self.get_object(), self.caller)
        data = self._validated()
        with transaction.atomic():
            signing.signer_decline(signer=signer, **data)
            return self.detail_response(pk)

    @extend_schema(responses=PDF, filters=False)
    @action(detail=True, renderer_classes=[FileRenderer])
    @touches("documents")
    @sends_file
    @refuses(RangeNotSatisfiable, Quarantined, NotScannedYet)
    def file(self, request: Request, pk: int) -> HttpResponseBase:
        """Read the file: the signed one when there is one, else the one to be signed."""
        found = self.get_object()
        signing.seen_by(found, self.caller)
        return version_file(request, found.signed_version or found.version, inline=True)

    @extend_schema(responses=VerificationSerializer, filters=False)
    @action(detail=True)
    def verify(self, request: Request, pk: int) -> Response:
        """Look whether everything is as it was signed: the document, the records, the drawings, the seal."""
        checks = sealing.request_verify(self.get_object())
        data = {"is_intact": all(check.is_intact for check in checks), "checks": checks}
        return Response(VerificationSerializer(data).data)

    def _locked(self) -> SignatureRequest:
        found: SignatureRequest = self.get_locked_object()
        return found

    def _validated(self) -> dict[str, Any]:
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


@extend_schema(tags=["documents"])
class DocumentSignatureViewSet(ChildMixin, ScopedViewSet):
    """Signatures of a document."""

    queryset = SignatureRequest.objects.all()
    parent_model = Document
    parent_field = "document"
    policy = SIGNATURE_REQUESTS
    serializer_class = SignatureRequestSerializer
    serializer_classes = {"create": SignatureRequestInputSerializer}
    querysets = {"retrieve": _with_signers}
    filter_backends = ()
    ordering = ["-id"]

    @extend_schema(responses={201: SignatureRequestSerializer})
    @touches("documents")
    @refuses(signature_requests.CannotBeSigned)
    def create(self, request: Request, document_id: int) -> Response:
        """Ask people to sign the current version, a PDF: users with their login, all by a link in a mail."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            rows = Document.objects.select_related("application", "current__file")
            document = rows.lock().get(pk=self.parent.pk)
            made = signature_requests.signature_request_create(
                document=document, actor=self.caller, **serializer.validated_data
            )
            return Response(self.representation(made.pk), status=201)
