"""`POST /api/schedules/preview/`: what it takes, what it answers, and that it keeps nothing."""

import pytest

from tests.integration.bodies import LOAN
from tests.writes import nothing_written

PREVIEW = "/api/schedules/preview/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(world, api):
    return api(world.ours.client_user)


def test_a_published_table(client):
    body = {
        **LOAN,
        "principal": "100",
        "annual_rate": "15.678",
        "number_of_instalments": 6,
        "start_date": "2024-01-01",
    }
    with nothing_written():
        reply = client.post(PREVIEW, body)
    assert reply.status_code == 200
    assert reply.json() == {
        "instalments": [
            row("2024-02-01", 31, "1.33", "16.10", "17.43", "83.90", number=1),
            row("2024-03-01", 29, "1.05", "16.38", "17.43", "67.52", number=2),
            row("2024-04-01", 31, "0.90", "16.53", "17.43", "50.99", number=3),
            row("2024-05-01", 30, "0.66", "16.77", "17.43", "34.22", number=4),
            row("2024-06-01", 31, "0.46", "16.97", "17.43", "17.25", number=5),
            row("2024-07-01", 30, "0.22", "17.25", "17.47", "0.00", number=6),
        ],
        "totals": {"interest": "4.62", "principal": "100.00", "total": "104.62"},
    }


def row(due_date, days, interest, principal, total, balance, *, number):
    return {
        "number": number, "due_date": due_date, "days": days, "interest": interest, "principal": principal,
        "total": total, "balance": balance,
    }  # fmt: skip


def test_everything_that_can_be_said(client):
    body = {
        "principal": 1250,
        "annual_rate": 15,
        "number_of_instalments": 4,
        "frequency": {"unit": "week", "every": 2},
        "start_date": "2023-09-01",
        "first_due_date": "2023-09-30",
        "method": "fixed_principal_percentage",
        "principal_percentage": "20",
        "day_count": "equal_periods",
        "rounding": {"mode": "half_even", "instalment_multiple": "1"},
        "instalment_amount": None,
        "principal_grace_periods": 1,
        "balloon": "100.00",
        "extra_payments": [{"date": "2023-10-14", "amount": "50", "effect": "next_due"}],
    }
    reply = client.post(PREVIEW, body)
    assert reply.status_code == 200
    rows = reply.json()["instalments"]
    # The first period has a day more than two fortnights: 1,250 × 15 % ÷ 26 × (2 + 1/14) = 14.94.
    assert rows[0] == row("2023-09-30", 29, "14.94", "0.00", "14.94", "1250.00", number=1)
    # 7.21 + 250 = 257.21 → 257, and 50 on top.
    assert rows[1] == row("2023-10-14", 14, "7.21", "299.79", "307.00", "950.21", number=2)
    # 5.48 + 250 = 255.48 → 255, of which 50 of principal were paid ahead.
    assert rows[2] == row("2023-10-28", 14, "5.48", "199.52", "205.00", "750.69", number=3)
    assert rows[3]["balance"] == "0.00"


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"number_of_instalments": 601}, {"number_of_instalments": ["A loan runs for 50 years at most."]}),
        ({"instalment_amount": "1.00"}, {"instalment_amount": [
            "It does not cover the interest of instalment 1, 479.45."]}),
        ({"method": "fixed_principal_percentage"}, {"principal_percentage": ["This method needs it."]}),
        ({"first_due_date": "2026-01-31"}, {"first_due_date": [
            "The first instalment is due after the start."]}),
        ({"start_date": "1899-12-31"}, {"start_date": ["A loan starts between 1900 and 2200."]}),
        ({"extra_payments": [
            {"date": "2026-02-28", "amount": "1.00", "effect": "reduce_term"},
            {"date": "2026-02-28", "amount": "100000.00", "effect": "reduce_term"},
        ]}, {"extra_payments": {"1": {"amount": ["Only 91862.35 is owed then, besides interest."]}}}),
    ],
)  # fmt: skip
def test_the_engine_refuses_by_field(client, change, errors):
    reply = client.post(PREVIEW, {**LOAN, **change})
    assert reply.status_code == 400
    assert reply.json()["errors"] == errors


@pytest.mark.parametrize(
    ("state", "adjustment", "due"),
    [
        # 25 April 2026 is a Saturday, and Anzac Day; in some states the Monday is free as well.
        ("NSW", "previous", "2026-04-24"),
        ("VIC", "next", "2026-04-27"),
        ("WA", "next", "2026-04-28"),
    ],
)
def test_due_dates_on_business_days(client, state, adjustment, due):
    rule = {"adjustment": adjustment, "state": state}
    body = {**LOAN, "start_date": "2026-03-25", "number_of_instalments": 1, "business_days": rule}
    rows = client.post(PREVIEW, body).json()["instalments"]
    assert [row["due_date"] for row in rows] == [due]


@pytest.mark.parametrize("missing", list(LOAN))
def test_terms_are_not_guessed(client, missing):
    body = {name: value for name, value in LOAN.items() if name != missing}
    reply = client.post(PREVIEW, body)
    assert reply.status_code == 400
    assert reply.json()["errors"] == {missing: ["This field is required."]}


def test_fifty_years_of_days(client):
    body = {
        **LOAN,
        "number_of_instalments": 18262,
        "frequency": {"unit": "day", "every": 1},
        "annual_rate": "5",
    }
    reply = client.post(PREVIEW, body)
    assert reply.status_code == 200
    rows = reply.json()["instalments"]
    assert rows[-1]["balance"] == "0.00"
    assert rows[-1]["due_date"] > "2075"


def test_amounts_have_no_end(client):
    # Interest on interest, at 100 % each year for 50 years: 100,000 × 2^50.
    body = {
        **LOAN, "annual_rate": "100", "number_of_instalments": 50, "method": "bullet",
        "day_count": "equal_periods", "frequency": {"unit": "month", "every": 12},
    }  # fmt: skip
    reply = client.post(PREVIEW, body)
    assert reply.json()["instalments"][-1]["total"] == f"{100_000 * 2**50}.00"
