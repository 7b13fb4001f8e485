"""Leads: coming in, being edited, moving from status to status."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields as fields_of
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from applications.services.applications import check_referral
from brokers.models import Bdm, Broker
from crm_backend.common.errors import Conflict, DomainError, InvalidInput
from crm_backend.common.models import changed_names
from engagement import scoring
from engagement.choices import TEMPERATURES, LeadSource, LeadStatus
from engagement.events import (
    LeadCreated,
    LeadDeleted,
    LeadStatusChanged,
    LeadSubmittedAgain,
    LeadUpdated,
)
from engagement.models import Lead
from engagement.selectors import conversations
from engagement.services.appointments import appointments_depart
from engagement.stages import MOVES, By, Move, legal_moves
from events.services import emit
from users.choices import Role

SCORED = ["score", "score_breakdown", "temperature"]
# What a form that is filled in by a program looks like.
LEAST_SECONDS = 3
MOST_LINKS = 2
UNKNOWN = (None, "")
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)


class IllegalLeadMove(Conflict):
    """There is no such move; `allowed_statuses` names the moves that there are."""

    code = "illegal_lead_move"
    title = "Illegal move of a lead"


class SpamSuspected(DomainError):
    """What was sent looks as if a program had filled the form in; nothing was written."""

    code = "spam_suspected"
    title = "This looks like spam"
    default_detail = "This looks as if a program had sent it. Write without links, and take your time."


def check_human(*, trap: str, seconds: float | None, texts: Mapping[str, str]) -> None:
    """Refuse what a program sent through a form.

    Args:
        trap: what was written into the field that people do not see.
        seconds: how long the form took, where it says so.
        texts: what people write, by field. Names have no links in them, the message a few.

    Raises:
        SpamSuspected: a person would not have sent this.
    """
    links = {name: len(_LINK.findall(text)) for name, text in texts.items()}
    in_message = links.pop("message", 0)
    signs = {
        "website": bool(trap),
        "form_seconds": seconds is not None and seconds < LEAST_SECONDS,
        "message": in_message > MOST_LINKS,
        **{name: count > 0 for name, count in links.items()},
    }
    if found := [name for name, is_sign in signs.items() if is_sign]:
        raise SpamSuspected(errors={name: ["This looks like spam."] for name in found})


def lead_submit(*, actor: Any, **fields: Any) -> tuple[Lead, bool]:
    """Keep a lead that came in; return it, and whether it is new.

    Whoever came in before under the same e-mail address or phone number, within `LEAD_DUPLICATE_DAYS` and
    still open, is touched instead: it is counted, and what was not known is filled in. Only leads that the
    caller may see are compared. Submissions of one address or number wait for each other until the
    transaction ends, so of two at once one makes the lead.

    Raises:
        InvalidInput: `branch`: the caller has no profile of a BDM or a broker; `partnership`: it takes no
            referrals, or another source is named.
    """
    fields = _with_source_of_partner(fields)
    with transaction.atomic():
        _wait_for_turn(fields)
        known = _same(actor, fields)
        if known is not None:
            return _touch(known, actor, fields), False
        return _create(actor, fields), True


def lead_enter(*, actor: Any, keeps: bool, **fields: Any) -> tuple[Lead | None, int | None]:
    """Keep a lead of a list; return it, and the id of the open lead that it is like.

    Who is like an open one, as `lead_submit` has it, becomes another lead only if that `keeps` them; nobody
    is counted as asking again.

    Raises:
        InvalidInput: see `lead_submit`.
    """
    fields = _with_source_of_partner(fields)
    with transaction.atomic():
        _wait_for_turn(fields)
        known = _same(actor, fields)
        like = known.pk if known is not None else None
        return (None if known is not None and not keeps else _create(actor, fields)), like


def _wait_for_turn(fields: Mapping[str, Any]) -> None:
    names = sorted(f"lead:{fields[name]}" for name in ("email", "phone") if fields.get(name))
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _same(actor: Any, fields: Mapping[str, Any]) -> Lead | None:
    same = Q()
    for name in ("email", "phone"):
        if fields.get(name):
            same |= Q(**{name: fields[name]})
    since = timezone.now() - timedelta(days=settings.LEAD_DUPLICATE_DAYS)
    ended = (LeadStatus.WON, LeadStatus.LOST)
    rows = Lead.objects.visible_to(actor).filter(same, last_submitted_at__gte=since).exclude(status__in=ended)
    first = list(rows.order_by("pk").values_list("pk", flat=True)[:1])
    # It may be ended, or deleted, while its lock is waited for.
    return Lead.objects.filter(pk__in=first).exclude(status__in=ended).lock().first()


def _touch(lead: Lead, actor: Any, fields: Mapping[str, Any]) -> Lead:
    # No and nothing are answers too: they are known.
    fills = {
        name: value
        for name, value in fields.items()
        if value not in UNKNOWN and getattr(lead, name) in UNKNOWN and name != "branch"
    }
    if fields.get("consent_to_contact"):
        fills["consent_to_contact"] = True
    if lead.source != LeadSource.PARTNER_REFERRAL:
        fills.pop("partnership", None)
    _set_fields(lead, fills)
    lead.submission_count += 1
    lead.last_submitted_at = timezone.now()
    names = [*fills, "submission_count", "last_submitted_at", "consented_at"]
    _save(lead, names)
    again = LeadSubmittedAgain(name=lead.full_name, submission_count=lead.submission_count)
    emit(again, actor=actor, subject=lead)
    return lead


def _create(actor: Any, fields: Mapping[str, Any]) -> Lead:
    now = timezone.now()
    lead = Lead(created_by=actor, status_changed_at=now, last_submitted_at=now)
    _set_fields(lead, {**fields, **_owner(actor)})
    rescore(lead)
    lead.save()
    created = LeadCreated(
        name=lead.full_name, source=lead.source, source_display=str(lead.get_source_display())
    )
    emit(created, actor=actor, subject=lead)
    return lead


def _owner(actor: Any) -> dict[str, Any]:
    """Whose a new lead is: a broker's own, or of the branch of a BDM."""
    if actor.role == Role.ADMIN:
        return {}
    model: Any = Broker if actor.role == Role.BROKER else Bdm
    profile = model.objects.select_related("branch").filter(user=actor).first()
    if profile is None:
        raise InvalidInput.field("branch", "Your login has no profile yet. Ask the lender for one.")
    mine = {"assignee": actor} if actor.role == Role.BROKER else {}
    return {"branch": profile.branch, **mine}


