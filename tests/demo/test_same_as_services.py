"""The builder writes what the services and views write for the same story, column by column."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import models, transaction
from rest_framework.test import APIRequestFactory, force_authenticate

from applications.models import (
    Application,
    ApplicationBorrower,
    ApplicationGuarantor,
    FundingCalculation,
    Product,
    Security,
    StageChange,
)
from applications.serializers.products import FEES
from applications.services.applications import application_update
from applications.services.cascade import application_create_with_cascade
from applications.services.funding import funding_calculate
from applications.services.stage import application_change_stage
from applications.views.partnerships import PartnershipViewSet
from applications.views.products import ProductViewSet
from applications.views.securities import SecurityViewSet
from borrowers.choices import PartyType
from borrowers.events import BORROWER
from borrowers.models import Asset, Borrower, Guarantor, Liability
from borrowers.services import holding_add
from brokers.models import Bdm, Branch, Broker, Partnership
from brokers.services import partnership_change_status
from brokers.views import BdmViewSet, BranchViewSet, BrokerViewSet
from demo.builder import Builder
from demo.clock import WorkingClock
from demo.eventlog import EventLog
from demo.lending import GIVEN_UP, amount_of
from demo.loans import read_loans
from demo.partners import Opening
from demo.people import DEMO_EMAILS, Cast, Hiring, Recorder
from demo.relating import Hidden, Responded, Reviewed, Spoke
from demo.repaying import night_of
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
from demo.stories import STAFF_DAY, StoryTeller
from demo.story import Approval, Calculation, Move, Paid, PaidOut, Settlement, Story, Valuation, WrittenOff
from demo.writer import Writer
from engagement.models import Appointment, AppointmentMove, Interaction, Lead, OfficeHours, Review
from engagement.services.appointments import (
    appointment_book,
    appointment_cancel,
    appointment_complete,
    appointment_reschedule,
    appointments_remind,
)
from engagement.services.assignment import lead_assign
from engagement.services.conversion import lead_convert, leads_follow_applications
from engagement.services.follow_ups import follow_ups_tell
from engagement.services.interactions import interaction_log
from engagement.services.leads import (
    lead_change_status,
    lead_submit,
    lead_update,
    leads_count_conversations,
)
from engagement.services.reviews import review_hide, review_respond, review_write
from engagement.views.appointments import OfficeHoursViewSet
from events.models import Event
from events.services import emit
from notifications.models import Alert, Notification, NotificationCounter, Reminder
from notifications.projections import make_notifications
from notifications.services.marks import notifications_mark_read
from reports.models import ReportSchedule, SavedReport
from servicing.dates import business_date
from servicing.models import (
    AccountBalance,
    Commission,
    CommissionTerms,
    Fee,
    JournalEntry,
    JournalLine,
    Loan,
    LoanCommission,
    PartnershipTerms,
    PartnershipTier,
    Payment,
    PaymentShare,
    Repayment,
    ScheduleVersion,
    WriteOff,
)
from servicing.selectors.facts import read_facts
from servicing.selectors.payoff import payoff
from servicing.services.changes import loan_pay_out, loan_write_off
from servicing.services.nightly import nightly
from servicing.services.payments import payment_record
from servicing.services.referrals import partnership_terms_add
from servicing.services.settlement import application_settle
from servicing.views.commissions import CommissionTermsViewSet
from tests.clients import PASSWORD
from tests.demo.support import TODAY
from users.choices import Role
from users.models import User
from users.services.accounts import user_create

pytestmark = pytest.mark.django_db
LOANS = 300
VIEWS: dict[type, Any] = {
    Branch: BranchViewSet,
    Bdm: BdmViewSet,
    Broker: BrokerViewSet,
    Product: ProductViewSet,
    CommissionTerms: CommissionTermsViewSet,
    OfficeHours: OfficeHoursViewSet,
    Partnership: PartnershipViewSet,
}
BASENAMES = {
    CommissionTerms: "commission-terms",
    OfficeHours: "office-hours",
}  # where it is not the model's name
MODELS: tuple[type[models.Model], ...] = (
    User, Branch, Bdm, Broker, Partnership, Product, Borrower, Asset, Liability, Guarantor, Application,
    ApplicationBorrower, ApplicationGuarantor,
    Security, StageChange, FundingCalculation, Event, Notification, NotificationCounter, Reminder, Alert,
    SavedReport, ReportSchedule,
    Loan, ScheduleVersion, Repayment, Fee, Payment, PaymentShare, JournalEntry, JournalLine, AccountBalance,
    CommissionTerms, LoanCommission, PartnershipTerms, PartnershipTier, Commission, WriteOff,
    Lead, Interaction, Appointment, AppointmentMove, OfficeHours, Review,
)  # fmt: skip
WRITTEN_BEFORE = (Lead, Interaction, Appointment, AppointmentMove, Review)
# Of those without an application: what leads to it.
PARENTS: dict[type[models.Model], str] = {
    ScheduleVersion: "loan",
    PaymentShare: "payment",
    JournalLine: "entry",
}
# The dispatcher sets these later when it has done what the book says was done.
LATER = {"projected_at", "dispatched_at", "password"}
# Made by chance, or from ids.
BY_CHANCE = {"uid"}


class Book:
    """A cast, and room for stories."""

    def __init__(self) -> None:
        self.clock = WorkingClock(TODAY)
        self.log = EventLog(Writer(), end=self.clock.end)
        self.recorder = Recorder(self.log.writer, self.log)
        seconds = iter(range(STAFF_DAY))
        hiring = Hiring(
            self.recorder,
            rng=Random("test"),
            now=lambda: self.clock.at(next(seconds)),
            passwords=dict.fromkeys(DEMO_EMAILS, PASSWORD),
            scale=1,
        )
        self.cast: Cast = hiring.cast()
        Opening(self.recorder, rng=Random("partners"), now=hiring.now).open(self.cast)
        self.recorder.writer.flush()
        self.log.flush(until=self.clock.at(STAFF_DAY))

    def stories(self) -> list[Story]:
        """Every sixth of a book, the demo client's, and some that are paid out."""
        teller = StoryTeller(read_loans(LOANS), clock=self.clock, cast=self.cast, seed=1, scale=1)
        stories = list(teller)
        paid_out = [story for story in stories if any(isinstance(step, PaidOut) for step in story.steps)]
        given_up = [story for story in stories if any(isinstance(step, WrittenOff) for step in story.steps)]
        called_off = [
            story
            for story in stories
            if any(isinstance(step, CalledOff) for one in inquiries(story) for step in one.steps)
        ]
        referred = [one for one in stories if one.inquiry and "referral_partner" in one.application]
        # Loans that end early, of a partner who is paid by each kind of terms.
        partners = [one.terms.partnership for one in self.cast.referrals.values()][:3]
        for story, partner in zip((*paid_out[:2], *given_up[:1]), partners, strict=True):
            story.application["referral_partner"] = partner
        rare = (*paid_out[:2], *given_up[:1], *called_off[:1], *referred[:1])
        return [
            story
            for place, story in enumerate(stories)
            if place % 6 == 0 or story.client is not None or story in rare
        ]


