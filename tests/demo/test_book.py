"""What must hold in any book."""

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import F

from applications.choices import UNSECURED_TYPES, Stage
from applications.models import Application, FundingCalculation, Security, StageChange
from applications.stages import ASIDE, legal_moves
from borrowers.choices import PartyType
from borrowers.models import Asset, Borrower, Guarantor, Liability
from brokers.models import Bdm, Branch, Broker
from crm_backend.common.australia import State, validate_tfn
from demo.eventlog import NOTIFIED_DAYS, UNREAD_DAYS
from demo.stories import SERVICED
from engagement.models import Lead, Review
from events.dispatcher import dispatch_pending
from events.models import Event
from events.registry import REGISTRY, payload_class
from notifications.models import Alert, Notification, NotificationCounter, OutgoingMail, Reminder
from servicing.models import Commission, Loan, Payment, Repayment
from tests.demo.support import LIMIT, Written
from tests.servicing.kit import breaches
from users.choices import Role
from users.models import User

RELATED = ("lead.", "interaction.", "review.")
pytestmark = [pytest.mark.usefixtures("written"), pytest.mark.django_db]


def history(application: Application) -> list[StageChange]:
    return list(application.stage_changes.select_related("actor").order_by("id"))


def test_every_row_is_one_that_the_api_would_take() -> None:
    wrong = []  # relations and uniqueness are for the database, which has taken them
    for model in (User, Branch, Bdm, Broker, Borrower, Asset, Liability, Guarantor, Application, Security):
        relations = {field.name for field in model._meta.concrete_fields if field.is_relation}
        for row in model._base_manager.all():
            try:
                row.clean_fields(exclude=relations)
            except ValidationError as error:
                wrong.append((row, error))
    assert wrong == []


def test_every_loan_is_there_with_its_own_figures(written: Written) -> None:
    expected = Counter((loan.amount, loan.term, loan.rate) for loan in written.loans)
    found = Application.objects.values_list("loan_amount", "loan_term", "interest_rate")
    assert Counter(found) == expected
    assert written.counts["applications"] == LIMIT


def test_borrowers_have_the_real_income_and_employment(written: Written) -> None:
    people = Borrower.objects.filter(borrower_type=PartyType.INDIVIDUAL, user=None)
    real = {(loan.income, loan.months_employed) for loan in written.loans}
    assert set(people.values_list("annual_income", "months_employed")) <= real
    companies = Borrower.objects.filter(borrower_type=PartyType.COMPANY)
    assert companies.exists()
    assert set(companies.values_list("annual_revenue", flat=True)) <= {income for income, _ in real}


def test_borrowers_have_the_further_particulars() -> None:
    for borrower in Borrower.objects.all():
        number = borrower.tax_id.reveal()
        validate_tfn(number)
        index: Any = Borrower._meta.get_field("tax_id_index")
        assert index.matching(number) == [borrower.tax_id_index]
        if borrower.borrower_type == PartyType.COMPANY:
            assert borrower.directors
            assert borrower.financials_as_at <= borrower.created_at.date()
        else:
            [document] = json.loads(borrower.identity_documents.reveal())
            assert document["issuing_state"] == borrower.state
    assert Asset.objects.exists()
    assert Liability.objects.exists()


def test_the_history_leads_to_the_stage() -> None:
    for application in Application.objects.all():
        moves = history(application)
        assert (moves[0].from_stage, moves[0].to_stage) == ("", Stage.INQUIRY)
        assert moves[0].changed_at == application.created_at
        assert moves[0].actor == application.created_by
        assert (moves[-1].to_stage, moves[-1].changed_at) == (application.stage, application.stage_entered_at)
        assert application.updated_at == application.stage_entered_at
        for before, move in pairwise(moves):
            assert move.from_stage == before.to_stage
            spent = move.changed_at - before.changed_at
            assert move.seconds_in_stage == spent.total_seconds() > 0


def test_every_move_is_legal_for_who_made_it_and_has_its_reason() -> None:
    for application in Application.objects.all():
        came_from = ""
        for change in history(application)[1:]:
            move = legal_moves(change.from_stage, came_from)[Stage(change.to_stage)]
            assert change.actor is not None
            assert change.actor.role in move.roles
            assert change.reason or not move.needs_reason
            came_from = (came_from or change.from_stage) if change.to_stage in ASIDE else ""
        assert application.came_from == came_from


def test_the_guards_of_the_stages_are_met() -> None:
    approved = Application.objects.filter(stage_changes__to_stage=Stage.FORMAL_APPROVAL)
    assert approved.exists()
    assert not approved.filter(approved_amount=None).exists()
    assert not approved.exclude(application_type__in=UNSECURED_TYPES).filter(securities=None).exists()
    settled = Application.objects.filter(stage_changes__to_stage=Stage.SETTLED)
    assert settled.exists()
    assert not settled.exclude(stage_changes__to_stage=Stage.LOAN_DOCS_SIGNED).exists()
    assert not Application.objects.filter(borrower_links=None).exists()


