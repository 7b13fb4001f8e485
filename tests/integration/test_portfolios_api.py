"""Figures of brokers, BDMs and branches."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.models import Application, StageChange
from applications.selectors.portfolios import broker_stats
from tests.checks import assert_refused
from tests.factories import ApplicationFactory, BdmFactory, BrokerFactory

pytestmark = pytest.mark.django_db

STAGES = [
    "inquiry",
    "sent_to_lender",
    "funding_table_issued",
    "iloo_issued",
    "iloo_signed",
    "commitment_fee_paid",
    "app_submitted",
    "valuation_ordered",
    "valuation_received",
    "formal_approval",
    "loan_docs_instructed",
    "loan_docs_issued",
    "loan_docs_signed",
    "settlement_conditions",
    "settled",
    "closed",
    "more_info_required",
    "declined",
    "withdrawn",
]
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def book(world):
    """`book(stage, amount, …)` adds an application of ours; the world's own is gone."""
    world.ours.signature.delete()
    Application.objects.filter(pk=world.ours.application.pk).delete()
    ours = world.ours

    def add(stage, amount, *, came_from="", created=NOW, settled=None, approved=None, **owner):
        people = {"broker": ours.broker, "bd": ours.bdm, "branch": ours.branch, **owner}
        application = ApplicationFactory.create(
            stage=stage,
            came_from=came_from,
            loan_amount=Decimal(amount),
            approved_amount=approved and Decimal(approved),
            **people,
        )
        Application.objects.filter(pk=application.pk).update(created_at=created, stage_entered_at=created)
        StageChange.objects.create(application=application, to_stage="inquiry", changed_at=created)
        if settled:
            StageChange.objects.create(
                application=application,
                from_stage="settlement_conditions",
                to_stage="settled",
                changed_at=settled,
            )
        return application

    return add


def stages(body):
    return {row["stage"]: (row["count"], row["amount"]) for row in body["by_stage"] if row["count"]}


# --- brokers --------------------------------------------------------------------------------------


def stats(client, broker, **query):
    return client.get(f"/api/brokers/{broker.pk}/stats/", query)


def test_the_figures_of_a_broker(world, api, book):
    book("inquiry", "100000.00")
    book("more_info_required", "200000.00", came_from="formal_approval")
    book("declined", "300000.00", came_from="valuation_ordered")
    book("withdrawn", "400000.00", came_from="loan_docs_signed")
    book("settled", "500000.00", approved="450000.00", created=NOW - timedelta(days=30), settled=NOW)
    book("closed", "600000.00", created=NOW - timedelta(days=61), settled=NOW - timedelta(hours=12))
    last = book("inquiry", "0.01", created=NOW + timedelta(hours=1))
    reply = stats(api(world.admin), world.ours.broker)
    assert reply.status_code == 200
    body = reply.json()
    assert [row["stage"] for row in body["by_stage"]] == STAGES
    assert body["by_stage"][0]["stage_display"] == "Inquiry"
    assert stages(body) == {
        "inquiry": (2, "100000.01"),
        "more_info_required": (1, "200000.00"),
        "declined": (1, "300000.00"),
        "withdrawn": (1, "400000.00"),
        "settled": (1, "500000.00"),
        "closed": (1, "600000.00"),
    }
    last.refresh_from_db()
    apart = ("by_stage", "arrears", "definitions")
    assert {name: value for name, value in body.items() if name not in apart} == {
        "total_applications": 7,
        "open_applications": 3,
        "open_amount": "300000.01",
        "settled_applications": 2,
        "declined_applications": 1,
        "withdrawn_applications": 1,
        "total_loan_amount": "2100000.01",
        "average_loan_amount": "300000.00",
        "settled_amount": "1050000.00",
        "approval_rate": "57.14",  # 4 of 7
        "settlement_rate": "28.57",  # 2 of 7
        "average_days_to_settlement": "45.25",  # 30 and 60.5
        "last_application_at": "2026-11-24T13:00:00Z",
        "open_loans": 0,
    }
    assert "approval_rate" in body["definitions"]


