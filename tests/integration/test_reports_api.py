"""Reports over HTTP."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from applications.models import Application
from reports.registry import REPORTS
from reports.services.rollups import rollups_rebuild
from tests.factories import ApplicationFactory, UserFactory
from tests.reports.books import loan_of, opened, repayment


def test_application_volume_of_a_broker_counts_their_own(world, api):
    own = world.ours.application
    ApplicationFactory(broker=world.theirs.broker)
    reply = api(world.ours.broker_user).get("/api/reports/application-volume/")
    assert reply.status_code == 200, reply.content
    body = reply.json()
    assert body["total_applications"] == 1
    assert body["total_loan_amount"] == f"{own.loan_amount:.2f}"
    assert body["stage_breakdown"] == {own.stage: 1}
    assert body["comparison"] is None


GOLDEN_DAY = date(2024, 7, 15)


@pytest.fixture
def golden(world, monkeypatch):
    """Four applications of our broker, two loans, six repayments; today is 15 July 2024 in Sydney."""
    for module in ("compliance", "arrears"):
        monkeypatch.setattr(f"reports.selectors.{module}.business_date", lambda: GOLDEN_DAY)
    Application.objects.filter(pk=world.ours.application.pk).update(broker=world.theirs.broker)
    ours = {"broker": world.ours.broker, "bd": world.ours.bdm, "branch": world.ours.branch}
    # 13:59 UTC is 23:59 in Sydney on 30 June (UTC+10); one minute later it is July there.
    opened(
        datetime(2024, 6, 30, 13, 59, tzinfo=UTC), stage="inquiry", loan_amount=Decimal("100000.00"), **ours
    )
    opened(
        datetime(2024, 6, 30, 14, 0, tzinfo=UTC),
        stage="declined",
        came_from="formal_approval",
        loan_amount=Decimal("250000.50"),
        **ours,
    )
    first = opened(
        datetime(2024, 7, 1, 2, 0, tzinfo=UTC), stage="settled", loan_amount=Decimal("300000.00"), **ours
    )
    second = opened(
        datetime(2024, 7, 31, 13, 59, tzinfo=UTC), stage="settled", loan_amount=Decimal("50000.25"), **ours
    )
    loan = loan_of(first, "300000.00", date(2024, 2, 29), rate="6")
    repayment(loan, 1, date(2024, 4, 15), "1000.00", paid="400.00")  # 91 days past due, 600.00 unpaid
    repayment(loan, 2, date(2024, 5, 15), "1000.00", on=date(2024, 5, 15))  # on the day
    repayment(loan, 3, date(2024, 6, 15), "1000.00", on=date(2024, 6, 19))  # 4 days late
    loan = loan_of(second, "100000.00", date(2024, 7, 1), rate="9")
    repayment(loan, 1, date(2024, 6, 30), "500.00", on=date(2024, 7, 1))  # 1 day late
    repayment(loan, 2, date(2024, 7, 14), "500.00")  # missed yesterday: 1 day past due
    repayment(loan, 3, date(2024, 7, 15), "500.00")  # due today: not missed yet
    rollups_rebuild()
    return world


def of(api, user, name, **asked):
    reply = api(user).get(f"/api/reports/{name}/", asked)
    assert reply.status_code == 200, reply.content
    return reply.json()


JULY = {"start_date": "2024-07-01", "end_date": "2024-07-31"}


def test_a_period_by_name_is_that_of_the_day(golden, api, monkeypatch):
    user = golden.ours.broker_user
    # The month before 10 August, by the lender's clock.
    monkeypatch.setattr("reports.serializers.filters.business_date", lambda: date(2024, 8, 10))
    for name in sorted(REPORTS):
        if "period" in REPORTS[name].filters:
            by_name, by_days = of(api, user, name, period="last_month"), of(api, user, name, **JULY)
            assert {**by_name, "as_of": None} == {**by_days, "as_of": None}
            assert (by_name["start_date"], by_name["end_date"]) == ("2024-07-01", "2024-07-31")
            assert of(api, user, name)["start_date"] is None


def test_volume_of_july_by_hand(golden, api):
    body = of(api, golden.ours.broker_user, "application-volume", grouping="week", compare="previous", **JULY)
    # 250000.50 + 300000.00 + 50000.25 = 600000.75; / 3 = 200000.25
    assert body["total_applications"] == 3
    assert body["total_loan_amount"] == "600000.75"
    assert body["average_loan_amount"] == "200000.25"
    assert body["stage_breakdown"] == {"settled": 2, "declined": 1}
    # 1 July 2024 is a Monday; 31 July is a Wednesday, whose week began on the 29th.
    assert body["time_breakdown"] == [
        {"period": "2024-07-01", "count": 2, "total_amount": "550000.50"},
        {"period": "2024-07-29", "count": 1, "total_amount": "50000.25"},
    ]
    # The 31 days before are 31 May to 30 June: the one of 23:59 on 30 June. 3 is 200 % more than 1.
    comparison = body["comparison"]
    assert (comparison["start_date"], comparison["end_date"]) == ("2024-05-31", "2024-06-30")
    assert comparison["figures"][0] == {
        "figure": "total_applications",
        "value": "3.00",
        "previous": "1.00",
        "change": "2.00",
        "change_percent": "200.00",
    }


def test_status_by_hand(golden, api):
    body = of(api, golden.ours.broker_user, "application-status")
    # Approved: the declined one, which came from there, and the two settled: 3 of 4. Settled: 2 of 3.
    assert body["total_active"] == 1
    assert body["inquiry_to_approval_rate"] == "75.00"
    assert body["approval_to_settlement_rate"] == "66.67"
    assert body["overall_success_rate"] == "50.00"


def test_compliance_by_hand(golden, api):
    body = of(api, golden.ours.broker_user, "repayment-compliance")
    # Counted: all but the one due today. 1 on time, 2 late (4 and 1 days), 2 missed.
    assert [body[name] for name in ("total_repayments", "paid_on_time", "paid_late", "missed")] == [
        5,
        1,
        2,
        2,
    ]
    assert body["compliance_rate"] == "20.00"
    assert body["average_days_late"] == "2.50"
    assert body["total_amount_due"] == "4000.00"  # 3 × 1000 + 2 × 500
    assert body["total_amount_paid"] == "2900.00"  # 400 + 1000 + 1000 + 500
    assert body["payment_rate"] == "72.50"
    assert [row["month"] for row in body["monthly_breakdown"]] == [
        f"2024-0{month}-01" for month in (4, 5, 6, 7)
    ]


def test_arrears_by_hand(golden, api):
    body = of(api, golden.ours.bd_user, "arrears-ageing")
    assert {
        row["bucket"]: (row["loans"], row["principal"], row["amount_past_due"]) for row in body["buckets"]
    } == {
        "current": (0, "0.00", "0.00"),
        "1-30": (1, "100000.00", "500.00"),
        "31-60": (0, "0.00", "0.00"),
        "61-90": (0, "0.00", "0.00"),
        "90+": (1, "300000.00", "600.00"),
    }
    assert body["arrears_rate"] == "100.00"


def test_portfolio_by_hand(golden, api):
    body = of(api, golden.admin, "loan-portfolio")
    assert body["principal"] == "400000.00"
    assert body["weighted_rate"] == "6.75"  # (300000 × 6 + 100000 × 9) / 400000
    assert [(row["key"], row["count"]) for row in body["by_lvr"]] == [("unsecured", 2)]
    of_july = of(api, golden.admin, "loan-portfolio", **JULY)
    assert (of_july["total_loans"], of_july["principal"]) == (1, "100000.00")


def test_brokers_by_hand(golden, api):
    body = of(api, golden.ours.bd_user, "broker-performance", **JULY)
    (row,) = body["brokers"]
    assert row["broker_id"] == golden.ours.broker.pk
    assert (row["settled_applications"], row["settled_amount"]) == (2, "350000.25")
    assert (row["approval_rate"], row["settlement_rate"]) == ("100.00", "66.67")
    assert row["average_days_to_settlement"] is None  # no move is on record


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_nothing_gives_zeros_and_nulls(world, api, name):
    stranger = UserFactory(role="broker")
    body = of(api, stranger, name)
    for key, value in body.items():
        if key.endswith(("_rate", "average_days_late")):
            assert value is None, key
        elif key.startswith("total_") and isinstance(value, int):
            assert value == 0, key
    assert set(body["definitions"]) <= set(body)


def test_clients_read_no_reports(world, api):
    for name in REPORTS:
        assert api(world.ours.client_user).get(f"/api/reports/{name}/").status_code == 403


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"start_date": "2024-02-30"}, "start_date"),
        ({"start_date": "2024-02-02", "end_date": "2024-02-01"}, "end_date"),
        ({"grouping": "year"}, "grouping"),
        ({"compare": "previous"}, "compare"),
        ({"broker": "1"}, "broker"),
    ],
)
def test_a_malformed_filter_is_refused(world, api, asked, field):
    reply = api(world.admin).get("/api/reports/application-volume/", asked)
    assert reply.status_code == 400
    assert set(reply.json()["errors"]) == {field}


def test_what_one_may_not_see_is_no_filter(world, api):
    for name, row in (("broker_id", world.theirs.broker), ("application_id", world.theirs.application)):
        reply = api(world.ours.broker_user).get("/api/reports/application-volume/", {name: row.pk})
        assert reply.status_code == 400
        assert set(reply.json()["errors"]) == {name}
