"""Addresses under `/api/users/`, where clients know notifications."""

from django.urls import path

from crm_backend.common.routers import Router
from notifications.views import (
    MailLogViewSet,
    NotificationViewSet,
    PreferencesView,
    UnsubscribeView,
)

router = Router()
router.register("notifications", NotificationViewSet, basename="notification")
router.register("mail-log", MailLogViewSet, basename="mail-log")

urlpatterns = [
    *router.urls,
    path("notification-preferences/", PreferencesView.as_view(), name="notification-preferences"),
    path("unsubscribe/", UnsubscribeView.as_view(), name="unsubscribe"),
]