def test_a_broker_without_applications_has_zeros_and_no_rates(world, api):
    broker = BrokerFactory.create(branch=world.ours.branch)
    body = stats(api(world.admin), broker).json()
    nothing = ("average_loan_amount", "approval_rate", "settlement_rate", "average_days_to_settlement",
               "last_application_at")  # fmt: skip
    assert {body[name] for name in nothing} == {None}
    assert (body["total_applications"], body["total_loan_amount"], body["settled_amount"]) == (
        0,
        "0.00",
        "0.00",
    )
    assert stages(body) == {}


def test_a_settled_loan_whose_moves_were_not_recorded_has_no_days(world, api, book):
    book("settled", "1.00").stage_changes.all().delete()
    body = stats(api(world.admin), world.ours.broker).json()
    assert (body["settled_applications"], body["average_days_to_settlement"]) == (1, None)


@pytest.mark.parametrize(
    ("query", "amount"),
    [
        ({}, "15.00"),
        ({"date_from": "2026-11-24"}, "14.00"),
        ({"date_to": "2026-11-24"}, "7.00"),
        ({"date_from": "2026-11-24", "date_to": "2026-11-24"}, "6.00"),
        ({"date_from": "2026-11-26"}, "0.00"),
        ({"date_from": "", "date_to": ""}, "15.00"),
        ({"date_to": "9999-12-31"}, "15.00"),
    ],
)
def test_a_period_has_whole_days_of_utc(world, api, book, query, amount):
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    for power, moment in enumerate(
        (midnight - tick, midnight, midnight + timedelta(days=1) - tick, midnight + timedelta(days=1))
    ):
        book("inquiry", f"{2**power}.00", created=moment)
    body = stats(api(world.admin), world.ours.broker, **query).json()
    assert body["total_loan_amount"] == amount


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"date_from": "yesterday"}, ["date_from"]),
        ({"date_to": "2026-02-30"}, ["date_to"]),
        ({"date_from": "24/11/2026"}, ["date_from"]),
        ({"date_from": "\x00"}, ["date_from"]),
        ({"start_date": "2026-11-24"}, ["start_date"]),
        ({"date_from": "2026-11-25", "date_to": "2026-11-24"}, ["date_to"]),
    ],
)
def test_a_period_that_is_none_is_refused(world, api, query, errors):
    reply = stats(api(world.admin), world.ours.broker, **query)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, errors)


def test_figures_are_of_what_the_reader_may_see(world, api, book):
    book("inquiry", "1.00")
    book("inquiry", "2.00", branch=world.theirs.branch, bd=world.theirs.bdm)
    broker = world.ours.broker
    for user, amount in (
        (world.admin, "3.00"),
        (world.ours.bd_user, "1.00"),
        (world.ours.broker_user, "3.00"),
    ):
        assert stats(api(user), broker).json()["total_loan_amount"] == amount
    assert_refused(stats(api(world.ours.client_user), broker), 404, "not_found")  # on none of them any more
    assert_refused(stats(api(world.theirs.broker_user), broker), 404, "not_found")


def test_a_client_sees_the_broker_but_not_the_figures(world, api):
    assert_refused(stats(api(world.ours.client_user), world.ours.broker), 403, "permission_denied")


def test_the_figures_of_a_broker_take_two_queries(world, book):
    book("settled", "1.00", settled=NOW)
    with CaptureQueriesContext(connection) as queries:
        broker_stats(Application.objects.all().visible_to(world.admin))
    assert len(queries) == 2


# --- BDMs -----------------------------------------------------------------------------------------


def portfolio(client, bdm):
    return client.get(f"/api/brokers/bdms/{bdm.pk}/portfolio/")