def lead_update(*, lead: Lead, actor: Any, **fields: Any) -> Lead:
    """Edit a lead and score it anew; call it with the row locked. Unchanged values tell nobody.

    Raises:
        InvalidInput: `partnership`: it takes no referrals; `source`: a partner referred it.
    """
    if fields.get("partnership") != lead.partnership:
        fields = _with_source_of_partner(fields)
    _check_source(lead, actor, fields)
    changed = changed_names(lead, fields)
    if changed:
        with transaction.atomic():
            _set_fields(lead, {name: fields[name] for name in changed})
            _save(lead, [*changed, "consented_at"])
            updated = LeadUpdated(name=lead.full_name, field_names=", ".join(changed))
            emit(updated, actor=actor, subject=lead)
    return lead


def lead_delete(*, lead: Lead, actor: Any) -> None:
    """Delete a lead; call it with the row locked.

    Raises:
        Conflict: it became an application.
    """
    if lead.converted_at is not None:
        raise Conflict("A lead that was converted is not deleted.")
    with transaction.atomic():
        appointments_depart(actor=actor, lead=lead)
        emit(LeadDeleted(name=lead.full_name), actor=actor, subject=lead)
        lead.delete()


def _with_source_of_partner(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Who is referred by a partner comes from that, and from nowhere else."""
    partner, source = fields.get("partnership"), fields.get("source", LeadSource.PARTNER_REFERRAL)
    if partner is None:
        return dict(fields)
    check_referral(partner, field="partnership")
    if source != LeadSource.PARTNER_REFERRAL:
        raise InvalidInput.field("source", "Whom a partner referred has the source partner_referral.")
    return {**fields, "source": source}


def _check_source(lead: Lead, actor: Any, fields: Mapping[str, Any]) -> None:
    """A partner stays the source until the lender's staff say otherwise, whether it is named or not.

    To others, who see no partners, a refusal does not tell whether one is named.
    """
    source = fields.get("source", lead.source)
    if lead.source != LeadSource.PARTNER_REFERRAL or source == lead.source:
        return
    if actor.role == Role.BROKER:
        raise InvalidInput.field("source", "Only the lender changes the source of a partner's referral.")
    if fields.get("partnership", lead.partnership) is not None:
        raise InvalidInput.field("source", "A partner is named, who is the source. Take it away first.")


@transaction.atomic
def leads_count_conversations(lead_ids: Iterable[int]) -> None:
    """Count how often some leads were talked with, and score them anew where that changed.

    It looks at the interactions that there are, not at what an event tells, so repeats and events out of
    order come to the same end.
    """
    rows = list(Lead.objects.filter(pk__in=lead_ids).lock())
    counts = conversations([lead.pk for lead in rows])
    for lead in rows:
        if lead.conversation_count != counts.get(lead.pk, 0):
            lead.conversation_count = counts.get(lead.pk, 0)
            _save(lead, ["conversation_count"])


def lead_score(*, lead: Lead) -> Lead:
    """Score a lead anew; call it with the row locked. Scoring tells nobody."""
    rescore(lead)
    lead.save(update_fields=[*SCORED, "updated_at"])
    return lead


def lead_change_status(*, lead: Lead, to: LeadStatus, actor: Any, reason: str = "") -> Lead:
    """Move a lead, as people do; call it with the row locked.

    Raises:
        IllegalLeadMove: there is no such move from the present status, or it follows its application.
        InvalidInput: the move needs a `reason`.
    """
    here = LeadStatus(lead.status)
    move = MOVES.get((here, to))
    legal = legal_moves(here, is_converted=lead.converted_at is not None)
    if move is None or to not in legal:
        allowed = [status.value for status in legal]
        raise IllegalLeadMove(
            f"A lead cannot be moved from {here.value} to {to.value}. "
            f"From here it can be moved to: {', '.join(allowed) or 'nowhere'}.",
            extra={"allowed_statuses": allowed},
        )
    return lead_move(lead=lead, to=to, actor=actor, move=move, reason=reason)


def lead_move(
    *, lead: Lead, to: LeadStatus, actor: Any, move: Move, reason: str = "", also: Iterable[str] = ()
) -> Lead:
    """Make a move of the table; `also` are columns that the caller has set.

    Raises:
        InvalidInput: the move needs a `reason`.
    """
    if move.needs_reason and not reason.strip():
        raise InvalidInput.field("reason", "To lose a lead needs a reason.")
    here = LeadStatus(lead.status)
    lead.status, lead.status_changed_at = to, timezone.now()
    lead.lost_reason = reason if to == LeadStatus.LOST else ""
    with transaction.atomic():
        _save(lead, ["status", "status_changed_at", "lost_reason", *also])
        changed = LeadStatusChanged(
            name=lead.full_name,
            from_status=here,
            from_status_display=str(here.label),
            to_status=to,
            to_status_display=str(to.label),
            reason=reason,
        )
        emit(changed, actor=actor, subject=lead, application_id=lead.application_id)
    return lead


def move_for(lead: Lead, to: LeadStatus, by: By) -> Move | None:
    """The move of the table that leads there, if it is made by this."""
    move = MOVES.get((LeadStatus(lead.status), to))
    return move if move is not None and move.by is by else None


def _set_fields(lead: Lead, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(lead, name, value)
    if not lead.consent_to_contact:
        lead.consented_at = None
    elif lead.consented_at is None:
        lead.consented_at = timezone.now()


def _save(lead: Lead, names: Iterable[str]) -> None:
    rescore(lead)
    lead.save(update_fields=[*names, *SCORED, "updated_at"])


def rescore(lead: Lead) -> None:
    """Give a lead the score and the temperature of what is known of it; nothing is saved."""
    known = {field.name: getattr(lead, field.name) for field in fields_of(scoring.Facts)}
    lead.score, lead.score_breakdown = scoring.score(scoring.Facts(**known))
    lead.temperature = next(name for name, least in TEMPERATURES.items() if lead.score >= least)
