"""Dashboards: the figures of reports and of rows, with series that add up to them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from applications.models import Application, StageChange
from engagement.models import Lead
from reports.services.rollups import rollups_rebuild
from servicing.dates import business_date
from servicing.models import JournalLine
from servicing.services.payments import payment_record, payment_reverse
from tests.factories import ApplicationFactory, LeadFactory
from tests.servicing.kit import D, fee_of, settled

pytestmark = pytest.mark.django_db
BASE = "/api/analytics/"


def read(client, name, **query):
    reply = client.get(f"{BASE}{name}/", query)
    assert reply.status_code == 200, reply.content
    return reply.json()


def tiles_of(body):
    return {tile["key"]: tile for tile in body["tiles"]}


def test_the_overview_has_the_figures_of_the_reports(world, api):
    client = api(world.admin)
    ApplicationFactory.create(loan_amount="250000.50", broker=world.ours.broker)
    old = ApplicationFactory.create(loan_amount="100000.00")
    Application.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    body = read(client, "dashboard")
    today = business_date()
    assert (body["start_date"], body["end_date"]) == (str(today - timedelta(days=29)), str(today))
    assert body["previous_end_date"] == str(today - timedelta(days=30))
    report = client.get(
        "/api/reports/application-volume/",
        {"start_date": body["start_date"], "end_date": body["end_date"]},
    ).json()
    tiles = tiles_of(body)
    count = tiles["total_applications"]
    assert count["value"] == f"{report['total_applications']}.00"
    assert count["previous"] == "1.00"
    assert Decimal(count["change"]) == report["total_applications"] - 1
    assert tiles["total_loan_amount"]["value"] == report["total_loan_amount"]
    for name in ("total_applications", "total_loan_amount"):
        series = tiles[name]["series"]
        assert [point["date"] for point in series] == [
            str(today - timedelta(days=n)) for n in range(29, -1, -1)
        ]
        assert sum(Decimal(point["value"]) for point in series) == Decimal(tiles[name]["value"])
    assert set(body["definitions"]) == set(tiles)
    for chart in body["charts"]:
        assert all(len(line["values"]) == len(chart["labels"]) for line in chart["series"])
    assert len({chart["key"] for chart in body["charts"]}) == len(body["charts"])


def test_each_reader_has_their_own_book(world, api):
    ours = tiles_of(read(api(world.ours.broker_user), "dashboard"))
    assert ours["total_applications"]["value"] == "1.00"
    assert ours["total_loan_amount"]["value"] == f"{world.ours.application.loan_amount:.2f}"


@pytest.mark.parametrize(("days", "grouping", "steps"), [(1, "day", 1), (62, "day", 62)])
def test_series_have_every_step_of_a_period(world, api, days, grouping, steps):
    last = business_date()
    body = read(api(world.admin), "dashboard", start_date=last - timedelta(days=days - 1), end_date=last)
    assert body["grouping"] == grouping
    series = tiles_of(body)["total_applications"]["series"]
    assert len(series) == steps
    assert sum(Decimal(point["value"]) for point in series) == Application.objects.count()


def test_long_periods_go_by_months(world, api):
    body = read(api(world.admin), "dashboard", start_date="2025-01-15", end_date="2025-12-31")
    assert body["grouping"] == "month"
    dates = [point["date"] for point in tiles_of(body)["total_applications"]["series"]]
    assert dates == [f"2025-{month:02}-01" for month in range(1, 13)]


def test_weeks_begin_on_monday(world, api):
    body = read(api(world.admin), "dashboard", start_date="2026-01-01", end_date="2026-04-30")
    assert body["grouping"] == "week"
    dates = [point["date"] for point in tiles_of(body)["total_applications"]["series"]]
    assert dates[0] == "2025-12-29"
    assert dates[-1] == "2026-04-27"
    assert len(dates) == 18


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start_date": "soon"}, "start_date"),
        ({"start_date": "2026-02-01", "end_date": "2026-01-01"}, "end_date"),
        ({"start_date": "2024-01-01", "end_date": "2026-01-01"}, "start_date"),
        ({"end_date": "0001-05-01"}, "end_date"),
        ({"end_date": "9999-12-31"}, "end_date"),
    ],
)
@pytest.mark.parametrize("name", ["dashboard", "leads", "revenue", "team"])
def test_a_period_is_one(world, api, name, query, field):
    reply = api(world.admin).get(f"{BASE}{name}/", query)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_leads_are_those_that_came_in(world, api):
    Lead.objects.all().delete()
    branch = world.ours.branch
    today = timezone.now()
    for age, fields in (
        (0, {"status": "new", "source": "referral"}),
        (3, {"status": "lost", "source": "referral", "lost_reason": "Rates"}),
        (3, {"status": "contacted", "source": "walk_in"}),
        (35, {"status": "new", "source": "walk_in"}),
    ):
        lead = LeadFactory.create(branch=branch, **fields)
        Lead.objects.filter(pk=lead.pk).update(created_at=today - timedelta(days=age))
    LeadFactory.create(branch=world.theirs.branch)
    body = read(api(world.ours.bd_user), "leads")
    tiles = tiles_of(body)
    assert (tiles["new_leads"]["value"], tiles["new_leads"]["previous"]) == ("3.00", "1.00")
    assert tiles["new_leads"]["change_percent"] == "200.00"
    assert sum(Decimal(point["value"]) for point in tiles["new_leads"]["series"]) == 3
    assert tiles["conversion_rate"]["value"] == "0.00"
    assert tiles["win_rate"]["value"] == "0.00"
    assert tiles["average_days_to_convert"]["value"] is None
    charts = {chart["key"]: chart for chart in body["charts"]}
    assert dict(zip(charts["sources"]["labels"], charts["sources"]["series"][0]["values"], strict=True)) == {
        "Referral": "2.00",
        "Walk-in": "1.00",
    }


def test_revenue_is_what_the_ledger_says(world, api):
    loan = settled(world.admin)
    fee_of(world.admin, loan.application)
    money = {"application": loan.application, "actor": world.admin, "received_on": business_date()}
    payment_record(amount=D(500), **money)
    payment_reverse(payment=payment_record(amount=D(10), **money), actor=world.admin, reason="Bounced.")
    first = business_date() - timedelta(days=365)
    body = read(api(world.admin), "revenue", start_date=first)
    tiles = tiles_of(body)
    # The loan is older than a year.
    lines = list(JournalLine.objects.filter(entry__entry_date__range=(first, business_date())))
    expected = {
        "interest_income": -sum(line.amount for line in lines if line.account == "interest_income"),
        "fee_income": -sum(line.amount for line in lines if line.account == "fee_income"),
        "penalty_income": -sum(line.amount for line in lines if line.account == "penalty_income"),
        "commissions": sum(line.amount for line in lines if line.account == "commission_expense"),
        "cash_received": Decimal(500),
    }
    assert expected["fee_income"] > 0
    for name, amount in expected.items():
        assert Decimal(tiles[name]["value"]) == amount, name
        assert sum(Decimal(point["value"]) for point in tiles[name]["series"]) == amount, name
    parts = ("interest_income", "fee_income", "penalty_income")
    assert Decimal(tiles["income"]["value"]) == sum(expected[name] for name in parts)
    assert tiles_of(read(api(world.theirs.bd_user), "revenue"))["cash_received"]["value"] == "0.00"


def test_the_team_is_compared_by_what_it_did(world, api):
    ours = world.ours.application
    Application.objects.filter(pk=ours.pk).update(stage="settled", approved_amount="90000.00")
    StageChange.objects.create(
        application=ours, from_stage="settlement_conditions", to_stage="settled",
        changed_at=timezone.now(), seconds_in_stage=0,
    )  # fmt: skip
    extra = ApplicationFactory.create(bd=world.ours.bdm, branch=world.ours.branch, loan_amount="70000.00")
    StageChange.objects.create(
        application=extra, from_stage="inquiry", to_stage="settled",
        changed_at=datetime(2020, 1, 1, tzinfo=UTC), seconds_in_stage=0,
    )  # fmt: skip
    body = read(api(world.ours.bd_user), "team")
    assert body["team"] == [
        {
            "bd_id": world.ours.bdm.pk,
            "bd_name": world.ours.bdm.user.full_name,
            "opened": 2,
            "settled": 1,
            "settled_amount": "90000.00",
            "open_applications": 1,
            "open_amount": "70000.00",
        }
    ]
    tiles = tiles_of(body)
    assert (tiles["settled_amount"]["value"], tiles["open_amount"]["value"]) == ("90000.00", "70000.00")
    assert len(read(api(world.admin), "team")["team"]) == 2


@pytest.mark.parametrize("role", ["admin", "bd_user"])
def test_rollups_and_rows_say_the_same(world, api, role):
    loan = settled(world.admin, world.ours.application, on=business_date() - timedelta(days=40))
    payment_record(
        application=loan.application, actor=world.admin, received_on=business_date(), amount=D(500)
    )
    client = api(world.admin if role == "admin" else world.ours.bd_user)
    names = ("dashboard", "revenue", "team")
    periods = ({}, {"start_date": business_date() - timedelta(days=300)})

    def replies():
        return [{**read(client, name, **days), "as_of": None} for name in names for days in periods]

    by_rows = replies()
    assert rollups_rebuild()
    assert replies() == by_rows
    assert tiles_of(by_rows[2])["cash_received"]["value"] == "500.00"
    assert tiles_of(by_rows[5])["settled"]["value"] == "1.00"


@pytest.mark.parametrize(("name", "roles"), [("revenue", ["broker", "client"]), ("dashboard", ["client"])])
def test_who_may_not_look(world, api, name, roles):
    for role in roles:
        assert api(world.user(role)).get(f"{BASE}{name}/").status_code == 403


def test_an_empty_book_is_zeros(world, api):
    body = read(api(world.admin), "dashboard", start_date="2001-01-01", end_date="2001-01-31")
    tiles = tiles_of(body)
    assert tiles["total_applications"]["value"] == "0.00"
    assert tiles["total_applications"]["change_percent"] is None
    assert tiles["compliance_rate"]["value"] is None