def test_the_portfolio_of_a_bdm(world, api, book):
    ours = world.ours
    other = BrokerFactory.create(branch=ours.branch, company_name="Other Loans")
    book("inquiry", "100.00")
    book("formal_approval", "200.00", broker=other)
    book("settled", "50.00", approved="40.00", broker=other, settled=NOW)
    book("declined", "1.00", came_from="inquiry", broker=None)
    with time_machine.travel(NOW + timedelta(days=1)):
        body = portfolio(api(world.admin), ours.bdm).json()
    assert (body["total_applications"], body["open_applications"], body["open_amount"]) == (4, 2, "300.00")
    assert stages(body) == {
        "inquiry": (1, "100.00"),
        "formal_approval": (1, "200.00"),
        "settled": (1, "50.00"),
        "declined": (1, "1.00"),
    }
    assert body["broker_count"] == 2
    assert body["top_brokers"] == [
        {
            "id": other.pk,
            "name": other.full_name,
            "company_name": "Other Loans",
            "applications": 2,
            "open_applications": 1,
            "open_amount": "200.00",
            "settled_applications": 1,
            "settled_amount": "40.00",
        },
        {
            "id": ours.broker.pk,
            "name": ours.broker.full_name,
            "company_name": "",
            "applications": 1,
            "open_applications": 1,
            "open_amount": "100.00",
            "settled_applications": 0,
            "settled_amount": "0.00",
        },
    ]
    assert body["stale"] == {"count": 0, "amount": "0.00", "applications": []}


def test_the_ten_brokers_with_the_most_open_money_are_named(world, api, book):
    brokers = [BrokerFactory.create(branch=world.ours.branch) for _ in range(11)]
    for number, broker in enumerate(brokers):
        book("inquiry", f"{number + 1}.00", broker=broker)
    body = portfolio(api(world.admin), world.ours.bdm).json()
    assert body["broker_count"] == 11
    assert [row["id"] for row in body["top_brokers"]] == [broker.pk for broker in brokers[:0:-1]]


def test_open_applications_that_do_not_move_for_14_days(world, api, book):
    fortnight = timedelta(days=14)
    with time_machine.travel(NOW, tick=False):
        old = book("inquiry", "10.00", created=NOW - timedelta(days=30))
        just = book("more_info_required", "20.00", came_from="inquiry", created=NOW - fortnight)
        book("inquiry", "40.00", created=NOW - fortnight + timedelta(seconds=1))
        book("declined", "80.00", came_from="inquiry", created=NOW - timedelta(days=90))
        book("settled", "160.00", created=NOW - timedelta(days=90), settled=NOW)
        body = portfolio(api(world.admin), world.ours.bdm).json()["stale"]
    assert (body["count"], body["amount"]) == (2, "30.00")
    assert [(row["id"], row["days_in_stage"]) for row in body["applications"]] == [
        (old.pk, 30),
        (just.pk, 14),
    ]
    assert body["applications"][1] == {
        "id": just.pk,
        "reference_number": just.reference_number,
        "stage": "more_info_required",
        "stage_display": "More information required",
        "loan_amount": "20.00",
        "stage_entered_at": "2026-11-10T12:00:00Z",
        "days_in_stage": 14,
    }


@pytest.mark.parametrize(
    ("now", "month", "quarter", "year"),
    [
        (NOW, date(2026, 11, 1), date(2026, 10, 1), date(2026, 7, 1)),
        (datetime(2026, 6, 30, 23, tzinfo=UTC), date(2026, 6, 1), date(2026, 4, 1), date(2025, 7, 1)),
        (datetime(2026, 7, 1, tzinfo=UTC), date(2026, 7, 1), date(2026, 7, 1), date(2026, 7, 1)),
        (datetime(2026, 1, 31, tzinfo=UTC), date(2026, 1, 1), date(2026, 1, 1), date(2025, 7, 1)),
    ],
)
def test_settlements_by_period(world, api, book, now, month, quarter, year):
    with time_machine.travel(now, tick=False):
        for start in (month, quarter, year):
            moment = datetime.combine(start, datetime.min.time(), UTC)
            book("settled", "1.00", settled=moment)
            book("closed", "1.00", settled=moment - timedelta(microseconds=1))
        body = portfolio(api(world.admin), world.ours.bdm).json()["settled"]

    def counted(start):
        starts = [datetime.combine(day, datetime.min.time(), UTC) for day in (month, quarter, year)]
        moments = [*starts, *(moment - timedelta(microseconds=1) for moment in starts)]
        count = sum(moment >= datetime.combine(start, datetime.min.time(), UTC) for moment in moments)
        return {"count": count, "amount": f"{count}.00"}

    assert body == {
        "this_month": counted(month),
        "this_quarter": counted(quarter),
        "this_financial_year": counted(year),
        "all_time": {"count": 6, "amount": "6.00"},
    }


