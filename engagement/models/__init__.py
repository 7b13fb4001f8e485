"""The rows of this app: `leads`, `appointments` (with office hours), `interactions`, `reviews`."""

from engagement.models.appointments import Appointment, AppointmentMove, CalendarLink, OfficeHours
from engagement.models.interactions import Interaction
from engagement.models.leads import Lead, LeadTurn
from engagement.models.reviews import Review

__all__ = [
    "Appointment",
    "AppointmentMove",
    "CalendarLink",
    "Interaction",
    "Lead",
    "LeadTurn",
    "OfficeHours",
    "Review",
]
