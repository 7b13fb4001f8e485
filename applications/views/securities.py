"""Securities of an application."""

from typing import Any

from drf_spectacular.utils import extend_schema

from applications.models import Application, Security
from applications.permissions import APPLICATIONS, SECURITIES
from applications.serializers.securities import SecuritySerializer
from applications.services import securities
from crm_backend.common.viewsets import ChildMixin, CrudViewSet


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

    def perform_create(self, serializer: Any) -> Any:
        """Add a security, as far as the caller may change the application."""
        application = self._lock_application()
        APPLICATIONS.check("update", self.caller, application)
        return securities.security_add(
            application=application, actor=self.caller, **serializer.validated_data
        )

    def perform_update(self, serializer: Any) -> None:
        """Edit a security."""
        serializer.instance.application = self._lock_application()
        self.check_object_permissions(self.request, serializer.instance)
        data = serializer.validated_data
        securities.security_update(security=serializer.instance, actor=self.caller, **data)

    def perform_destroy(self, obj: Any) -> None:
        """Remove a security."""
        obj.application = self._lock_application()
        self.check_object_permissions(self.request, obj)
        securities.security_remove(security=obj, actor=self.caller)

    def _lock_application(self) -> Application:
        """The parent as it is now, and until the end of the transaction: it cannot be submitted meanwhile."""
        application: Application = Application.objects.lock().get(pk=self.parent.pk)
        return application