def inquiries(story: Story) -> list[Inquiry]:
    return [*story.others, *([story.inquiry] if story.inquiry else [])]


def told(tell: Callable[[], None]) -> dict[str, list[dict[str, Any]]]:
    """All rows after telling, which is then undone."""
    with transaction.atomic():
        tell()
        rows = snapshot()
        transaction.set_rollback(True)
    return rows


def snapshot() -> dict[str, list[dict[str, Any]]]:
    """Every column of every row in the order of ids, with places in that order instead of ids."""
    tables = {model: list(model._base_manager.order_by("pk").values()) for model in MODELS}
    # Rows of different applications are written in another order; within one it is the same.
    tables = {model: sorted(rows, key=_by_own_order(model, tables)) for model, rows in tables.items()}
    places = {
        model: {row[model._meta.pk.attname]: place for place, row in enumerate(rows)}
        for model, rows in tables.items()
    }
    return {model.__name__: [neutral(model, row, places) for row in rows] for model, rows in tables.items()}


def _by_own_order(model: type[models.Model], tables: Any) -> Callable[[dict[str, Any]], Any]:
    """By application, however far away it is; the sort keeps the order of ids within one."""
    if parent := PARENTS.get(model):
        above: Any = model._meta.get_field(parent).related_model
        owner = {row["id"]: row["application_id"] for row in tables[above]}
        return lambda row: owner[row[f"{parent}_id"]]
    if model is AccountBalance:  # which the database adds as it comes to them
        return lambda row: (row["application_id"], row["account"])
    if model in WRITTEN_BEFORE:  # of a story at a time, and not in the order of their time
        return itemgetter("created_at" if model is not AppointmentMove else "moved_at")
    if model is Event:
        # What is told at one moment of several leads has no order.
        return lambda row: (row["application_id"] or 0, row["occurred_at"], _whom(row["data"]))
    if any(field.attname == "application_id" for field in model._meta.concrete_fields):
        return lambda row: row["application_id"] or 0
    return lambda row: 0


