"""Addresses of reminders and alerts, which are no part of an account."""

from crm_backend.common.routers import Router
from notifications.views import AlertViewSet, ReminderViewSet

router = Router()
router.register("reminders", ReminderViewSet, basename="reminder")
router.register("alerts", AlertViewSet, basename="alert")

urlpatterns = router.urls
