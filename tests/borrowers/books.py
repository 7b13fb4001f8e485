"""All that can refer to a borrower, and everything that is stored, for tests that compare."""

from decimal import Decimal
from typing import Any

from django.apps import apps
from django.utils import timezone

from applications.models import Application, ApplicationBorrower
from borrowers.links import LINKS, Link
from borrowers.models import Borrower, BorrowerMerge, DuplicatePair
from crm_backend.common.encryption import Secret
from engagement.models import Appointment, Interaction, Review
from events.models import Event
from tests.engagement.meetings import appointment_of
from tests.factories import (
    ApplicationFactory,
    AssetFactory,
    BorrowerFactory,
    GuarantorFactory,
    LeadFactory,
    LiabilityFactory,
    UserFactory,
    World,
)

# What a merge and its undoing leave behind on purpose.
TRAIL = {BorrowerMerge, Event}


def book() -> dict[tuple[str, Any], dict[str, Any]]:
    """Every row of every table, readable, but the trail and when a borrower was touched."""
    rows = {}
    for model in apps.get_models():
        if model in TRAIL or not model._meta.managed:
            continue
        for row in model._base_manager.all():
            columns = {}
            for field in model._meta.concrete_fields:
                value = getattr(row, field.attname)
                columns[field.attname] = value.reveal() if isinstance(value, Secret) else value
            if model is Borrower:
                columns.pop("updated_at")
            rows[(model._meta.label, row.pk)] = columns
    return rows


# --- a row of each kind -----------------------------------------------------------------------------


def place_of(borrower: Borrower, world: World, application: Application | None = None) -> None:
    """A place on an application, a new one unless given."""
    application = application or ApplicationFactory.create()
    taken = ApplicationBorrower.objects.filter(application=application).count()
    ApplicationBorrower.objects.create(application=application, borrower=borrower, position=taken)


def review_of(borrower: Borrower, world: World, application: Application | None = None) -> None:
    """A review of a loan, a new one unless given."""
    Review.objects.create(
        application=application or ApplicationFactory.create(),
        borrower=borrower,
        author=UserFactory.create(),
        rating=4,
        title="Good",
    )


def lead_of(borrower: Borrower, world: World) -> None:
    """A lead that became the borrower."""
    LeadFactory.create(borrower=borrower, converted_at=timezone.now())


def call_of(borrower: Borrower, world: World) -> None:
    """A call with the borrower."""
    Interaction.objects.create(
        borrower=borrower, author=world.admin, kind="call", subject="Payslips", occurred_at=timezone.now()
    )


def meeting_of(borrower: Borrower, world: World) -> None:
    """An appointment with the borrower."""
    made = appointment_of(world.ours.application, world.ours.bd_user)
    Appointment.objects.filter(pk=made.pk).update(application=None, borrower=borrower)


def pair_of(borrower: Borrower, world: World, *, is_older: bool = True) -> None:
    """A pair with another borrower, that somebody dismissed."""
    others = (world.ours.borrower, world.theirs.borrower)
    ids = sorted((borrower.pk, *(other.pk for other in others)))
    place = ids.index(borrower.pk)
    if is_older:
        second = BorrowerFactory.create()
        DuplicatePair.objects.create(
            first=borrower, second=second, reasons=["phone"], strength=1, found_at=timezone.now()
        )
    elif place:
        DuplicatePair.objects.get_or_create(
            first_id=ids[place - 1],
            second=borrower,
            defaults={
                "reasons": ["email", "person"],
                "strength": 2,
                "similarity": Decimal("0.75"),
                "found_at": timezone.now(),
                "dismissed_by": world.admin,
                "dismissed_at": timezone.now(),
            },
        )


# What refers to a borrower, by the link that moves it.
KINDS = {
    "applications.ApplicationBorrower.borrower": place_of,
    "borrowers.Asset.borrower": lambda borrower, world: AssetFactory.create(borrower=borrower),
    "borrowers.DuplicatePair.first": pair_of,
    "borrowers.DuplicatePair.second": lambda borrower, world: pair_of(borrower, world, is_older=False),
    "borrowers.Guarantor.borrower": lambda borrower, world: GuarantorFactory.create(borrower=borrower),
    "borrowers.Liability.borrower": lambda borrower, world: LiabilityFactory.create(borrower=borrower),
    "engagement.Appointment.borrower": meeting_of,
    "engagement.Interaction.borrower": call_of,
    "engagement.Lead.borrower": lead_of,
    "engagement.Review.borrower": review_of,
}


def followers() -> dict[str, Link]:
    """The links whose rows go over to the survivor, one each of `with_everything`."""
    return {name: link for name, link in LINKS.items() if link.model not in (BorrowerMerge, DuplicatePair)}


def with_everything(borrower: Borrower, world: World) -> None:
    """Give a borrower one row of each kind."""
    for make in KINDS.values():
        make(borrower, world)