def _whom(data: dict[str, Any]) -> str:
    return str(data.get("host_name", "")) + str(data.get("title", "") or data.get("name", ""))


def neutral(model: type[models.Model], row: dict[str, Any], places: dict[Any, Any]) -> dict[str, Any]:
    clean = {name: value for name, value in row.items() if name not in LATER | BY_CHANCE}
    clean.pop("id", None)
    for field in model._meta.concrete_fields:
        if field.is_relation and clean[field.attname] is not None:
            clean[field.attname] = places[field.related_model][clean[field.attname]]
    if "subject_id" in clean:
        subject = next(m for m in MODELS if m._meta.model_name == clean["subject_type"])
        clean["subject_id"] = places[subject][clean["subject_id"]]
        clean["application_id"] = places[Application].get(clean["application_id"])
    if model is Event:
        clean["recipients"] = sorted(places[User][pk] for pk in clean["recipients"])
        clean["data"] = {key: _neutral_id(key, value, places) for key, value in clean["data"].items()}
        if row["subject_type"] == "officehours":
            del clean["data"]["label"]  # it is made of ids
    return clean


def _neutral_id(key: str, value: Any, places: dict[Any, Any]) -> Any:
    if key == "holding_id":
        return value > 0
    if key == "security_id":
        return places[Security][value] >= 0
    if key == "assignee_id":
        return places[User][value]
    for model in (Fee, Payment, Repayment, Commission, Borrower, Interaction, Appointment, Review):
        if key == f"{model._meta.model_name}_id":
            return places[model][value]
    if key == "ids":
        return [places[Notification][pk] for pk in value]
    return value


def call_view(view: Any, actor: User, method: str, body: dict[str, Any], **kwargs: Any) -> Any:
    request = getattr(APIRequestFactory(), method)("/", body, format="json")
    force_authenticate(request, actor)
    response = view(request, **kwargs)
    assert response.status_code in {200, 201}, response.data
    return response


