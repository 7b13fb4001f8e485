"""Addresses of the audit log and the event types."""

from django.urls import path

from crm_backend.common.routers import Router
from events.views import AuditLogViewSet, EventTypesView

router = Router()
router.register("audit-logs", AuditLogViewSet, basename="audit-log")

urlpatterns = [*router.urls, path("events/types/", EventTypesView.as_view(), name="event-types")]
