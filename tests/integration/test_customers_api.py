"""Customers: a borrower with the figures of visible loans, and what is around them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.models import ApplicationBorrower
from borrowers.models import Borrower
from customers.selectors import Around, with_figures
from engagement.models import Appointment, Interaction, Review
from servicing.choices import OWED, Account
from servicing.dates import business_date
from servicing.models import JournalLine, Loan
from servicing.services.changes import loan_write_off
from tests.borrowers.merges import merge_into
from tests.engagement.meetings import appointment_of, interaction_of
from tests.factories import ApplicationFactory, BorrowerFactory, CommissionTermsFactory, LeadFactory
from tests.messaging.chats import chat_about
from tests.servicing.kit import fee_of, make_ready, payment_of, settled

pytestmark = pytest.mark.django_db

CUSTOMERS = "/api/customers/"
INCOME = {Account.INTEREST_INCOME, Account.FEE_INCOME, Account.PENALTY_INCOME}


def lines(accounts, *applications):
    """The sum of an account over the ledger itself, not over the balances that are kept beside it."""
    rows = JournalLine.objects.filter(entry__application__in=applications)
    return sum((row.amount for row in rows if row.account in accounts), Decimal("0.00"))


def on(application, borrower):
    ApplicationBorrower.objects.create(application=application, borrower=borrower, position=1)
    return application


def row_of(client, borrower):
    [row] = [row for row in client.get(CUSTOMERS).json()["results"] if row["id"] == borrower.pk]
    return row


@pytest.fixture
def admin(world, api):
    return api(world.admin)


@pytest.fixture
def lent(world):
    """Our borrower with an open loan that is late, an inquiry, and a loan through the other side."""
    CommissionTermsFactory.create()
    loan = settled(world.admin, world.ours.application).application
    fee_of(world.admin, loan)
    payment_of(world.admin, loan, "250.00")
    inquiry = on(
        ApplicationFactory.create(broker=world.ours.broker, bd=world.ours.bdm, branch=world.ours.branch),
        world.ours.borrower,
    )
    elsewhere = on(
        settled(world.admin, make_ready(world.theirs.application)).application, world.ours.borrower
    )
    return loan, inquiry, elsewhere


def test_figures_are_those_of_the_ledger_over_visible_loans(world, admin, api, lent):
    loan, _, elsewhere = lent
    for client, loans in ((admin, (loan, elsewhere)), (api(world.ours.bd_user), (loan,))):
        row = row_of(client, world.ours.borrower)
        assert (row["open_applications"], row["open_loans"], row["closed_loans"]) == (1, len(loans), 0)
        assert Decimal(row["total_lent"]) == 12000 * len(loans)
        assert Decimal(row["balance"]) == lines(OWED, *loans) > 0
        commission = lines({Account.COMMISSION_EXPENSE}, *loans)
        assert commission > 0
        assert Decimal(row["lifetime_value"]) == -lines(INCOME, *loans) - commission
        oldest = Loan.objects.get(application=loan).oldest_due
        assert row["days_past_due"] == (business_date() - oldest).days > 0
        detail = client.get(f"{CUSTOMERS}{row['id']}/").json()
        assert {name: detail[name] for name in row} == row


def test_a_broker_is_not_told_what_a_customer_brings(world, api, lent):
    client = api(world.ours.broker_user)
    row = row_of(client, world.ours.borrower)
    assert row["lifetime_value"] is None
    assert Decimal(row["balance"]) == lines(OWED, lent[0])
    assert client.get(f"{CUSTOMERS}{world.ours.borrower.pk}/").json()["lifetime_value"] is None


def test_what_was_written_off_is_taken_from_what_a_customer_brought(world, admin, lent):
    loan, _, elsewhere = lent
    loan_write_off(application=loan, actor=world.admin, reason="Insolvent")
    row = row_of(admin, world.ours.borrower)
    loans = (loan, elsewhere)
    lost = lines({Account.WRITE_OFF}, *loans)
    assert lost > 10_000
    assert Decimal(row["lifetime_value"]) == (
        -lines(INCOME, *loans) - lost - lines({Account.COMMISSION_EXPENSE}, *loans)
    )
    assert Decimal(row["lifetime_value"]) < 0
    assert (row["open_loans"], row["closed_loans"]) == (1, 1)
    # The loan that was given up is late no more.
    assert row["days_past_due"] == (business_date() - elsewhere.loan.oldest_due).days


def test_a_loan_of_two_counts_for_both(world, admin, lent):
    other = BorrowerFactory.create()
    on(lent[0], other)
    row, whole = row_of(admin, other), lines(OWED, lent[0])
    assert (Decimal(row["total_lent"]), Decimal(row["balance"])) == (Decimal(12000), whole)
    assert Decimal(row_of(admin, world.ours.borrower)["balance"]) == whole + lines(OWED, lent[2])


def test_a_borrower_without_anything_has_zeros(admin):
    row = row_of(admin, BorrowerFactory.create())
    empty = {name: row[name] for name in ("open_applications", "open_loans", "closed_loans", "days_past_due")}
    assert set(empty.values()) == {0}
    assert {row[name] for name in ("total_lent", "balance", "lifetime_value")} == {"0.00"}
    assert (row["last_interaction_at"], row["next_appointment_at"]) == (None, None)


# --- filters ----------------------------------------------------------------------------------------


def found(client, **query):
    reply = client.get(CUSTOMERS, query)
    assert reply.status_code == 200, reply.json()
    assert reply.json()["count"] == len(reply.json()["results"])
    return {row["id"] for row in reply.json()["results"]}


def test_filters_by_loans(world, admin, api, lent):
    ours, theirs, free = world.ours.borrower.pk, world.theirs.borrower.pk, BorrowerFactory.create().pk
    owed = lines(OWED, lent[0], lent[2])
    nobodys = settled(world.admin).application
    nobodys.borrower_links.all().delete()
    Borrower.objects.exclude(pk__in=[ours, theirs, free]).delete()
    assert found(admin, has_open_loan="true") == {ours, theirs}
    assert found(admin, has_open_loan="false") == {free}
    assert found(admin, in_arrears="true") == {ours, theirs}
    assert found(admin, in_arrears="false") == {free}
    assert found(admin, min_balance=owed) == {ours}
    assert found(admin, min_balance=owed + Decimal("0.01")) == set()
    # One's own loans of them are below that.
    assert found(api(world.ours.bd_user), min_balance=lines(OWED, lent[0])) == {ours}
    assert found(api(world.ours.bd_user), min_balance=owed) == set()
    assert found(api(world.ours.broker_user), has_open_loan="true") == {ours}


def test_arrears_elsewhere_are_not_told(world, api, lent):
    payment_of(world.admin, lent[0], lines(OWED, lent[0]))
    assert found(api(world.ours.bd_user), in_arrears="true") == set()
    assert row_of(api(world.ours.bd_user), world.ours.borrower)["days_past_due"] == 0
    assert found(api(world.admin), in_arrears="true") == {world.ours.borrower.pk, world.theirs.borrower.pk}


def test_search_and_ordering_are_those_of_borrowers(world, admin):
    Borrower.objects.filter(pk=world.ours.borrower.pk).update(last_name="Aardvark")
    Borrower.objects.filter(pk=world.theirs.borrower.pk).update(last_name="Zebra")
    assert found(admin, search="aardv") == {world.ours.borrower.pk}
    names = [row["id"] for row in admin.get(CUSTOMERS, {"ordering": "last_name"}).json()["results"]]
    assert names == [world.ours.borrower.pk, world.theirs.borrower.pk]
    reply = admin.get(CUSTOMERS, {"ordering": "balance"})
    assert reply.status_code == 400
    assert "ordering" in reply.json()["errors"]


# --- around one -------------------------------------------------------------------------------------


@pytest.fixture
def known(world, lent):
    """Interactions and appointments on the borrower, an application, a lead that they were, and elsewhere."""
    bd, borrower = world.ours.bd_user, world.ours.borrower
    lead = world.ours.lead
    type(lead).objects.filter(pk=lead.pk).update(borrower=borrower, converted_at=timezone.now())
    hidden = LeadFactory.create(
        assignee=world.theirs.broker_user, branch=world.theirs.branch, created_by=world.theirs.broker_user
    )
    type(hidden).objects.filter(pk=hidden.pk).update(borrower=borrower, converted_at=timezone.now())
    now = timezone.now()
    calls = [
        Interaction.objects.create(
            author=bd, kind="call", subject="A call", occurred_at=now - timedelta(days=ago), **{name: of}
        )
        for ago, (name, of) in enumerate(
            [("lead", lead), ("borrower", borrower), ("application", lent[1])], start=1
        )
    ]
    unseen = [
        interaction_of(lent[2], world.theirs.bd_user),
        Interaction.objects.create(
            author=world.theirs.bd_user, kind="call", subject="A call", occurred_at=now, lead=hidden
        ),
    ]
    appointments = [
        appointment_of(lent[1], bd),
        appointment_of(lent[1], bd, is_over=True),
        appointment_of(lent[2], world.theirs.bd_user),
    ]
    for name, of, host in (
        ("borrower", borrower, bd),
        ("borrower", borrower, world.theirs.bd_user),
        ("lead", lead, bd),
    ):
        made = appointment_of(lent[1], host)
        Appointment.objects.filter(pk=made.pk).update(application=None, **{name: of})
        appointments.append(made)
    return calls, unseen, appointments


def test_the_latest_and_the_next_are_of_what_one_sees(world, api, admin, known):
    borrower = world.ours.borrower
    for client, user in ((admin, world.admin), (api(world.ours.bd_user), world.ours.bd_user),
                         (api(world.ours.broker_user), world.ours.broker_user)):  # fmt: skip
        # What the lists of interactions and appointments show of them, by their own scopes.
        mine = Around(borrower, user)._subject
        calls = Interaction.objects.visible_to(user).filter(mine).order_by("-occurred_at")
        meetings = Appointment.objects.visible_to(user).filter(
            mine, status="scheduled", starts_at__gte=timezone.now()
        )
        detail = client.get(f"{CUSTOMERS}{borrower.pk}/").json()
        assert [row["id"] for row in detail["recent_interactions"]] == [row.pk for row in calls]
        assert [row["id"] for row in detail["upcoming_appointments"]] == [
            row.pk for row in meetings.order_by("starts_at")
        ]
        [figures] = with_figures(Borrower.objects.filter(pk=borrower.pk), reader=user)
        assert figures.last_interaction_at == calls[0].occurred_at
        assert figures.next_appointment_at == meetings.order_by("starts_at")[0].starts_at
    assert len(admin.get(f"{CUSTOMERS}{borrower.pk}/").json()["recent_interactions"]) == 5
    bd = api(world.ours.bd_user).get(f"{CUSTOMERS}{borrower.pk}/").json()
    assert {row["id"] for row in bd["recent_interactions"]} == {row.pk for row in known[0]}
    assert len(bd["upcoming_appointments"]) == 3


def test_loans_and_people_are_those_of_visible_applications(world, api, admin, lent):
    loan, inquiry, elsewhere = lent
    pk = world.ours.borrower.pk
    other = BorrowerFactory.create(email="other@example.com")
    on(loan, other)
    detail = api(world.ours.bd_user).get(f"{CUSTOMERS}{pk}/").json()
    assert [row["id"] for row in detail["loans"]] == [inquiry.pk, loan.pk]
    shown = detail["loans"][1]
    assert (shown["stage"], shown["amount"], Decimal(shown["balance"])) == (
        "settled",
        "12000.00",
        lines(OWED, loan),
    )
    assert shown["settled_on"] == str(loan.loan.settled_on)
    assert detail["loans"][0]["settled_on"] is None
    assert [(row["relation"], row["id"], bool(row["email"])) for row in detail["contacts"]] == [
        ("broker", world.ours.broker.pk, True),
        ("bdm", world.ours.bdm.pk, True),
        ("co_borrower", other.pk, True),
        ("guarantor", world.ours.guarantor.pk, bool(world.ours.guarantor.email)),
    ]
    everyone = admin.get(f"{CUSTOMERS}{pk}/").json()
    assert {row["id"] for row in everyone["loans"]} == {inquiry.pk, loan.pk, elsewhere.pk}
    assert ("co_borrower", world.theirs.borrower.pk) in {
        (row["relation"], row["id"]) for row in everyone["contacts"]
    }


def test_whose_profile_one_does_not_see_is_named_and_not_reached(world, api, lent):
    loan = lent[0]
    type(loan).objects.filter(pk=loan.pk).update(broker=world.theirs.broker)
    detail = api(world.ours.bd_user).get(f"{CUSTOMERS}{world.ours.borrower.pk}/").json()
    [row] = [row for row in detail["contacts"] if row["id"] == world.theirs.broker.pk]
    assert row == {
        "relation": "broker",
        "id": world.theirs.broker.pk,
        "name": str(world.theirs.broker),
        "email": "",
        "phone": "",
    }


def test_conversations_are_the_callers_own_and_reviews_those_shown(world, api, admin, lent):
    pk = world.ours.borrower.pk
    chat = chat_about(world.ours, world.ours.bd_user)
    review = Review.objects.create(
        application=lent[0],
        borrower=world.ours.borrower,
        author=world.ours.client_user,
        rating=4,
        title="Good",
    )
    detail = api(world.ours.bd_user).get(f"{CUSTOMERS}{pk}/").json()
    assert [row["id"] for row in detail["conversations"]] == [chat.pk]
    assert [row["id"] for row in detail["reviews"]] == [review.pk]
    assert admin.get(f"{CUSTOMERS}{pk}/").json()["conversations"] == []
    Review.objects.update(hidden_at=timezone.now(), hidden_by=world.admin)
    assert api(world.ours.broker_user).get(f"{CUSTOMERS}{pk}/").json()["reviews"] == []


# --- who, and how many queries ----------------------------------------------------------------------


def test_clients_read_their_profile_and_not_this(world, api):
    client = api(world.ours.client_user)
    assert client.get(CUSTOMERS).status_code == 403
    assert client.get(f"{CUSTOMERS}{world.ours.borrower.pk}/").status_code == 403


def test_others_customers_are_not_there(world, api):
    for user in (world.ours.bd_user, world.ours.broker_user):
        assert found(api(user)) == {world.ours.borrower.pk}
        assert api(user).get(f"{CUSTOMERS}{world.theirs.borrower.pk}/").status_code == 404


def test_a_merged_customer_says_where_it_went(world, admin):
    merge = merge_into(world.ours.borrower, world.admin)
    reply = admin.get(f"{CUSTOMERS}{merge.duplicate_id}/")
    assert (reply.status_code, reply.json()["merged_into"]) == (410, world.ours.borrower.pk)


def test_a_page_takes_one_statement_and_a_detail_as_many_for_more_rows(world, admin, known):
    url = f"{CUSTOMERS}{world.ours.borrower.pk}/"
    for address in (CUSTOMERS, url):
        admin.get(address)
        with CaptureQueriesContext(connection) as before:
            assert admin.get(address).status_code == 200
        for _ in range(3):
            more = ApplicationFactory.create(
                broker=world.ours.broker, bd=world.ours.bdm, branch=world.ours.branch
            )
            on(more, world.ours.borrower)
            on(more, BorrowerFactory.create())
            interaction_of(more, world.ours.bd_user)
            appointment_of(more, world.ours.bd_user)
        with CaptureQueriesContext(connection) as after:
            assert admin.get(address).status_code == 200
        assert len(after) == len(before), address