def test_valuations_and_funding_tables_are_there_when_the_stage_says_so() -> None:
    valued = Application.objects.filter(stage_changes__to_stage=Stage.VALUATION_RECEIVED)
    assert valued.exists()
    assert not valued.filter(securities__valuation_amount=None).exists()
    issued = Application.objects.filter(stage_changes__to_stage=Stage.FUNDING_TABLE_ISSUED)
    secured = issued.exclude(application_type__in=UNSECURED_TYPES)
    assert secured.distinct().count() == FundingCalculation.objects.count() > 0


def test_the_timeline_tells_everything(written: Written) -> None:
    for application in Application.objects.all():
        events = Counter(Event.objects.filter(application_id=application.pk).values_list("type", flat=True))
        approvals = 0 if application.approved_amount is None else 1
        related = Counter({kind: n for kind, n in events.items() if kind.startswith(RELATED)})
        assert related == told_of_relations(application)
        events -= related
        money = Counter({kind: n for kind, n in events.items() if not kind.startswith("application.")})
        assert money == told_of_money(application)
        assert +(events - money) == +Counter(
            {
                "application.created": 1,
                "application.stage_changed": application.stage_changes.count() - 1,
                "application.updated": approvals,
                "application.referred": int(application.referral_partner_id is not None),
                "application.security_changed": application.securities.exclude(valuation_amount=None).count(),
                "application.funding_calculated": application.funding_calculations.count(),
            }
        )
    for model in (User, Branch, Bdm, Broker, Borrower, Guarantor):
        made = Event.objects.filter(type=f"{model._meta.model_name}.created")
        assert set(made.values_list("subject_id", flat=True)) == set(
            model._base_manager.values_list("pk", flat=True)
        )


def told_of_relations(application: Application) -> Counter[str]:
    """The events of what belongs to an application, from its rows."""
    lead = Lead.objects.filter(application=application).first()
    # A lead is started when it is converted, and then follows its application; what was before is elsewhere.
    moves = Event.objects.filter(type="lead.status_changed", subject_id=lead.pk if lead else 0)
    reviews = Review.objects.filter(application=application)
    return +Counter(
        {
            "lead.converted": int(lead is not None),
            "lead.status_changed": moves.filter(occurred_at__gte=application.created_at).count(),
            "interaction.logged": application.interactions.count(),
            "review.written": reviews.count(),
            "review.responded": reviews.exclude(responded_at=None).count(),
            "review.hidden": reviews.exclude(hidden_at=None).count(),
        }
    )


def told_of_money(application: Application) -> Counter[str]:
    """The events of a loan, from its rows."""
    loan = Loan.objects.filter(application=application).first()
    rows = Repayment.objects.filter(application=application)
    of_broker = application.commissions.filter(partnership=None)
    of_partner = application.commissions.exclude(partnership=None)
    overdue = [sum(row.overdue_told >= step for step in (3, 7, 10)) for row in rows]
    return +Counter(
        {
            "loan.settled": int(loan is not None),
            "loan.paid_out": int(loan is not None and loan.status == "closed"),
            "loan.written_off": int(loan is not None and loan.status == "written_off"),
            "commission.accrued": of_broker.exclude(kind="clawback").count(),
            "commission.clawed_back": of_broker.filter(kind="clawback").count(),
            "commission.referral_accrued": of_partner.exclude(kind="clawback").count(),
            "commission.referral_clawed_back": of_partner.filter(kind="clawback").count(),
            "fee.added": application.fees.count(),
            "payment.recorded": application.payments.count(),
            "repayment.due_soon": rows.filter(due_soon_told=True).count(),
            "repayment.overdue": sum(overdue),
        }
    )


def test_loans_of_the_last_months_are_repaid_as_their_outcome_was(written: Written) -> None:
    assert breaches() == []
    first = written.clock.end - SERVICED
    settled = Application.objects.filter(
        stage_changes__to_stage=Stage.SETTLED, stage_changes__changed_at__gte=first
    )
    assert settled.exists()
    assert not settled.filter(loan=None).exists()
    assert Loan.objects.filter(application__borrowers__user__email="client@example.com").count() == 1
    assert not Application.objects.filter(stage=Stage.CLOSED, loan__status="active").exists()
    assert Repayment.objects.filter(status="paid").exists()
    assert Payment.objects.filter(fee=None).exists()
    assert Loan.objects.exclude(oldest_due=None).exists()
    assert set(Commission.objects.values_list("kind", flat=True)) >= {"upfront", "trail", "clawback"}
    assert not Commission.objects.filter(branch_amount=0, partnership=None).exists()


def test_events_are_in_the_order_of_their_time_and_in_the_past(written: Written) -> None:
    times = list(Event.objects.order_by("id").values_list("occurred_at", flat=True))
    assert times == sorted(times)
    assert times[-1] < written.clock.end
    assert written.counts["events"] == len(times)


