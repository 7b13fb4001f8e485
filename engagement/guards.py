"""Which events of this app are not read by everybody who sees what they happened to."""

from typing import Any

from django.db.models import BigIntegerField, Exists, OuterRef, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from applications.models import Application
from engagement import events
from engagement.models import Appointment
from engagement.models.appointments import ALONE
from events.guards import register
from events.registry import REGISTRY
from users.choices import Role


def of_visible_appointment(user: Any) -> Q | None:
    """Of a borrower whom several branches share, each reads of the appointments that it sees.

    Those of a lead or an application are read by who sees that. One that was deleted is read by whom it was
    told, and by who did it.
    """
    scope = ALONE.get(user.role)
    if scope is None:
        return None
    number = KeyTextTransform("appointment_id", OuterRef("data"))
    rows = Appointment.objects.filter(pk=Cast(number, BigIntegerField()))
    seen = rows.filter(scope.rows(rows, user)).order_by()
    told = Q(actor=user.pk) | Q(recipients__contains=[user.pk])
    return ~Q(subject_type="borrower") | told | Q(Exists(seen))


def of_visible_application(user: Any) -> Q | None:
    """A lead may be given to somebody who does not see the application that it became."""
    if user.role == Role.ADMIN:
        return None
    visible = Application.objects.visible_to(user).filter(pk=OuterRef("application_id"))
    return Q(Exists(visible.order_by()))


register(tuple(sorted(name for name in REGISTRY if name.startswith("appointment."))), of_visible_appointment)
register((events.LeadConverted.type,), of_visible_application)