class Services:
    """Tells stories through the services, each step at its time."""

    def __init__(self, book: Book, stories: list[Story]) -> None:
        self.book = book
        self.stories = stories
        self.applications: dict[int, Application] = {}
        self.leads: dict[int, Lead] = {}

    def tell(self) -> None:
        agenda = sorted(self.agenda(), key=itemgetter(0))
        for at, act in agenda:
            with time_machine.travel(at, tick=False):
                act()
        self.notify(self.book.log.read_at, self.book.clock.end)

    def agenda(self) -> Iterator[tuple[datetime, Callable[[], object]]]:
        yield self.book.log.read_at, self.read
        settled = [step.at for story in self.stories for step in story.steps if isinstance(step, Settlement)]
        day = business_date(min(settled))
        while night_of(day) < self.book.clock.end:
            yield night_of(day), partial(nightly, day)
            day += timedelta(days=1)
        for number, story in enumerate(self.stories):
            for inquiry in inquiries(story):
                yield inquiry.opened_at, partial(self.ask, inquiry)
                for step in inquiry.steps:
                    yield step.at, partial(self.do_lead, inquiry, step)
            yield story.opened_at, partial(self.open, number, story)
            for step in story.steps:
                yield step.at, partial(self.do, number, step)

    def open(self, number: int, story: Story) -> None:
        user, people = story.client, []
        if story.login:
            user = user_create(actor=story.actor, password="a long enough phrase", **story.login)
        if story.borrower:
            people = [{**story.borrower, "user": user}]
        company = story.borrower.get("borrower_type") == PartyType.COMPANY
        known = [] if people else list(Borrower.objects.filter(user=user))
        terms = {**story.application, "broker": story.broker, "bd": story.bd}
        if story.inquiry is not None:
            self.applications[number] = self.convert(story, people[0], terms)
            self.list_holdings(number, story)
            return
        self.applications[number] = application_create_with_cascade(
            actor=story.actor,
            application={**terms, "borrowers": known},
            borrowers=[] if company else people,
            company_borrowers=people if company else [],
            guarantors=story.guarantors,
            securities=story.securities,
        )
        self.list_holdings(number, story)

    def list_holdings(self, number: int, story: Story) -> None:
        for model, fields in story.holdings:
            borrower = self.applications[number].borrowers.get()
            holding_add(model=model, borrower=borrower, actor=story.actor, **fields)

    def convert(self, story: Story, person: Any, terms: Any) -> Application:
        """The borrower is entered, and the lead becomes an application of theirs."""
        borrower = Borrower.objects.create(created_by=story.actor, **person)
        emit(BORROWER.created(label=str(borrower)), actor=story.actor, subject=borrower)
        lead = lead_convert(lead=self.lead(story.inquiry), actor=story.actor, borrower=borrower, **terms)
        assert lead.application is not None
        return lead.application

    def ask(self, inquiry: Inquiry) -> None:
        lead, is_new = lead_submit(actor=inquiry.actor, **inquiry.fields)
        assert is_new
        self.leads[id(inquiry)] = lead

    def lead(self, inquiry: Inquiry | None) -> Lead:
        return Lead.objects.get(pk=self.leads[id(inquiry)].pk)

    def do_lead(self, inquiry: Inquiry, step: Step) -> None:
        lead, actor = self.lead(inquiry), step.actor
        match step:
            case Assigned():
                lead_assign(lead=lead, actor=actor, assignee=step.to)
            case AskedAgain():
                asked = {name: inquiry.fields[name] for name in ("first_name", "last_name", "email")}
                assert not lead_submit(actor=actor, **asked)[1]
            case Talked():
                interaction_log(author=actor, lead=lead, **step.fields)
                leads_count_conversations([lead.pk])
            case LeadMove():
                lead_change_status(lead=lead, to=step.to, actor=actor, reason=step.reason)
            case Edited():
                lead_update(lead=lead, actor=actor, **step.fields)
            case FollowUpDue():
                follow_ups_tell()
            case Booked():
                appointment_book(host=actor, actor=actor, lead=lead, **step.fields)
            case Reminded():
                appointments_remind(step.at)
            case _:
                self.do_appointment(lead.appointments.select_related("lead", "host").get(), step)

    def do_appointment(self, appointment: Appointment, step: Step) -> None:
        told: dict[str, Any] = {"appointment": appointment, "actor": step.actor}
        match step:
            case Moved():
                starts_at, ends_at = step.slot
                appointment_reschedule(starts_at=starts_at, ends_at=ends_at, reason=step.reason, **told)
            case Met():
                appointment_complete(attended=step.attended, outcome=step.outcome, **told)
            case CalledOff():
                appointment_cancel(reason=step.reason, **told)
            case _:
                raise TypeError(step)

    def do(self, number: int, step: Step) -> None:
        application = Application.objects.get(pk=self.applications[number].pk)
        match step:
            case Settlement():
                application_settle(
                    application=application, actor=step.actor, reason=step.reason, fees=step.fees
                )
                leads_follow_applications([application.pk])
            case Paid():
                rows = Repayment.objects.filter(application=application).exclude(status="superseded")
                payment_record(
                    application=application,
                    actor=step.actor,
                    amount=amount_of(rows, Fee.objects.filter(application=application), step),
                    received_on=business_date(step.at),
                    method="direct_debit",
                )
            case PaidOut():
                figure = payoff(read_facts(application), business_date(step.at)).total
                loan_pay_out(application=application, actor=step.actor, amount=figure, method="bank_transfer")
            case WrittenOff():
                loan_write_off(application=application, actor=step.actor, reason=GIVEN_UP)
            case Move():
                # Loans of earlier years were disbursed in another system, which the book took over.
                with patch("applications.services.stage.lacks", lambda application, stage: []):
                    application_change_stage(
                        application=application, to=step.to, actor=step.actor, reason=step.reason
                    )
                leads_follow_applications([application.pk])
            case Approval():
                application_update(application=application, actor=step.actor, approved_amount=step.amount)
            case Calculation():
                funding_calculate(application=application, terms=step.terms, actor=step.actor)
            case Valuation():
                security = application.securities.order_by("id").first()
                assert security is not None
                call_view(
                    SecurityViewSet.as_view({"patch": "partial_update"}),
                    step.actor,
                    "patch",
                    {"valuation_amount": str(step.amount), "valuation_date": step.at.date().isoformat()},
                    application_id=application.pk,
                    pk=security.pk,
                )
            case _:
                self.relate(application, step)

    def relate(self, application: Application, step: Step) -> None:
        match step:
            case Spoke():
                about: Any = application if step.on_application else application.borrowers.get()
                name = "application" if step.on_application else "borrower"
                interaction_log(author=step.actor, **{name: about}, **step.fields)
            case Reviewed():
                author = application.borrowers.get().user
                review_write(application=application, author=author, **step.fields)
            case Responded():
                review_respond(review=application.reviews.get(), actor=step.actor, response=step.response)
            case Hidden():
                review_hide(review=application.reviews.get(), actor=step.actor, reason=step.reason)
            case _:
                raise TypeError(step)

    def notify(self, begin: datetime, end: datetime) -> None:
        events = Event.objects.filter(occurred_at__gte=begin, occurred_at__lt=end).order_by("id")
        make_notifications([event for event in events if event.type != "notification.read"])

    def read(self) -> None:
        self.notify(self.book.log.notified_from, self.book.log.read_at)
        for user in User.objects.all().order_by("pk"):
            notifications_mark_read(user=user)


