"""Reading leads: their lists, their timelines, and the figures of the funnel."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.db.models import Avg, Count, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.utils import timezone

from applications.models import Application, ApplicationBorrower
from borrowers.models import Borrower
from crm_backend.common.figures import days, mean, percent
from engagement.choices import ANSWERS, TALKS, AppointmentStatus, Direction, LeadSource, LeadStatus
from engagement.hours import Hours, Span, free_slots, open_spans
from engagement.models import Appointment, Interaction, Lead, OfficeHours
from events.models import Event
from events.registry import Audience
from events.selectors import happened
from users.choices import Role
from users.models import User

# --- leads ------------------------------------------------------------------------------------

DEFINITIONS = {
    "total": "Visible leads that came in on the days asked for, which are the lender's.",
    "by_status": "Of these, by their present status.",
    "by_source": "Of these, by their source: all, converted, and converted in percent of all.",
    "by_assignee": "Of these, by whose they are now; null is nobody's.",
    "converted": "Those that became an application, whatever came of it.",
    "conversion_rate": "Converted in percent of all; null where there are none.",
    "win_rate": "Won in percent of won and lost; null where there are neither.",
    "average_days_to_convert": "From coming in to the conversion, in days of 24 hours; null without any.",
}
_CONVERTED = Count("pk", filter=Q(converted_at__isnull=False))


def for_list(leads: QuerySet[Any]) -> QuerySet[Any]:
    """Leads as list rows show them."""
    return leads.select_related("assignee", "branch")


def for_detail(leads: QuerySet[Any]) -> QuerySet[Any]:
    """Leads as details show them."""
    return leads.select_related("assignee", "branch", "partnership", "borrower", "application", "created_by")


def with_known(leads: QuerySet[Any], *, reader: Any) -> QuerySet[Any]:
    """Leads, and as `application_known` whether the reader sees the application, if there is one."""
    visible = Application.objects.visible_to(reader).filter(pk=OuterRef("application")).order_by()
    return leads.annotate(application_known=Q(application=None) | Exists(visible))


def conversations(lead_ids: Collection[int]) -> dict[int, int]:
    """How often leads were talked with, by lead; those never talked with are left out."""
    outside = Q(kind__in=TALKS) & ~Q(direction=Direction.INTERNAL)
    answers = Q(kind__in=ANSWERS, direction=Direction.INBOUND)
    rows = Interaction.objects.filter(outside | answers, lead__in=lead_ids).order_by()
    return dict(rows.values_list("lead").annotate(n=Count("pk")))


def timeline(lead: Lead, *, user: Any, reader: Audience) -> QuerySet[Event]:
    """What happened to a lead, latest first; `actor_known` says whether the user may see who did it."""
    known = get_user_model().objects.visible_to(user).filter(pk=OuterRef("actor_id"))
    about = Q(subject_type="lead", subject_id=lead.pk)
    return happened(about, user=user, reader=reader).annotate(actor_known=Exists(known))


def funnel(leads: QuerySet[Any]) -> dict[str, Any]:
    """The figures of some leads, as `DEFINITIONS` says; rates are percent with two decimals."""
    leads = leads.order_by()
    took = ExpressionWrapper(F("converted_at") - F("created_at"), output_field=DurationField())
    whole = leads.aggregate(
        total=Count("pk"),
        converted=_CONVERTED,
        won=Count("pk", filter=Q(status=LeadStatus.WON)),
        lost=Count("pk", filter=Q(status=LeadStatus.LOST)),
        took=Avg(took),
    )
    statuses = dict(leads.values_list("status").annotate(n=Count("pk")))
    sources = {row["source"]: row for row in leads.values("source").annotate(n=Count("pk"), done=_CONVERTED)}
    people = leads.values("assignee", "assignee__first_name", "assignee__last_name")
    return {
        "total": whole["total"],
        "converted": whole["converted"],
        "won": whole["won"],
        "lost": whole["lost"],
        "conversion_rate": percent(whole["converted"], whole["total"]),
        "win_rate": percent(whole["won"], whole["won"] + whole["lost"]),
        "average_days_to_convert": days(whole["took"]),
        "by_status": {status: statuses.get(status, 0) for status in LeadStatus.values},
        "by_source": [_of_source(source, sources.get(source)) for source in LeadSource.values],
        "by_assignee": [
            {
                "assignee": row["assignee"],
                "assignee_name": _name(row),
                "total": row["n"],
                "converted": row["done"],
                "conversion_rate": percent(row["done"], row["n"]),
            }
            for row in people.annotate(n=Count("pk"), done=_CONVERTED).order_by("-n", "assignee")
        ],
        "definitions": DEFINITIONS,
    }


def _of_source(source: str, row: Any) -> dict[str, Any]:
    total, converted = (row["n"], row["done"]) if row else (0, 0)
    rate = percent(converted, total)
    return {"source": source, "total": total, "converted": converted, "conversion_rate": rate}


def _name(row: Any) -> str | None:
    if row["assignee"] is None:
        return None
    return f"{row['assignee__first_name']} {row['assignee__last_name']}".strip()


# --- appointments and reviews ---

HOSTS = (Role.ADMIN, Role.BD, Role.BROKER)
# How far back the feed of a calendar goes.
FEED_SINCE = timedelta(days=90)


def place_of(row: Appointment | Interaction) -> dict[str, Any]:
    """In whose timeline an event of a row belongs: the lead's, the borrower's, or the application's."""
    return {"subject": row.lead or row.borrower or row, "application_id": row.application_id}