def test_a_portfolio_without_applications(world, api):
    body = portfolio(api(world.admin), BdmFactory.create()).json()
    assert (body["total_applications"], body["open_amount"], body["top_brokers"]) == (0, "0.00", [])
    assert body["settled"]["all_time"] == {"count": 0, "amount": "0.00"}


def test_a_portfolio_is_for_its_bdm_and_administrators(world, api):
    bdm = world.ours.bdm
    assert portfolio(api(world.ours.bd_user), bdm).json()["total_applications"] == 1
    assert_refused(portfolio(api(world.ours.broker_user), bdm), 403, "permission_denied")
    assert_refused(portfolio(api(world.theirs.bd_user), bdm), 404, "not_found")
    assert_refused(portfolio(api(world.ours.client_user), bdm), 404, "not_found")


# --- branches -------------------------------------------------------------------------------------


def team(client, branch):
    return client.get(f"/api/brokers/branches/{branch.pk}/team/")


def test_the_team_of_a_branch_with_its_workload(world, api, book):
    ours = world.ours
    idle = BrokerFactory.create(branch=ours.branch, is_active=False)
    colleague = BdmFactory.create(branch=ours.branch, job_title="Senior BDM")
    book("inquiry", "100.00")
    book("iloo_issued", "200.00", bd=colleague)
    book("closed", "50.00", approved="45.00")
    for user in (world.admin, ours.bd_user):
        body = team(api(user), ours.branch).json()
        assert [row["id"] for row in body["bdms"]] == [ours.bdm.pk, colleague.pk]
        assert body["bdms"][0] == {
            "id": ours.bdm.pk,
            "user": ours.bd_user.pk,
            "name": ours.bd_user.full_name,
            "email": ours.bd_user.email,
            "job_title": "",
            "is_active": True,
            "open_applications": 1,
            "open_amount": "100.00",
            "settled_applications": 1,
            "settled_amount": "45.00",
        }
        assert (body["bdms"][1]["job_title"], body["bdms"][1]["open_amount"]) == ("Senior BDM", "200.00")
        assert body["brokers"] == [
            {
                "id": ours.broker.pk,
                "name": ours.broker.full_name,
                "email": ours.broker.email,
                "company_name": "",
                "is_active": True,
                "open_applications": 2,
                "open_amount": "300.00",
                "settled_applications": 1,
                "settled_amount": "45.00",
            },
            {
                "id": idle.pk,
                "name": idle.full_name,
                "email": idle.email,
                "company_name": "",
                "is_active": False,
                "open_applications": 0,
                "open_amount": "0.00",
                "settled_applications": 0,
                "settled_amount": "0.00",
            },
        ]


def test_work_for_another_branch_counts_as_far_as_it_is_seen(world, api, book):
    book("inquiry", "1.00")
    book("inquiry", "2.00", branch=world.theirs.branch, bd=world.theirs.bdm)
    for user, amount in ((world.admin, "3.00"), (world.ours.bd_user, "1.00")):
        (row,) = team(api(user), world.ours.branch).json()["brokers"]
        assert row["open_amount"] == amount


def test_a_team_is_for_its_branch_and_administrators(world, api):
    branch = world.ours.branch
    assert_refused(team(api(world.theirs.bd_user), branch), 404, "not_found")
    assert_refused(team(api(world.ours.broker_user), branch), 403, "permission_denied")
    assert_refused(team(api(world.ours.client_user), branch), 403, "permission_denied")


@pytest.mark.parametrize("address", ["brokers/{0.broker.pk}/stats", "brokers/bdms/{0.bdm.pk}/portfolio",
                                     "brokers/branches/{0.branch.pk}/team"])  # fmt: skip
def test_figures_take_the_same_number_of_queries_whatever_the_rows(world, api, book, address):
    client, path = api(world.admin), f"/api/{address.format(world.ours)}/"

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    def grow():
        broker = BrokerFactory.create(branch=world.ours.branch)
        bdm = BdmFactory.create(branch=world.ours.branch)
        book("settled", "1.00", settled=timezone.now())
        book("inquiry", "1.00", broker=broker, created=NOW - timedelta(days=30))
        book("inquiry", "1.00", bd=bdm)

    grow()
    queries()  # from then on the login is known
    few = queries()
    for _ in range(4):
        grow()
    assert queries() == few
