"""Signing without a login: whoever has the link of a mail; and what providers tell."""

import hashlib
import hmac
import time
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from crm_backend.common.errors import DomainError
from crm_backend.common.renderers import FileRenderer
from crm_backend.common.schema_replies import refuses, sends_file
from crm_backend.common.throttling import AuthThrottle
from crm_backend.common.viewsets import ApiView
from documents.errors import NotScannedYet, Quarantined
from documents.models import Signer
from documents.serializers.signing import (
    DeclineByLinkSerializer,
    DeliverySerializer,
    LinkSerializer,
    ReceivedSerializer,
    SignByLinkSerializer,
    SigningSerializer,
)
from documents.services import outside, signing
from documents.services.signature_requests import SignatureRequestOver
from documents.views.files import version_file
from documents.views.signing import place_of

# How far a provider's clock, and its message on its way, may be from ours, seconds.
TOLERANCE = 300
TIMESTAMP, DELIVERY, SIGNATURE = "Signature-Timestamp", "Signature-Delivery", "Signature"


class BadSignature(DomainError):
    """A message that is not the provider's, or not of now."""

    status = 401
    code = "bad_signature"
    title = "Bad signature"
    default_detail = "The signature of this message is missing, wrong or too old."


class LinkView(ApiView):
    """A view for whoever has a signing link; its token is in the body, which no log has."""

    public = "the token of a signing link stands for its signer"
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AuthThrottle,)

    def signer(self, serializer: BaseSerializer[Any]) -> Signer:
        """Whose link it is."""
        serializer.is_valid(raise_exception=True)
        return signing.signer_by_token(serializer.validated_data["token"])


def _shown(signer: Signer) -> dict[str, Any]:
    request, version = signer.request, signer.request.version
    return {
        "name": signer.name,
        "email": signer.email,
        "signer_status": signer.status,
        "status": request.status,
        "title": request.document.title,
        "file_name": version.name,
        "size": version.file.size,
        "sha256": version.file.sha256,
        "message": request.message,
        "requested_by": request.created_by.full_name,
        "lender": settings.LENDER_NAME,
        "expires_at": request.expires_at,
        "consent_text": signing.CONSENT,
    }


@extend_schema(tags=["signatures"])
class OpenLinkView(LinkView):
    """What a link is for."""

    @extend_schema(request=LinkSerializer, responses=SigningSerializer)
    @refuses(signing.SigningLinkUnknown, SignatureRequestOver)
    def post(self, request: Request) -> Response:
        """Read what a link is for: the document, who asks, and what to agree to."""
        signer = self.signer(LinkSerializer(data=request.data))
        signing.check_readable(signer)
        signing.signer_see(signer=signer)
        return Response(SigningSerializer(_shown(signer)).data)


@extend_schema(tags=["signatures"])
class LinkFileView(LinkView):
    """The file of a link."""

    renderer_classes: tuple[type[BaseRenderer], ...] = (FileRenderer,)

    @extend_schema(request=LinkSerializer, responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @sends_file
    @refuses(signing.SigningLinkUnknown, SignatureRequestOver, Quarantined, NotScannedYet)
    def post(self, request: Request) -> HttpResponseBase:
        """Read the file: the signed one when there is one, for thirty days, else the one to be signed."""
        signer = self.signer(LinkSerializer(data=request.data))
        signing.check_readable(signer)
        found = signer.request
        return version_file(request, found.signed_version or found.version, inline=True)


@extend_schema(tags=["signatures"])
class SignByLinkView(LinkView):
    """Signing by link."""

    @extend_schema(request=SignByLinkSerializer, responses=SigningSerializer)
    @refuses(
        signing.SigningLinkUnknown,
        signing.SigningLinkUsed,
        signing.NotYourTurn,
        SignatureRequestOver,
        Quarantined,
    )
    def post(self, request: Request) -> Response:
        """Sign, once. Sending this agrees to `consent_text`."""
        serializer = SignByLinkSerializer(data=request.data)
        signer = self.signer(serializer)
        data = serializer.validated_data
        signing.signer_sign(
            signer=signer,
            place=place_of(request, by_link=True),
            drawing=data.get("signature"),
            typed_name=data.get("typed_name", ""),
        )
        return Response(SigningSerializer(_shown(signing.signer_by_token(data["token"]))).data)


@extend_schema(tags=["signatures"])
class DeclineByLinkView(LinkView):
    """Declining by link."""

    @extend_schema(request=DeclineByLinkSerializer, responses=SigningSerializer)
    @refuses(
        signing.SigningLinkUnknown,
        signing.SigningLinkUsed,
        signing.NotYourTurn,
        SignatureRequestOver,
        Quarantined,
    )
    def post(self, request: Request) -> Response:
        """Decline to sign, which ends the request for everyone."""
        serializer = DeclineByLinkSerializer(data=request.data)
        signer = self.signer(serializer)
        data = serializer.validated_data
        signing.signer_decline(signer=signer, reason=data["reason"])
        return Response(SigningSerializer(_shown(signing.signer_by_token(data["token"]))).data)


def _header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True, description=description)


@extend_schema(tags=["signatures"])
class SignatureWebhookView(ApiView):
    """What an outside provider tells."""

    public = "the provider signs its messages with a secret that both know"
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        request=DeliverySerializer,
        responses=ReceivedSerializer,
        parameters=[
            _header(TIMESTAMP, "When it was sent: seconds since 1970."),
            _header(DELIVERY, "An id of the message; the same when it is sent again."),
            _header(SIGNATURE, "HMAC-SHA256 of `<timestamp>.<delivery>.<body>`, hexadecimal."),
        ],
    )
    @refuses(BadSignature, outside.NotKnownYet)
    def post(self, request: Request) -> Response:
        """Take a message of the provider, by the rules of docs/signatures.md; a repeated one does nothing."""
        body = request._request.body  # its very bytes, before they are read as JSON
        serializer = DeliverySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        delivery = self._checked(request, body)
        data = dict(serializer.validated_data)
        is_new = outside.delivery_take(
            name="http",
            delivery_id=delivery,
            external_id=data.pop("request"),
            event=data.pop("event"),
            data=data,
        )
        return Response({"is_new": is_new})

    def _checked(self, request: Request, body: bytes) -> str:
        """The id of a message that is the provider's and of now.

        Raises:
            BadSignature: it is not.
        """
        secret = settings.ESIGN_WEBHOOK_SECRET
        sent, delivery = request.headers.get(TIMESTAMP, ""), request.headers.get(DELIVERY, "")
        if not secret or not (sent.isascii() and sent.isdigit()) or not 0 < len(delivery) <= 100:
            raise BadSignature()
        message = b".".join((sent.encode(), delivery.encode("utf-8", "replace"), body))
        wanted = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
        given = request.headers.get(SIGNATURE, "")
        if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
            raise BadSignature()
        if len(sent) > 12 or abs(time.time() - int(sent)) > TOLERANCE:
            raise BadSignature()
        return delivery
