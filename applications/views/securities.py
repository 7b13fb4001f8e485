"""Securities of an application."""

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema

from applications.events import SecurityChanged
from applications.models import Application, Security
from applications.permissions import APPLICATIONS, SECURITIES
from applications.serializers.securities import SecuritySerializer
from crm_backend.common.viewsets import ChildMixin, CrudViewSet
from events.services import emit


@extend_schema(tags=["applications"])
class SecurityViewSet(ChildMixin, CrudViewSet):
    """What secures an application."""

    queryset = Security.objects.select_related("application")
    parent_model = Application
    parent_field = "application"
    policy = SECURITIES
    serializer_class = SecuritySerializer
    filter_backends = ()
    ordering = ["id"]

    def perform_create(self, serializer: Any) -> models.Model:
        """Add a security."""
        APPLICATIONS.check("update", self.caller, self.parent)
        security = serializer.save(application=self.parent)
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
                reference=self.parent.reference_number,
                security_id=security.pk,
                security=str(security),
                what=what,
            ),
            actor=self.caller,
            subject=self.parent,
            application_id=self.parent.pk,
        )
