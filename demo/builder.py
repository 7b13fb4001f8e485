"""From stories to rows and events: the same ones that the services write for the same story.

`tests/demo/test_same_as_services.py` tells stories both ways and compares every column.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import singledispatchmethod
from typing import Any

from applications.choices import Stage
from applications.events import (
    ApplicationCreated,
    ApplicationReferred,
    ApplicationUpdated,
    FundingCalculated,
    SecurityChanged,
    StageChanged,
)
from applications.funding import FundingInput, calculate
from applications.models import (
    Application,
    ApplicationBorrower,
    ApplicationGuarantor,
    FundingCalculation,
    Product,
    Security,
    StageChange,
)
from applications.services.funding import input_as_json
from applications.stages import ASIDE
from borrowers.events import BORROWER, GUARANTOR
from borrowers.models import Borrower, Guarantor
from borrowers.services import holding_changed
from brokers.models import Broker, Partnership
from demo.engaging import Engaging
from demo.eventlog import EventLog
from demo.lending import Lending, WriterStore
from demo.people import Cast, Recorder
from demo.relating import Hidden, Responded, Reviewed, Spoke
from demo.steps import Step
from demo.story import (
    Approval,
    Calculation,
    Move,
    Paid,
    PaidOut,
    Settlement,
    Story,
    Valuation,
    WrittenOff,
)
from demo.writer import Writer
from engagement.models import Review
from events.registry import Payload
from servicing.choices import PartnerTermsKind
from servicing.models import CommissionTerms
from servicing.services.referrals import Referral
from servicing.services.store import Told
from users.models import User


class Builder:
    """Builds stories for a book with this cast."""

    def __init__(self, recorder: Recorder, cast: Cast) -> None:
        self.recorder = recorder
        self.admins = cast.admins
        self.engaging = Engaging(recorder.writer, recorder.log)
        self._offers = {(terms.broker_id, terms.product_id): terms for terms in cast.commission_terms}
        self._referrals = cast.referrals
        self._profiles: dict[int, Borrower] = {}  # of clients who borrow again

    def build(self, story: Story) -> Application:
        """Add the rows of a story to the writer, and its events to the log."""
        for inquiry in story.others:
            self.engaging.tell(inquiry)
        return Telling(self, story).tell()

    def offers(self, broker: Broker, product: Product | None) -> CommissionTerms | None:
        """As `servicing.selectors.commissions.commission_terms_for`."""
        kind = product.pk if product else None
        places = ((broker.pk, kind), (broker.pk, None), (None, kind), (None, None))
        return next((self._offers[place] for place in places if place in self._offers), None)

    def referral(self, application: Application) -> Referral | None:
        """As `servicing.services.referrals.referral_of`: each partner has one version of terms."""
        found = self._referrals.get(application.referral_partner_id or 0)
        return found if found and found.terms.kind != PartnerTermsKind.NONE else None

    def borrower(self, story: Story) -> Borrower:
        """The borrower of a story, made unless it is a client who has borrowed before."""
        if not story.borrower:
            assert story.client is not None
            return self._profiles[story.client.pk]
        user = story.client
        if story.login is not None:
            user = self.recorder.user(at=story.opened_at, actor=story.actor, **story.login)
        row = Borrower(user=user, created_by=story.actor, **story.borrower)
        borrower: Borrower = self.recorder.record(row, BORROWER, at=story.opened_at, actor=story.actor)
        if story.client is not None:
            self._profiles[story.client.pk] = borrower
        return borrower

    def guarantors(self, story: Story) -> list[Guarantor]:
        """The guarantors of a story."""
        rows = [Guarantor(created_by=story.actor, **fields) for fields in story.guarantors]
        return [self.recorder.record(row, GUARANTOR, at=story.opened_at, actor=story.actor) for row in rows]


class Telling:
    """One story while it is being told."""

    def __init__(self, builder: Builder, story: Story) -> None:
        self.story = story
        self.builder = builder
        self.writer: Writer = builder.recorder.writer
        self.log: EventLog = builder.recorder.log
        self.securities: list[Security] = []
        self.lending: Lending | None = None
        self.engaging = builder.engaging
        self.review: Review | None = None

    def tell(self) -> Application:
        """The whole story, in the order of `applications.services.cascade` and what follows."""
        story, at = self.story, self.story.opened_at
        self.lead = self.engaging.tell(story.inquiry) if story.inquiry else None
        self.borrower = borrower = self.builder.borrower(story)
        guarantors = self.builder.guarantors(story)
        self.application = self.writer.add(
            Application(
                **story.application,
                broker=story.broker,
                bd=story.bd,
                branch=story.bd.branch,
                created_by=story.actor,
                stage_entered_at=at,
                created_at=at,
                updated_at=at,
            )
        )
        self.people = {admin.pk for admin in self.builder.admins}
        self.people |= {story.broker.user_id, story.bd.user_id, borrower.user_id}  # type: ignore[arg-type]
        self.bdm, self.borrowers = {story.bd.user_id}, {borrower.user_id} - {None}
        self._link(borrower, guarantors)
        for fields in story.securities:
            row = Security(application=self.application, created_at=at, updated_at=at, **fields)
            self.securities.append(self.writer.add(row))
        self._open()
        self._list_holdings(borrower)
        for step in story.steps:
            self._do(step)
        if self.lending is not None:
            self.lending.go_on(self.log.end)
        return self.application

    def _link(self, borrower: Borrower, guarantors: Iterable[Guarantor]) -> None:
        self.writer.add(ApplicationBorrower(application=self.application, borrower=borrower, position=0))
        for position, guarantor in enumerate(guarantors):
            self.writer.add(
                ApplicationGuarantor(application=self.application, guarantor=guarantor, position=position)
            )

    def _open(self) -> None:
        application, story = self.application, self.story
        self.writer.add(
            StageChange(
                application=application,
                to_stage=Stage.INQUIRY,
                actor=story.actor,
                changed_at=story.opened_at,
            )
        )
        created = ApplicationCreated(
            reference=application.reference_number,
            loan_amount=str(application.loan_amount),
            actor_name=story.actor.full_name,
        )
        self._tell(created, story.opened_at, story.actor, self.people)
        if (partner := application.referral_partner) is not None:
            referred = ApplicationReferred(reference=application.reference_number, partner=str(partner))
            self._tell(referred, story.opened_at, story.actor)
        if self.lead is not None:
            self.engaging.convert(
                self.lead, application, self.borrower, at=story.opened_at, actor=story.actor
            )

    def _list_holdings(self, borrower: Borrower) -> None:
        """As `borrowers.services.holding_add`."""
        at, actor = self.story.opened_at, self.story.actor
        for model, fields in self.story.holdings:
            row = self.writer.add(model(borrower=borrower, created_at=at, updated_at=at, **fields))
            added = holding_changed(row, "added", fields)
            self.log.tell(added, at=at, actor=actor, subject=borrower)

    def _tell(self, payload: Payload, at: datetime, actor: User, recipients: Iterable[int] = ()) -> None:
        self.log.tell(
            payload,
            at=at,
            actor=actor,
            subject=self.application,
            application_id=self.application.pk,
            recipients=recipients,
        )

    @singledispatchmethod
    def _do(self, step: Step) -> None:
        """Write what a step does."""
        raise TypeError(f"no rows are known for {type(step).__name__}")

    @_do.register
    def _move(self, step: Move) -> None:
        """As `applications.services.stage`."""
        application = self.application
        origin = Stage(application.stage)
        self.writer.add(
            StageChange(
                application=application,
                from_stage=origin,
                to_stage=step.to,
                actor=step.actor,
                reason=step.reason,
                changed_at=step.at,
                seconds_in_stage=int((step.at - application.stage_entered_at).total_seconds()),
            )
        )
        application.came_from = (application.came_from or origin.value) if step.to in ASIDE else ""
        application.stage = step.to
        application.stage_entered_at = application.updated_at = step.at
        moved = StageChanged(
            reference=application.reference_number,
            from_stage=origin,
            from_stage_display=origin.label,
            to_stage=step.to,
            to_stage_display=step.to.label,
            reason=step.reason,
        )
        self._tell(moved, step.at, step.actor, self.people)
        if self.lead is not None:
            self.engaging.follow(self.lead, application, at=step.at)

    @_do.register
    def _talk(self, step: Spoke) -> None:
        """As `engagement.services.interactions`."""
        about = {"application": self.application} if step.on_application else {"borrower": self.borrower}
        self.engaging.log_talk(step, **about)

    @_do.register
    def _write_review(self, step: Reviewed) -> None:
        """As `engagement.services.reviews`."""
        told = {self.story.broker.user_id, self.story.bd.user_id}
        self.review = self.engaging.review(step, self.application, self.borrower, told)

    @_do.register
    def _respond(self, step: Responded) -> None:
        """As `engagement.services.reviews`."""
        assert self.review is not None
        self.engaging.respond(step, self.review)

    @_do.register
    def _hide(self, step: Hidden) -> None:
        """As `engagement.services.reviews`."""
        assert self.review is not None
        self.engaging.hide(step, self.review)

    @_do.register
    def _settle(self, step: Settlement) -> None:
        """As `servicing.services.settlement`."""
        people: dict[Told, set[Any]] = {
            Told.EVERYBODY: self.people,
            Told.BDM: self.bdm,
            Told.BORROWERS: self.borrowers,
            Told.BORROWERS_AND_BDM: self.bdm | self.borrowers,
            Told.BROKER: {self.story.broker.user_id},
            Told.BROKER_AND_ADMINS: {self.story.broker.user_id, *(admin.pk for admin in self.builder.admins)},
        }
        if referral := self.builder.referral(self.application):
            people[Told.OWNER] = owner = self._owner(referral.terms.partnership)
            people[Told.OWNER_AND_ADMINS] = owner | {admin.pk for admin in self.builder.admins}
        store = WriterStore(self.writer, self.log, people)
        offer = self.builder.offers(self.story.broker, self.application.product)
        self.lending = Lending(self.application, store, step, offer, referral)
        self._move(step)

    def _owner(self, partner: Partnership) -> set[int]:
        """As `servicing.services.store.told_of`."""
        owner, application = partner.owner, self.application
        if owner is None or not (owner.branch_id == application.branch_id or owner.pk == application.bd_id):
            return set()
        return {owner.user_id}

    @_do.register
    def _pay(self, step: Paid) -> None:
        """As `servicing.services.payments`."""
        assert self.lending is not None
        self.lending.pay(step)

    @_do.register
    def _pay_out(self, step: PaidOut) -> None:
        """As `servicing.services.changes`."""
        assert self.lending is not None
        self.lending.pay_out(step)

    @_do.register
    def _write_off(self, step: WrittenOff) -> None:
        """As `servicing.services.changes`."""
        assert self.lending is not None
        self.lending.write_off(step)

    @_do.register
    def _approve(self, step: Approval) -> None:
        """As `applications.services.applications.application_update`."""
        self.application.approved_amount = step.amount
        self.application.updated_at = step.at
        edited = ApplicationUpdated(
            reference=self.application.reference_number, field_names="approved_amount"
        )
        self._tell(edited, step.at, step.actor)

    @_do.register
    def _value(self, step: Valuation) -> None:
        """As `applications.views.securities`."""
        security = self.securities[0]
        security.valuation_amount = step.amount
        security.valuation_date = step.at.date()
        security.updated_at = step.at
        valued = SecurityChanged(
            reference=self.application.reference_number,
            security_id=security.pk,
            security=str(security),
            what="changed",
        )
        self._tell(valued, step.at, step.actor)

    @_do.register
    def _calculate(self, step: Calculation) -> None:
        """As `applications.services.funding`."""
        application, terms = self.application, FundingInput(**step.terms)
        result = calculate(
            terms,
            loan_amount=application.loan_amount,
            interest_rate=application.interest_rate,
            loan_term=application.loan_term,
            security_value=sum((row.value for row in self.securities), Decimal(0)) or None,
        )
        self.writer.add(
            FundingCalculation(
                application=application,
                input=input_as_json(terms),
                result=result.as_json(),
                calculated_by=step.actor,
                calculated_at=step.at,
            )
        )
        calculated = FundingCalculated(
            reference=application.reference_number,
            total_fees=str(result.total_fees),
            funds_available=str(result.funds_available),
        )
        self._tell(calculated, step.at, step.actor)