@pytest.mark.slow
def test_stories_leave_the_same_rows_and_events_as_the_services() -> None:
    book = Book()
    stories = book.stories()
    steps = [step for story in stories for step in story.steps]
    kinds = {type(step) for step in steps}
    response, reviewed = next(
        (step, story) for story in stories for step in story.steps if type(step) is Responded
    )
    reviewed.steps.append(Hidden(response.at + timedelta(days=1), book.cast.admins[1], "It names somebody."))
    assert kinds | {Hidden} == {
        Move, Approval, Calculation, Valuation, Settlement, Paid, PaidOut, WrittenOff, Spoke, Reviewed,
        Responded, Hidden,
    }  # fmt: skip
    asked = [one for story in stories for one in inquiries(story)]
    assert {type(step) for one in asked for step in one.steps} == {
        AskedAgain, Assigned, Booked, CalledOff, Edited, FollowUpDue, LeadMove, Met, Moved, Reminded, Talked,
    }  # fmt: skip
    assert any(story.inquiry and story.application.get("referral_partner") for story in stories)
    assert any(story.login for story in stories)
    assert any(story.guarantors for story in stories)
    assert any(story.holdings for story in stories)
    assert {step.to.value for step in steps if isinstance(step, Move)} >= {
        "more_info_required", "declined", "withdrawn", "closed",
    }  # fmt: skip

    def build() -> None:
        builder = Builder(book.recorder, book.cast)
        for story in stories:
            builder.build(story)
        book.recorder.writer.flush()
        book.log.flush()

    services = told(Services(book, stories).tell)
    built = told(build)
    assert services["Notification"]
    of_partners = [row for row in services["Commission"] if row["partnership_id"] is not None]
    assert {row["kind"] for row in of_partners} >= {"upfront", "clawback"}
    assert {row["fee_type"] for row in services["Fee"]} >= {"late", "establishment"}
    assert {row["status"] for row in services["Repayment"]} >= {"paid", "overdue", "superseded"}
    for name, rows in services.items():
        assert built[name] == rows, name


