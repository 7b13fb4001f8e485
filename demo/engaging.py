"""The rows and events of leads, interactions, appointments and reviews, as their services write them."""

from collections.abc import Collection
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.models import changed_names
from demo.eventlog import EventLog
from demo.relating import Hidden, Responded, Reviewed, Spoke
from demo.steps import (
    AskedAgain,
    Assigned,
    Booked,
    CalledOff,
    Edited,
    FollowUpDue,
    Inquiry,
    LeadMove,
    Met,
    Moved,
    Reminded,
    Step,
    Talked,
)
from demo.writer import Writer
from engagement import events
from engagement.choices import ANSWERS, TALKS, AppointmentStatus, AssignMethod, Direction, LeadStatus
from engagement.hours import DAY
from engagement.models import Appointment, AppointmentMove, Interaction, Lead, Review
from engagement.selectors import place_of
from engagement.services.appointments import HOUR, told_of, when_of
from engagement.services.leads import move_for, rescore
from engagement.stages import WORKED_ON, By, status_for
from users.choices import Role
from users.models import User


class Engaging:
    """Writes them for a book."""

    def __init__(self, writer: Writer, log: EventLog) -> None:
        self.writer = writer
        self.log = log
        self._appointments: dict[int, Appointment] = {}  # the last of each lead

    # --- leads --------------------------------------------------------------------------------

    def tell(self, inquiry: Inquiry) -> Lead:
        """A lead, and everything that happens to it before it is converted."""
        at, actor = inquiry.opened_at, inquiry.actor
        lead = Lead(
            created_by=actor,
            status_changed_at=at,
            last_submitted_at=at,
            created_at=at,
            updated_at=at,
            **inquiry.fields,
        )
        if lead.consent_to_contact:
            lead.consented_at = at
        if actor.role == Role.BROKER:
            lead.assignee = actor
        if lead.branch is None:
            profile = actor.broker if actor.role == Role.BROKER else actor.bdm
            lead.branch = profile.branch
        rescore(lead)
        self.writer.add(lead)
        created = events.LeadCreated(
            name=lead.full_name, source=lead.source, source_display=str(lead.get_source_display())
        )
        self.log.tell(created, at=at, actor=actor, subject=lead)
        for step in inquiry.steps:
            self._do(step, lead)
        return lead

    def convert(
        self, lead: Lead, application: Application, borrower: Borrower, *, at: datetime, actor: User
    ) -> None:
        """As `engagement.services.conversion.lead_convert`."""
        lead.borrower, lead.application, lead.converted_at = borrower, application, at
        self._move(lead, LeadStatus.APPLICATION_STARTED, at, actor)
        converted = events.LeadConverted(
            name=lead.full_name,
            reference=application.reference_number,
            borrower_id=borrower.pk,
            is_new_borrower=False,
        )
        self.log.tell(converted, at=at, actor=actor, subject=lead, application_id=application.pk)

    def follow(self, lead: Lead, application: Application, *, at: datetime) -> None:
        """As `engagement.services.conversion.leads_follow_applications`."""
        to = status_for(application.stage)
        if move_for(lead, to, By.APPLICATION) is not None:
            reason = f"Application {application.get_stage_display().lower()}"
            self._move(lead, to, at, None, reason if to == LeadStatus.LOST else "")

    def _move(self, lead: Lead, to: LeadStatus, at: datetime, actor: User | None, reason: str = "") -> None:
        here = LeadStatus(lead.status)
        lead.status, lead.status_changed_at = to, at
        lead.lost_reason = reason if to == LeadStatus.LOST else ""
        self._saved(lead, at)
        changed = events.LeadStatusChanged(
            name=lead.full_name,
            from_status=here,
            from_status_display=str(here.label),
            to_status=to,
            to_status_display=str(to.label),
            reason=reason,
        )
        self.log.tell(changed, at=at, actor=actor, subject=lead, application_id=lead.application_id)

    def _saved(self, lead: Lead, at: datetime) -> None:
        rescore(lead)
        lead.updated_at = at

    @singledispatchmethod
    def _do(self, step: Step, lead: Lead) -> None:
        raise TypeError(f"no rows are known for {type(step).__name__}")

    @_do.register
    def _assign(self, step: Assigned, lead: Lead) -> None:
        lead.assignee, lead.updated_at = step.to, step.at
        assigned = events.LeadAssigned(
            name=lead.full_name,
            assignee_id=step.to.pk,
            assignee_name=step.to.full_name,
            method=AssignMethod.MANUAL.value,
            score=lead.score,
        )
        self.log.tell(assigned, at=step.at, actor=step.actor, subject=lead, recipients=[step.to])

    @_do.register
    def _ask_again(self, step: AskedAgain, lead: Lead) -> None:
        lead.submission_count += 1
        lead.last_submitted_at = step.at
        self._saved(lead, step.at)
        again = events.LeadSubmittedAgain(name=lead.full_name, submission_count=lead.submission_count)
        self.log.tell(again, at=step.at, actor=step.actor, subject=lead)

    @_do.register
    def _change(self, step: LeadMove, lead: Lead) -> None:
        self._move(lead, step.to, step.at, step.actor, step.reason)

    @_do.register
    def _edit(self, step: Edited, lead: Lead) -> None:
        changed = changed_names(lead, step.fields)
        for name in changed:
            setattr(lead, name, step.fields[name])
        self._saved(lead, step.at)
        updated = events.LeadUpdated(name=lead.full_name, field_names=", ".join(changed))
        self.log.tell(updated, at=step.at, actor=step.actor, subject=lead)

    @_do.register
    def _follow_up(self, step: FollowUpDue, lead: Lead) -> None:
        """As `engagement.services.follow_ups`."""
        assert lead.follow_up_on is not None
        assert lead.status in WORKED_ON
        lead.follow_up_told_on, lead.follow_up_told = lead.follow_up_on, lead.assignee
        due = events.LeadFollowUpDue(name=lead.full_name, follow_up_on=lead.follow_up_on.isoformat())
        self.log.tell(due, at=step.at, actor=None, subject=lead, recipients=[lead.assignee_id])

    @_do.register
    def _talk(self, step: Talked, lead: Lead) -> None:
        row = self.log_talk(step, lead=lead)
        is_answer = row.kind in ANSWERS and row.direction == Direction.INBOUND
        if is_answer or (row.kind in TALKS and row.direction != Direction.INTERNAL):
            lead.conversation_count += 1
            self._saved(lead, step.at)

    def log_talk(self, step: Talked | Spoke, **about: Any) -> Interaction:
        """As `engagement.services.interactions.interaction_log`."""
        row = self.writer.add(
            Interaction(author=step.actor, created_at=step.at, updated_at=step.at, **about, **step.fields)
        )
        logged = events.InteractionLogged(
            interaction_id=row.pk,
            kind=row.kind,
            kind_display=row.get_kind_display(),
            author_name=step.actor.full_name,
            title=row.subject,
        )
        self.log.tell(logged, at=step.at, actor=step.actor, **place_of(row))
        return row

    # --- appointments -------------------------------------------------------------------------

    @_do.register
    def _book(self, step: Booked, lead: Lead) -> None:
        row = Appointment(
            host=step.actor,
            created_by=step.actor,
            lead=lead,
            timezone=step.actor.timezone,
            created_at=step.at,
            updated_at=step.at,
            **step.fields,
        )
        self._mark_told(row, step.at)
        self._appointments[lead.pk] = self.writer.add(row)
        self._tell_of(events.AppointmentBooked, row, step)

    @_do.register
    def _postpone(self, step: Moved, lead: Lead) -> None:
        row = self._appointments[lead.pk]
        before = when_of(row)
        self.writer.add(
            AppointmentMove(
                appointment=row,
                from_starts_at=row.starts_at,
                from_ends_at=row.ends_at,
                reason=step.reason,
                moved_by=step.actor,
                moved_at=step.at,
            )
        )
        row.starts_at, row.ends_at = step.slot
        row.sequence += 1
        row.day_reminded_at = row.hour_reminded_at = None
        self._mark_told(row, step.at)
        row.updated_at = step.at
        self._tell_of(events.AppointmentRescheduled, row, step, before=before)

    @_do.register
    def _meet(self, step: Met, lead: Lead) -> None:
        row = self._appointments[lead.pk]
        row.status = AppointmentStatus.COMPLETED if step.attended else AppointmentStatus.NO_SHOW
        row.outcome, row.updated_at = step.outcome, step.at
        payload = events.AppointmentCompleted if step.attended else events.AppointmentMissed
        self._tell_of(payload, row, step)

    @_do.register
    def _call_off(self, step: CalledOff, lead: Lead) -> None:
        row = self._appointments[lead.pk]
        row.status, row.cancel_reason = AppointmentStatus.CANCELLED, step.reason
        row.sequence += 1
        row.updated_at = step.at
        self._tell_of(events.AppointmentCancelled, row, step)

    @_do.register
    def _remind(self, step: Reminded, lead: Lead) -> None:
        row = self._appointments[lead.pk]
        row.day_reminded_at = row.day_reminded_at or step.at
        if row.starts_at <= step.at + HOUR:
            row.hour_reminded_at = step.at
        told = told_of(events.AppointmentReminderDue, row)
        self.log.tell(told, at=step.at, actor=None, recipients=[row.host_id], **place_of(row))

    def _mark_told(self, row: Appointment, at: datetime) -> None:
        """What is booked shortly before is not reminded of."""
        if row.starts_at <= at + DAY:
            row.day_reminded_at = at
        if row.starts_at <= at + HOUR:
            row.hour_reminded_at = at

    def _tell_of(
        self, payload: type[events.AppointmentBooked], row: Appointment, step: Step, **more: str
    ) -> None:
        told = told_of(payload, row, **more)
        self.log.tell(told, at=step.at, actor=step.actor, recipients=[row.host_id], **place_of(row))

    # --- reviews ------------------------------------------------------------------------------

    def review(
        self, step: Reviewed, application: Application, borrower: Borrower, told: Collection[Any]
    ) -> Review:
        """As `engagement.services.reviews.review_write`."""
        author = borrower.user
        assert author is not None
        row = self.writer.add(
            Review(
                application=application,
                borrower=borrower,
                author=author,
                created_at=step.at,
                updated_at=step.at,
                **step.fields,
            )
        )
        written = events.ReviewWritten(
            review_id=row.pk,
            reference=application.reference_number,
            rating=row.rating,
            author_name=author.full_name,
        )
        self._tell_review(written, row, step.at, author, told)
        return row

    def respond(self, step: Responded, row: Review) -> None:
        """As `engagement.services.reviews.review_respond`."""
        row.response, row.responded_by = step.response, step.actor
        row.responded_at = row.updated_at = step.at
        responded = events.ReviewResponded(
            review_id=row.pk,
            reference=row.application.reference_number,
            responder_name=step.actor.full_name,
        )
        self._tell_review(responded, row, step.at, step.actor, [row.author])

    def hide(self, step: Hidden, row: Review) -> None:
        """As `engagement.services.reviews.review_hide`."""
        row.hidden_by, row.hidden_reason = step.actor, step.reason
        row.hidden_at = row.updated_at = step.at
        hidden = events.ReviewHidden(review_id=row.pk, reason=step.reason)
        self._tell_review(hidden, row, step.at, step.actor)

    def _tell_review(
        self, payload: Any, row: Review, at: datetime, actor: User, told: Collection[Any] = ()
    ) -> None:
        self.log.tell(
            payload, at=at, actor=actor, subject=row, application_id=row.application_id, recipients=told
        )