def guest_logins(appointment: Appointment) -> list[int]:
    """Ids of the users of the guest; a lead has none."""
    if appointment.application_id:
        links = ApplicationBorrower.objects.filter(application=appointment.application_id)
        found = Borrower.objects.filter(pk__in=links.values("borrower"))
    elif appointment.borrower_id:
        found = Borrower.objects.filter(pk=appointment.borrower_id)
    else:
        return []
    ids = found.filter(user__isnull=False).values("user")
    return list(User.objects.active().filter(pk__in=ids).values_list("pk", flat=True))


def office_hours(host: User) -> list[Hours]:
    """A host's hours, as the pure rules know them."""
    rows = OfficeHours.objects.filter(host=host)
    names = ("weekday", "opens_at", "closes_at", "valid_from", "valid_until")
    return [Hours(*row) for row in rows.values_list(*names)]


def open_between(host: User, first: date, last: date) -> list[Span]:
    """The office hours of some days, by the host's clock."""
    return open_spans(office_hours(host), first, last, ZoneInfo(host.timezone))


def availability(
    host: User, *, first: date, last: date, minutes: int, buffer: int, now: datetime
) -> Iterable[Span]:
    """Slots of so many minutes that are free and to come, on days by the host's clock."""
    spans = open_between(host, first, last)
    if not spans:
        return []
    margin = timedelta(minutes=buffer)
    busy = Appointment.objects.filter(
        host=host,
        status=AppointmentStatus.SCHEDULED,
        starts_at__lt=spans[-1][1] + margin,
        ends_at__gt=spans[0][0] - margin,
    ).values_list("starts_at", "ends_at")
    slots = free_slots(spans, list(busy), timedelta(minutes=minutes), buffer=margin)
    return [slot for slot in slots if slot[0] > now]


def on_calendar_of(user: User) -> QuerySet[Appointment]:
    """What a calendar of a user shows: where they are host or guest, lately and to come."""
    mine = ApplicationBorrower.objects.filter(borrower__user=user).values("application")
    takes_part = Q(host=user) | Q(borrower__user=user) | Q(application__in=mine)
    since = timezone.now() - FEED_SINCE
    rows = Appointment.objects.filter(takes_part, starts_at__gte=since)
    return rows.select_related("host").order_by("starts_at", "pk")


STARS = range(1, 6)


def review_summary(reviews: Any) -> dict[str, Any]:
    """Count, average to 2 decimals (half up) and distribution of the reviews that are not hidden."""
    rows = reviews.filter(hidden_at=None).order_by().values_list("rating").annotate(n=Count("pk"))
    counts = dict(rows)
    count = sum(counts.values())
    stars = sum(rating * n for rating, n in counts.items())
    return {
        "count": count,
        "average": mean(stars, count),
        "distribution": [{"rating": rating, "count": counts.get(rating, 0)} for rating in STARS],
    }
