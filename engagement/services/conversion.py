"""From a lead to a borrower and an application, and what the application means for the lead."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from applications.models import Application
from applications.services.cascade import application_create_with_cascade
from borrowers.choices import PartyType
from borrowers.models import Borrower
from borrowers.selectors import REASONS, Likeness, duplicates
from brokers.models import Bdm, Broker
from crm_backend.common.errors import Conflict, InvalidInput
from engagement.choices import LeadStatus
from engagement.events import LeadConverted
from engagement.models import Lead
from engagement.services.leads import lead_move, move_for
from engagement.stages import By, status_for
from events.services import emit
from users.choices import Role

CANDIDATES_SHOWN = 10


class AlreadyConverted(Conflict):
    """The lead became an application already, or is at an end."""

    code = "lead_not_convertible"
    title = "The lead cannot be converted"


class PossibleDuplicate(Conflict):
    """Borrowers who may be the same are there; `candidates` names them, each with its reasons."""

    code = "possible_duplicate"
    title = "The borrower may be there already"


def lead_convert(
    *, lead: Lead, actor: Any, borrower: Borrower | None = None, force_new: bool = False, **terms: Any
) -> Lead:
    """Open an application for a lead, with a borrower of its own or one who is there; lock the row first.

    All in one transaction, or nothing. `terms` are those of the application; what is left out is the lead's.

    Raises:
        AlreadyConverted: it was converted, won or lost.
        PossibleDuplicate: visible borrowers are like it, and neither one of them nor `force_new` is given.
        InvalidInput: `loan_amount` is not known, or see `application_create`.
    """
    move = move_for(lead, LeadStatus.APPLICATION_STARTED, By.CONVERSION)
    if move is None or lead.converted_at is not None:
        status = str(lead.get_status_display()).lower()
        raise AlreadyConverted(f"A lead that is {status} is not converted.")
    birth_date = terms.pop("date_of_birth", None)
    person = {"first_name": lead.first_name, "last_name": lead.last_name, "date_of_birth": birth_date}
    if borrower is None and not force_new:
        _refuse_duplicates(lead, person, actor)
    new = {
        **person,
        "borrower_type": PartyType.INDIVIDUAL,
        "email": lead.email,
        "phone": lead.phone,
        "state": lead.state,
        "employer": lead.company_name,
        "annual_income": lead.annual_income,
        "referral_source": str(lead.get_source_display()),
    }
    with transaction.atomic():
        made = application_create_with_cascade(
            actor=actor,
            application={**_terms_of(lead, terms), "borrowers": [borrower] if borrower else []},
            borrowers=[] if borrower else [new],
        )
        # One who was given is not read again: who is merged away meanwhile is refused at the commit.
        party = borrower or made.borrower_links.select_related("borrower").get().borrower
        lead.borrower, lead.application, lead.converted_at = party, made, timezone.now()
        lead_move(
            lead=lead,
            to=LeadStatus.APPLICATION_STARTED,
            actor=actor,
            move=move,
            also=["borrower", "application", "converted_at"],
        )
        converted = LeadConverted(
            name=lead.full_name,
            reference=made.reference_number,
            borrower_id=party.pk,
            is_new_borrower=borrower is None,
        )
        emit(converted, actor=actor, subject=lead, application_id=made.pk)
    return lead


def _refuse_duplicates(lead: Lead, person: dict[str, Any], actor: Any) -> None:
    likeness = Likeness(email=lead.email, **person)
    found = list(duplicates(Borrower.objects.visible_to(actor), likeness, reader=actor)[:CANDIDATES_SHOWN])
    if found:
        candidates = [
            {
                "id": row.pk,
                "display_name": row.display_name,
                "reasons": [reason for reason in REASONS if getattr(row, f"same_{reason}", False)],
            }
            for row in found
        ]
        raise PossibleDuplicate(
            "There are borrowers like this one. Name one as `borrower`, or send `force_new`.",
            extra={"candidates": candidates},
        )


def _terms_of(lead: Lead, terms: dict[str, Any]) -> dict[str, Any]:
    """The application's terms: what is given, else the lead's; and who is responsible for it."""
    merged = dict(terms)
    for name in ("loan_amount", "application_type", "purpose"):
        if merged.get(name) is None and getattr(lead, name):
            merged[name] = getattr(lead, name)
    if lead.partnership is not None:
        merged |= {"referral_partner": lead.partnership, "is_referral_agreed": True}
    if merged.get("loan_amount") is None:
        raise InvalidInput.field("loan_amount", "The lead does not say how much. Give the amount.")
    if lead.assignee is not None and lead.assignee.role == Role.BD:
        merged["bd"] = Bdm.objects.select_related("branch", "user").filter(user=lead.assignee).first()
    if lead.assignee is not None and lead.assignee.role == Role.BROKER:
        merged["broker"] = Broker.objects.select_related("branch", "user").filter(user=lead.assignee).first()
    return {**merged, "branch": lead.branch}


@transaction.atomic
def leads_follow_applications(application_ids: Collection[int]) -> None:
    """Make the leads of some applications what those are now: won, lost, or on their way.

    It looks at the application's present stage, not at what an event tells, so repeats and events out of
    order come to the same end.
    """
    for lead in Lead.objects.filter(application__in=application_ids).lock():
        application = Application.objects.get(pk=lead.application_id)
        _follow(lead, status_for(application.stage), f"Application {application.get_stage_display().lower()}")


@transaction.atomic
def leads_lose_deleted() -> None:
    """Lose the leads whose application was deleted."""
    gone = Lead.objects.filter(status=LeadStatus.APPLICATION_STARTED, application=None)
    for lead in gone.lock():
        _follow(lead, LeadStatus.LOST, "Application deleted")


def _follow(lead: Lead, to: LeadStatus, reason: str) -> None:
    move = move_for(lead, to, By.APPLICATION)
    if move is not None:
        told = reason if to == LeadStatus.LOST else ""
        lead_move(lead=lead, to=to, actor=None, move=move, reason=told)
