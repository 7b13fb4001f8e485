"""Signatures on an application."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application, Signature
from applications.permissions import SIGNATURES
from applications.serializers.signatures import SignatureSerializer, SignSerializer
from applications.services.signatures import application_sign
from crm_backend.common.clients import address_of
from crm_backend.common.renderers import PNGRenderer
from crm_backend.common.throttling import UploadThrottle
from crm_backend.common.viewsets import (
    ApiView,
    ChildMixin,
    CreateMixin,
    ListMixin,
    RetrieveMixin,
    ScopedViewSet,
)


def _without_image(signatures: Any) -> Any:
    return signatures.select_related("signed_by").defer("image")


@extend_schema(tags=["applications"])
class SignatureViewSet(ChildMixin, ListMixin, RetrieveMixin, CreateMixin, ScopedViewSet):
    """Who signed an application."""

    queryset = Signature.objects.all()
    parent_model = Application
    parent_field = "application"
    policy = SIGNATURES
    serializer_class = SignatureSerializer
    serializer_classes = {"create": SignSerializer}
    querysets = {"list": _without_image, "retrieve": _without_image}
    filter_backends = ()
    ordering = ["-id"]
    throttle_classes = (*ApiView.throttle_classes, UploadThrottle)

    def perform_create(self, serializer: Any) -> Signature:
        """Sign the application as it is now, and until the end of the transaction."""
        data = serializer.validated_data
        return application_sign(
            application=Application.objects.lock().get(pk=self.parent.pk),
            actor=self.caller,
            drawing=data["signature"],
            name=data["name"],
            signature_date=data.get("signature_date") or timezone.localdate(),
            ip_address=address_of(self.request),
            user_agent=self.request.headers.get("User-Agent", ""),
        )

    @extend_schema(responses=OpenApiTypes.BINARY)
    @action(detail=True, renderer_classes=[PNGRenderer])
    def image(self, request: Request, application_id: int, pk: int) -> Response:
        """Read the image as it was drawn."""
        headers = {"Content-Disposition": f'inline; filename="signature-{pk}.png"'}
        return Response(self.get_object().image, headers=headers)
