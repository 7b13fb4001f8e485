"""What is to come and what was said around the demo logins, and a borrower who was there twice.

Not part of the book: it is written by the services and as of now, since what is to come depends on the day on
which the demo is looked at.
"""

from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from applications.models import Application
from borrowers.events import BORROWER
from borrowers.merging import borrower_merge
from borrowers.models import Borrower, BorrowerMerge
from brokers.choices import PartnershipStatus
from brokers.models import Partnership
from brokers.services import partnership_change_status
from demo.paperwork import tell_pending
from demo.people import DEMO_EMAILS
from engagement.choices import AppointmentKind, Direction, HoursKind, InteractionKind
from engagement.events import OFFICE_HOURS
from engagement.models import Appointment, Lead, OfficeHours, Review
from engagement.selectors import availability
from engagement.services.appointments import appointment_book, appointment_cancel
from engagement.services.interactions import interaction_log
from engagement.services.reviews import review_respond, review_write
from engagement.stages import WORKED_ON
from events.services import emit
from servicing.dates import business_date
from users.choices import Role
from users.models import User

AHEAD = 6  # days in which something is free


def write_relations() -> dict[str, int]:
    """Write it, if there is a demo client; how many of each."""
    people = {user.role: user for user in User.objects.filter(email__in=DEMO_EMAILS.values())}
    if Role.CLIENT not in people:
        return {}
    with transaction.atomic():
        _leave(people[Role.BD])
        _meet(people)
        _review(people)
        _merge(people[Role.ADMIN], people[Role.BD])
        _rest_partners(people[Role.ADMIN])
    tell_pending()
    return {
        "appointments to come": Appointment.objects.filter(starts_at__gt=timezone.now()).count(),
        "reviews": Review.objects.count(),
        "merged borrowers": BorrowerMerge.objects.count(),
    }


def _leave(host: User) -> None:
    """The BDM is away for some days, and stays longer on one before."""
    first = business_date() + timedelta(days=21)
    days: tuple[dict[str, Any], ...] = (
        {"kind": HoursKind.CLOSED, "valid_from": first, "valid_until": first + timedelta(days=4)},
        {
            "kind": HoursKind.EXTRA,
            "opens_at": time(18),
            "closes_at": time(20),
            "valid_from": first - timedelta(days=7),
            "valid_until": first - timedelta(days=7),
        },
    )
    for fields in days:
        row = OfficeHours.objects.create(host=host, **fields)
        emit(OFFICE_HOURS.created(label=str(row)), actor=host, subject=row)


def _meet(people: dict[str, User]) -> None:
    """Of the client with the BDM, of the broker with a lead, and one that will not take place."""
    bd, broker, client = people[Role.BD], people[Role.BROKER], people[Role.CLIENT]
    going = (
        Application.objects.filter(borrower_links__borrower__user=client, loan=None).order_by("-pk").first()
    )
    if going is not None and going.bd is not None and going.bd.user_id == bd.pk:
        _book(bd, client, AppointmentKind.VIDEO, "The offer, line by line", application=going)
        interaction_log(
            author=bd,
            application=going,
            kind=InteractionKind.CALL,
            direction=Direction.OUTBOUND,
            subject="The offer",
            body="Asked about the fees; wants to talk about it with a partner.",
            next_step="Go through it together.",
            occurred_at=timezone.now() - timedelta(hours=3),
            duration_minutes=14,
        )
    for host in (broker, bd):
        lead = Lead.objects.filter(assignee=host, status__in=WORKED_ON).order_by("-created_at", "-pk").first()
        if lead is not None:
            _book(host, host, AppointmentKind.PHONE, f"Call with {lead.full_name}", lead=lead)
    borrower = Borrower.objects.filter(user=client).first()
    if borrower is not None:
        made = _book(bd, bd, AppointmentKind.OFFICE, "Yearly review", borrower=borrower)
        appointment_cancel(appointment=made, actor=bd, reason="The client is on holiday.")


def _book(host: User, actor: User, kind: AppointmentKind, title: str, **guest: Any) -> Appointment:
    """The first time of the host that is free from tomorrow on."""
    now = timezone.now()
    today = now.astimezone(ZoneInfo(host.timezone)).date()
    first, last = today + timedelta(days=1), today + timedelta(days=AHEAD)
    slots = availability(host, first=first, last=last, minutes=45, buffer=0, now=now)
    starts_at, ends_at = next(iter(slots))
    link = "https://meet.example.com/offer" if kind == AppointmentKind.VIDEO else ""
    return appointment_book(
        host=host,
        actor=actor,
        title=title,
        kind=kind,
        link=link,
        starts_at=starts_at,
        ends_at=ends_at,
        **guest,
    )


def _review(people: dict[str, User]) -> None:
    """The client's word on the settled loan, and the broker's answer."""
    client = people[Role.CLIENT]
    mine = Application.objects.filter(borrower_links__borrower__user=client, loan__isnull=False)
    settled = mine.order_by("pk").first()
    if settled is None or not settled.is_settled:
        return
    review = review_write(
        application=settled,
        author=client,
        rating=5,
        title="Always reachable",
        body="Whenever I had a question, somebody called back the same day.",
    )
    review_respond(review=review, actor=people[Role.BROKER], response="Thank you, we enjoyed it as well.")


def _merge(admin: User, bd: User) -> None:
    """A borrower of the BDM was entered twice."""
    theirs = Borrower.objects.filter(user=None, borrower_type="individual", applications__bd__user=bd)
    survivor = theirs.order_by("-pk").first()
    if survivor is None:
        return
    twin = Borrower.objects.create(
        borrower_type=survivor.borrower_type,
        first_name=survivor.first_name,
        last_name=survivor.last_name,
        date_of_birth=survivor.date_of_birth,
        email=survivor.email,
        phone=survivor.phone,
        state=survivor.state,
        created_by=admin,
    )
    emit(BORROWER.created(label=str(twin)), actor=admin, subject=twin)
    interaction_log(
        author=admin,
        borrower=twin,
        kind=InteractionKind.CALL,
        direction=Direction.INBOUND,
        subject="Asked about a second loan",
        occurred_at=timezone.now() - timedelta(hours=1),
    )
    borrower_merge(
        survivor=survivor, duplicate=twin, actor=admin, keep={}, reason="The same person, entered twice."
    )


def _rest_partners(admin: User) -> None:
    """One partnership rests and one is over; who they referred stays referred by them."""
    ends: tuple[tuple[PartnershipStatus, str], ...] = (
        (PartnershipStatus.PAUSED, "Nobody referred since spring."),
        (PartnershipStatus.ENDED, "The firm was sold."),
    )
    active = Partnership.objects.filter(status=PartnershipStatus.ACTIVE).order_by("-pk")
    for partnership, (status, reason) in zip(active[: len(ends)], ends, strict=False):
        partnership_change_status(partnership=partnership, actor=admin, status=status, reason=reason)
