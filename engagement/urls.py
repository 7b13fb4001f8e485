"""Addresses of leads, interactions, appointments and reviews."""

from django.urls import path

from crm_backend.common.routers import Router
from engagement.views.appointments import (
    AppointmentViewSet,
    CalendarLinkView,
    CalendarView,
    OfficeHoursViewSet,
)
from engagement.views.interactions import InteractionViewSet
from engagement.views.leads import LeadViewSet
from engagement.views.reviews import ReviewViewSet

router = Router()
router.register("leads", LeadViewSet, basename="lead")
# --- appointments, interactions, reviews ---
router.register("appointments", AppointmentViewSet, basename="appointment")
router.register("office-hours", OfficeHoursViewSet, basename="office-hours")
router.register("interactions", InteractionViewSet, basename="interaction")
router.register("reviews", ReviewViewSet, basename="review")

urlpatterns = [
    path("appointments/calendar.ics", CalendarView.as_view(), name="appointment-calendar"),
    path("appointments/calendar-link/", CalendarLinkView.as_view(), name="appointment-calendar-link"),
    *router.urls,
]