def test_the_cast_is_the_same_as_an_administrator_makes_it() -> None:
    with transaction.atomic():
        book = Book()
        built = snapshot()
        users = {user.pk: user for user in User.objects.all()}
        made = [
            (row.created_at, row)
            for model in (User, Branch, Bdm, Broker, Product, CommissionTerms, OfficeHours, Partnership)
            for row in model._base_manager.order_by("pk")
        ]
        moved = [row for row in Partnership.objects.order_by("pk") if row.status == "active"]
        agreed = list(PartnershipTerms.objects.prefetch_related("tiers").order_by("pk"))
        transaction.set_rollback(True)
    cast = Enterer(users, book.cast.admins[0].pk)
    agenda: list[Any] = [(at, cast.enter, row) for at, row in made]
    agenda += [(row.updated_at, cast.activate, row) for row in moved]
    agenda += [(row.created_at, cast.agree, row) for row in agreed]
    for at, act, row in sorted(agenda, key=itemgetter(0)):
        with time_machine.travel(at, tick=False):
            act(row)
    assert snapshot() == built


class Enterer:
    """An administrator who enters users, branches and profiles."""

    def __init__(self, users: dict[int, User], admin_pk: int) -> None:
        self.users = users
        self.admin_pk = admin_pk
        self.ids: dict[tuple[type[models.Model], int], int] = {}

    @property
    def admin(self) -> User:
        return User.objects.get(email=DEMO_EMAILS[Role.ADMIN])

    def enter(self, row: Any) -> None:
        model = type(row)
        entered = self.user(row) if model is User else self.record(row)
        self.ids[model, row.pk] = entered

    def activate(self, row: Partnership) -> None:
        entered = Partnership.objects.get(pk=self.ids[Partnership, row.pk])
        partnership_change_status(partnership=entered, actor=self.admin, status="active")

    def agree(self, row: PartnershipTerms) -> None:
        apart = ("id", "partnership", "created_at", "updated_at")
        fields = [field.name for field in row._meta.concrete_fields if field.name not in apart]
        partnership_terms_add(
            partnership=Partnership.objects.get(pk=self.ids[Partnership, row.partnership_id]),
            actor=self.admin,
            tiers=[{"from_amount": tier.from_amount, "rate": tier.rate} for tier in row.tiers.all()],
            **{name: getattr(row, name) for name in fields},
        )

    def user(self, row: User) -> int:
        names = ("email", "first_name", "last_name", "phone", "role", "timezone")
        fields = {name: getattr(row, name) for name in names}
        actor: Any = None if row.pk == self.admin_pk else self.admin
        return int(user_create(actor=actor, password=PASSWORD, **fields).pk)

    def record(self, row: Any) -> int:
        view = VIEWS[type(row)]
        skip = {"id", "created_at", "updated_at", *FEES}
        body = {}
        for field in row._meta.concrete_fields:
            if field.name in skip:
                continue
            value = getattr(row, field.attname)
            known = field.is_relation and value is not None
            body[field.name] = self.ids[field.related_model, value] if known else value
        if isinstance(row, Product):
            body["fees"] = {name: getattr(row, name) for name in FEES}
        return int(
            call_view(
                view.as_view(
                    {"post": "create"}, basename=BASENAMES.get(type(row), type(row)._meta.model_name)
                ),
                self.admin,
                "post",
                body,
            ).data["id"]
        )
