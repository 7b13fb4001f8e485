"""Addresses under `/api/users/`, where clients know notifications."""

from django.urls import path

from crm_backend.common.routers import Router
from notifications.views import NotificationViewSet, PreferencesView

router = Router()
router.register("notifications", NotificationViewSet, basename="notification")

urlpatterns = [
    *router.urls,
    path("notification-preferences/", PreferencesView.as_view(), name="notification-preferences"),
]
