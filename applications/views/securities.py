"""Securities of an application."""

from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema

from applications.events import SecurityChanged
from applications.models import Application, Security
from applications.permissions import APPLICATIONS, SECURITIES
from applications.serializers.securities import SecuritySerializer
from crm_backend.common.viewsets import CrudViewSet
from events.services import emit


@extend_schema(tags=["applications"])
class SecurityViewSet(CrudViewSet):
    """What secures an application."""

    queryset = Security.objects.select_related("application")
    policy = SECURITIES
    serializer_class = SecuritySerializer
    filter_backends = ()
    ordering = ["id"]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """After the caller is known, find the application in the address."""
        super().initial(request, *args, **kwargs)
        self.application = self._find_application()

    def check_visible(self) -> None:
        """The application is looked for first."""
        self._find_application()
        super().check_visible()

    def narrow(self, queryset: Any) -> Any:
        """Only those of the application in the address."""
        return queryset.filter(application_id=self.kwargs["application_id"]).order_by("id")

    def perform_create(self, serializer: Any) -> models.Model:
        """Add a security."""
        APPLICATIONS.check("update", self.caller, self.application)
        security = serializer.save(application=self.application)
        self._tell(security, "added")
        return security

    def perform_update(self, serializer: Any) -> None:
        """Edit a security."""
        self._tell(serializer.save(), "changed")

    def perform_destroy(self, obj: Any) -> None:
        """Remove a security."""
        self._tell(obj, "removed")
        obj.delete()

    def _tell(self, security: Any, what: str) -> None:
        emit(
            SecurityChanged(
                reference=self.application.reference_number,
                security_id=security.pk,
                security=str(security),
                what=what,
            ),
            actor=self.caller,
            subject=self.application,
            application_id=self.application.pk,
        )

    def _find_application(self) -> Application:
        visible = Application.objects.visible_to(self.caller)
        return get_object_or_404(visible, pk=self.kwargs["application_id"])
