"""Addresses of servicing."""

from crm_backend.common.routers import Router
from servicing.views.schedules import ScheduleViewSet

router = Router()
router.register("schedules", ScheduleViewSet, basename="schedule")

urlpatterns = [*router.urls]