def test_events_are_well_formed_and_done() -> None:
    for event in Event.objects.all():
        assert payload_class(event.type)(**event.data).model_dump(mode="json") == event.data
        assert event.actor_id not in event.recipients
        assert event.recipients == sorted(set(event.recipients))
    assert not Event.objects.exclude(request_id="").exists()
    assert not Event.objects.exclude(projected_at=F("occurred_at"), dispatched_at=F("occurred_at")).exists()
    assert dispatch_pending() == 0
    assert not OutgoingMail.objects.exists()


def test_something_is_left_to_be_seen_to() -> None:
    alerts = Alert.objects.select_related("created_by")
    assert 0 < alerts.count() <= 4
    for alert in alerts:
        application = Application.objects.get(reference_number=alert.title.split()[0])
        assert alert.created_by == application.bd.user
        assert application.loan.oldest_due.isoformat() in alert.body
    assert 0 < Reminder.objects.count() <= 6
    for reminder in Reminder.objects.select_related("created_by"):
        application = Application.objects.get(reference_number=reminder.subject.split(":")[0])
        assert reminder.recipient_email == application.broker.email
        assert reminder.created_by == application.bd.user
        assert reminder.status == "scheduled"


def test_notifications_are_of_the_last_days_and_numbered_without_gaps(written: Written) -> None:
    begin = written.clock.end - timedelta(days=NOTIFIED_DAYS)
    notified = [name for name, payload in REGISTRY.items() if payload.notify is not None]
    told = Event.objects.filter(type__in=notified)
    recent = told.filter(occurred_at__gte=begin)
    assert Notification.objects.count() == sum(len(event.recipients) for event in recent) > 0
    for counter in NotificationCounter.objects.all():
        rows = Notification.objects.filter(user=counter.user).order_by("seq")
        assert list(rows.values_list("seq", flat=True)) == list(range(1, counter.last_seq + 1))
        times = list(rows.values_list("created_at", flat=True))
        assert times == sorted(times)


def test_older_notifications_are_read_and_newer_ones_are_not(written: Written) -> None:
    read_at = written.clock.end - timedelta(days=UNREAD_DAYS)
    older = Notification.objects.filter(created_at__lt=read_at)
    newer = Notification.objects.filter(created_at__gte=read_at)
    assert set(older.values_list("read_at", flat=True)) == {read_at}
    assert set(newer.values_list("read_at", flat=True)) == {None}
    marked = {event.subject_id: event.data for event in Event.objects.filter(type="notification.read")}
    assert set(marked) == set(older.values_list("user_id", flat=True))
    for user_id, data in marked.items():
        assert data["ids"] == sorted(older.filter(user=user_id).values_list("pk", flat=True))
        assert data["count"] == len(data["ids"])


def test_there_is_a_branch_in_every_state_and_loans_are_in_their_own() -> None:
    assert set(Branch.objects.values_list("state", flat=True)) == set(State.values)
    elsewhere = Application.objects.exclude(borrowers__state=F("branch__state"))
    assert set(elsewhere.values_list("borrowers__email", flat=True)) <= {"client@example.com"}
    assert not Application.objects.exclude(branch=F("bd__branch")).exists()
    assert not Application.objects.exclude(branch=F("broker__branch")).exists()


def test_nobody_but_the_demo_logins_has_a_password(written: Written) -> None:
    able = [user.email for user in User.objects.all() if user.has_usable_password()]
    assert sorted(able) == sorted(login["email"] for login in written.logins.values())


@pytest.mark.parametrize("role", Role.values)
def test_demo_logins_work_over_the_api(written: Written, api: Any, role: str) -> None:
    client = api()
    login = client.post("/api/auth/login/", written.logins[role])
    assert login.status_code == 200, login.content
    client.use(login.json()["access"])
    assert client.get("/api/users/users/me/").json()["role"] == role
    listed = client.get("/api/applications/").json()
    assert listed["count"] == {"admin": LIMIT, "client": 3}.get(role, listed["count"])
    assert listed["count"] >= 3
    unread = client.get("/api/users/notifications/unread-count/").json()["unread_count"]
    # In so small a book nobody but the BDM may have moved the BDM's own applications lately.
    assert unread > 0 or role == Role.BD
    newest = listed["results"][0]["id"]
    timeline = client.get(f"/api/applications/{newest}/timeline/").json()
    assert timeline["count"] == Event.objects.filter(application_id=newest).count()


def test_the_demo_client_has_a_settled_a_declined_and_an_open_application() -> None:
    own = Application.objects.filter(borrowers__user__email="client@example.com").order_by("created_at")
    first, second, third = own
    assert first.stage == Stage.SETTLED
    assert second.stage == Stage.DECLINED
    assert third.stage not in {Stage.SETTLED, Stage.CLOSED, Stage.DECLINED, Stage.WITHDRAWN, Stage.INQUIRY}
    assert {application.broker.user.email for application in own} == {"broker@example.com"}
    assert {application.bd.user.email for application in own} == {"bd@example.com"}
